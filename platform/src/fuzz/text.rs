//! Bodies and queries.

use std::fmt::Debug;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::http::{CODES, PageParams, Problem, parameters_of, parse};

/// A name that no body and no query has.
const STRANGE: &str = "noSuchName";

/// A refusal is one that is known, with a status for mistakes of the caller, and points into what was sent.
pub fn refused(problem: &Problem) {
    let status = problem.status().as_u16();
    assert!((400..500).contains(&status), "{status} {}", problem.code());
    let known = CODES.iter().any(|(code, told, _)| (*code, *told) == (problem.code(), status));
    assert!(known, "{status} {} is no known refusal", problem.code());
    for error in &problem.parts().errors {
        assert!(error.pointer.is_empty() || error.pointer.starts_with('/'), "{}", error.pointer);
    }
}

/// A body is taken as the same thing each time, or refused each time alike. One that is taken is a JSON object, and would
/// not be taken with a name it does not have.
pub fn body<T: DeserializeOwned + Debug>(bytes: &[u8]) -> Option<T> {
    match (parse::<T>(bytes), parse::<T>(bytes)) {
        (Ok(taken), Ok(again)) => {
            assert_eq!(format!("{taken:?}"), format!("{again:?}"));
            let mut members: Map<String, Value> = serde_json::from_slice(bytes).unwrap();
            members.insert(STRANGE.to_owned(), Value::Null);
            let strange = serde_json::to_vec(&members).unwrap();
            assert!(parse::<T>(&strange).is_err(), "{STRANGE} was taken");
            Some(taken)
        }
        (Err(one), Err(other)) => {
            refused(&one);
            assert_eq!((one.status(), one.code()), (other.status(), other.code()));
            None
        }
        (one, _) => panic!("taken once and refused once: {one:?}"),
    }
}

/// The same of a query.
pub fn parameters<T: DeserializeOwned + Debug>(bytes: &[u8]) -> Option<T> {
    let text = str::from_utf8(bytes).ok()?;
    match (parameters_of::<T>(text), parameters_of::<T>(text)) {
        (Ok(taken), Ok(again)) => {
            assert_eq!(format!("{taken:?}"), format!("{again:?}"));
            let strange = format!("{text}&{STRANGE}=1");
            assert!(parameters_of::<T>(&strange).is_err(), "{STRANGE} was taken");
            Some(taken)
        }
        (Err(one), Err(other)) => {
            refused(&one);
            assert_eq!((one.status(), one.code()), (other.status(), other.code()));
            None
        }
        (one, _) => panic!("taken once and refused once: {one:?}"),
    }
}

/// Whatever the strict reader takes, an ordinary one takes too, and reads the same. It has no name twice at any level and
/// is not nested deeper than allowed.
pub fn json(bytes: &[u8]) {
    match parse::<Map<String, Value>>(bytes) {
        Ok(taken) => {
            let ordinary: Map<String, Value> = serde_json::from_slice(bytes).unwrap();
            assert_eq!(taken, ordinary);
            let value = Value::Object(taken);
            assert!(depth(&value) <= 32, "nested too deep");
            let names = bytes.split(|byte| *byte == b':').count() - 1;
            assert!(members(&value) <= names, "more names than were written");
        }
        Err(problem) => refused(&problem),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn members(value: &Value) -> usize {
    match value {
        Value::Object(inner) => inner.len() + inner.values().map(members).sum::<usize>(),
        Value::Array(items) => items.iter().map(members).sum(),
        _ => 0,
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Filter {
    #[expect(dead_code, reason = "it is read to be shown")]
    limit: Option<u32>,
    #[serde(rename = "createdAt[gte]")]
    created_from: Option<kernel::Moment>,
    #[expect(dead_code, reason = "it is read to be shown")]
    q: Option<String>,
}

/// The parameters of a list, and of one with filters.
pub fn query(bytes: &[u8]) {
    parameters::<PageParams>(bytes);
    if let Some(Filter { created_from: Some(moment), .. }) = parameters::<Filter>(bytes) {
        assert_eq!(moment.to_string().parse(), Ok(moment));
    }
}
