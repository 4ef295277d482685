//! What stands in the URL: query parameters, of which an unknown one is a mistake, and ids.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use kernel::{Entity, Id};
use serde::de::DeserializeOwned;

use super::json::Fault;
use super::problem::Problem;

/// The query string as a struct with `deny_unknown_fields`. A filter such as `createdAt[gte]` is a field renamed so.
#[derive(Debug, Clone)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Params<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request.query_string()).map(Self))
    }
}

pub(crate) fn read<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let parsed = form_urlencoded::parse(query.as_bytes());
    let mut names: Vec<_> = parsed.map(|(name, _)| name).collect();
    names.sort_unstable();
    // Looked for here rather than left to the struct, which would not notice the second of two unknown ones.
    if let Some([twice, _]) = names.array_windows().find(|[one, next]| one == next) {
        return Err(invalid_parameter(twice, "duplicate_parameter", "This parameter is there twice"));
    }
    let pairs = serde_urlencoded::Deserializer::new(parsed);
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let message = error.inner().to_string();
        let fault = Fault::read(&message);
        let name = fault.missing.map_or_else(|| error.path().to_string(), str::to_owned);
        match fault.code {
            "unknown_field" => {
                invalid_parameter(&name, "unknown_parameter", "There is no such parameter here")
            }
            "missing_field" => invalid_parameter(&name, "missing_parameter", "This parameter is required"),
            _ => invalid_parameter(&name, "invalid_value", &fault.detail),
        }
    })
}

/// 400 that names the parameter and says what is wrong with it.
pub fn invalid_parameter(name: &str, code: &'static str, detail: &str) -> Problem {
    Problem::bad_request("invalid_parameter", "A query parameter is not what this takes").field(
        format!("/{name}"),
        code,
        detail,
    )
}

/// The `{id}` of the path. What cannot be the id of a `T` is not found, like an id that nobody has.
pub struct PathId<T>(pub Id<T>);

impl<T: Entity> FromRequest for PathId<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(id(request.match_info().get("id")).map(Self))
    }
}

/// Two ids of the path in their order, such as a cart's and its line's.
pub struct PathIds<A, B>(pub Id<A>, pub Id<B>);

impl<A: Entity, B: Entity> FromRequest for PathIds<A, B> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut segments = request.match_info().iter().map(|(_, text)| text);
        let outer = id(segments.next());
        let inner = id(segments.next());
        ready(outer.and_then(|outer| Ok(Self(outer, inner?))))
    }
}

fn id<T: Entity>(text: Option<&str>) -> Result<Id<T>, Problem> {
    text.and_then(|text| Id::from_str(text).ok()).ok_or_else(|| Problem::not_found("resource"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Sort {
        Name,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Filter {
        limit: Option<u32>,
        #[serde(rename = "createdAt[gte]")]
        created_from: Option<kernel::Moment>,
        q: Option<String>,
        sort: Option<Sort>,
    }

    fn refusal(query: &str) -> (String, &'static str) {
        let problem = read::<Filter>(query).unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.code()), (400, "invalid_parameter"), "{query}");
        let error = &problem.parts().errors[0];
        (error.pointer.clone(), error.code)
    }

    #[test]
    fn a_parameter_nobody_asked_for_is_refused_by_name() {
        let cases = [
            ("limt=5", "/limt", "unknown_parameter"),
            ("filter[a][b][c]=1", "/filter[a][b][c]", "unknown_parameter"),
            ("createdAt%5Blt%5D=1", "/createdAt[lt]", "unknown_parameter"),
            ("limit=5&limit=6", "/limit", "duplicate_parameter"),
            ("limit=5&li%6Dit=6", "/limit", "duplicate_parameter"),
            ("limit=many", "/limit", "invalid_value"),
            ("limit=", "/limit", "invalid_value"),
            ("limit=-1", "/limit", "invalid_value"),
            ("sort=price;DROP TABLE", "/sort", "invalid_value"),
            ("createdAt[gte]=yesterday", "/createdAt[gte]", "invalid_value"),
        ];
        for (query, pointer, code) in cases {
            assert_eq!(refusal(query), (pointer.to_owned(), code), "{query}");
        }
    }

    #[test]
    fn what_was_encoded_twice_stays_literal() {
        let filter: Filter =
            read("q=%2565&limit=5&sort=name&createdAt%5Bgte%5D=2026-01-01T00:00:00Z").unwrap();
        assert_eq!((filter.q.as_deref(), filter.limit), (Some("%65"), Some(5)));
        assert!(filter.created_from.is_some() && matches!(filter.sort, Some(Sort::Name)));
        assert!(read::<Filter>("").is_ok());
    }
}
