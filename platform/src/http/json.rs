//! Bodies, read strictly: what is not exactly asked for is refused, never coerced, and the refusal says where.

mod closed;
mod shape;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_path_to_error::{Path, Segment};

use super::problem::Problem;
use closed::Closed;

/// Reads a body. It must be one JSON object in UTF-8, at most 32 levels deep.
///
/// # Errors
/// 400 `malformed_json` when it cannot be read, 422 `invalid_body` naming the field when it is not a `T`.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(malformed("The body starts with a byte order mark"));
    }
    let text = str::from_utf8(bytes).map_err(|_| malformed("The body is not UTF-8"))?;
    if text.trim_ascii().is_empty() {
        return Err(malformed("The body is empty"));
    }
    shape::check(text)?;

    let mut json = serde_json::Deserializer::from_str(text);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    T::deserialize(Closed(tracked)).map_err(|error| invalid(&error.to_string(), &track.path()))
}

/// Reads a field that may be absent (keep), `null` (clear) or a value (change).
///
/// For `#[serde(default, deserialize_with = "platform::http::patch")] note: Option<Option<String>>`.
///
/// # Errors
/// The value is there and not a `T`.
pub fn patch<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

fn malformed(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::bad_request("malformed_json", detail)
}

fn refused(pointer: String, code: &'static str, detail: impl Into<String>) -> Problem {
    Problem::unprocessable("invalid_body", "The body is not what this takes").field(pointer, code, detail)
}

fn invalid(message: &str, path: &Path) -> Problem {
    let fault = Fault::read(message);
    let mut pointer = pointer(path);
    if let Some(missing) = fault.missing {
        step(&mut pointer, &escape(missing));
    }
    refused(pointer, fault.code, fault.detail)
}

/// What serde found wrong. It tells only in words, so the words are taken apart here and nowhere else.
pub(super) struct Fault<'a> {
    pub(super) code: &'static str,
    pub(super) detail: String,
    pub(super) missing: Option<&'a str>,
}

impl<'a> Fault<'a> {
    /// Never repeats the value: it may be a password in the wrong field.
    pub(super) fn read(message: &'a str) -> Self {
        let message = message.rfind(" at line ").map_or(message, |end| &message[..end]);
        let expected = || message.rsplit_once(", expected ").map_or("another value", |(_, rest)| rest);
        let (code, detail, missing) = if let Some(rest) = message.strip_prefix("missing field `") {
            ("missing_field", "This field is required".to_owned(), rest.strip_suffix('`'))
        } else if message.starts_with("unknown field ") {
            ("unknown_field", "There is no such field here".to_owned(), None)
        } else if message.starts_with("duplicate field ") {
            ("duplicate_field", "This field is there twice".to_owned(), None)
        } else if message.starts_with("invalid type: ") {
            ("wrong_type", format!("Expected {}", plain(expected())), None)
        } else if message.starts_with("unknown variant ")
            || message.starts_with("invalid value: ")
            || message.starts_with("invalid length ")
        {
            ("invalid_value", format!("Expected {}", plain(expected())), None)
        } else {
            ("invalid_value", capitalised(message), None)
        };
        Self { code, detail, missing }
    }
}

/// Rust's names of types, in words of JSON.
fn plain(expected: &str) -> &str {
    match expected {
        "i8" | "i16" | "i32" | "i64" => "a whole number in range",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number in range, not negative",
        "a sequence" => "an array",
        "a map" => "an object",
        _ if expected.starts_with("struct ") => "an object",
        _ => expected,
    }
}

fn capitalised(sentence: &str) -> String {
    let mut sentence = sentence.to_owned();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => step(&mut pointer, &index.to_string()),
            Segment::Map { key } => step(&mut pointer, &escape(key)),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

fn step(pointer: &mut String, to: &str) {
    pointer.push('/');
    pointer.push_str(to);
}

/// `~` and `/` inside a name, as RFC 6901 wants them.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests;
