//! Versions of things, as HTTP compares them: a change names the version it was made for, a reader the one it has.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{IF_MATCH, IF_NONE_MATCH};
use actix_web::{FromRequest, HttpRequest};

use super::problem::Problem;

/// The strong entity tag of a version: `"v12"`.
pub fn etag(version: i64) -> String {
    format!("\"v{version}\"")
}

/// The version a change is meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfMatch(Expected);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expected {
    /// The header was not sent.
    Nothing,
    /// `*`: whatever there is.
    Any,
    Versions(Vec<i64>),
}

impl IfMatch {
    /// Whether a change may go on, the thing being at `current`.
    ///
    /// # Errors
    /// 428 `precondition_required` without the header, 412 `precondition_failed` when it names other versions. A weak
    /// tag never matches: it says "about the same", and a change must not be based on that.
    pub fn check(&self, current: i64) -> Result<(), Problem> {
        match &self.0 {
            Expected::Any => Ok(()),
            Expected::Versions(versions) if versions.contains(&current) => Ok(()),
            Expected::Versions(_) => Err(Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "precondition_failed",
                "It was changed since; read it again and repeat the change",
            )),
            Expected::Nothing => Err(Problem::new(
                StatusCode::PRECONDITION_REQUIRED,
                "precondition_required",
                "Send If-Match with the ETag of the version this change is meant for",
            )),
        }
    }

    /// The one version named, for an `UPDATE … WHERE version = $1`.
    pub fn version(&self) -> Option<i64> {
        match &self.0 {
            Expected::Versions(versions) if versions.len() == 1 => versions.first().copied(),
            Expected::Versions(_) | Expected::Any | Expected::Nothing => None,
        }
    }

    pub(crate) fn read<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut tags = values.flat_map(|value| value.split(',')).map(str::trim).peekable();
        match tags.peek() {
            None => Self(Expected::Nothing),
            Some(&"*") => Self(Expected::Any),
            // What is no tag of ours cannot be the current version; it only does not match.
            Some(_) => Self(Expected::Versions(tags.filter_map(version).collect())),
        }
    }
}

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let values = request.headers().get_all(IF_MATCH).map(|value| value.to_str().unwrap_or_default());
        ready(Ok(Self::read(values)))
    }
}

fn version(tag: &str) -> Option<i64> {
    tag.strip_prefix("\"v")?.strip_suffix('"')?.parse().ok()
}

/// Whether the caller already holds what `etag` names, so that 304 is the answer. What cannot be read does not match.
pub fn if_none_match(request: &HttpRequest, etag: &str) -> bool {
    request
        .headers()
        .get_all(IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || without_weakness(tag) == without_weakness(etag))
}

fn without_weakness(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn refusal(value: &str, current: i64) -> Option<u16> {
        IfMatch::read([value].into_iter()).check(current).err().map(|problem| problem.status().as_u16())
    }

    #[test]
    fn a_change_for_another_version_is_refused() {
        assert_eq!(refusal("\"v12\"", 12), None);
        assert_eq!(refusal("\"v3\", \"v12\"", 12), None);
        assert_eq!(refusal("*", 12), None);
        for stale in ["\"v11\"", "W/\"v12\"", "v12", "\"12\"", "", "\"v12", "\"v999999999999999999999\""] {
            assert_eq!(refusal(stale, 12), Some(412), "{stale}");
        }
        assert_eq!(IfMatch::read(std::iter::empty()).check(12).unwrap_err().status().as_u16(), 428);
        assert_eq!(IfMatch::read(["\"v12\""].into_iter()).version(), Some(12));
        assert_eq!(IfMatch::read(["*"].into_iter()).version(), None);
    }

    #[test]
    fn a_reader_that_is_current_is_told_so() {
        let holds = |value: &str| {
            let request = TestRequest::default().insert_header((IF_NONE_MATCH, value)).to_http_request();
            if_none_match(&request, &etag(7))
        };
        let many = format!("{}\"v7\"", "\"v1\", ".repeat(1_000));
        assert!(["\"v7\"", "W/\"v7\"", "*", &many].iter().all(|value| holds(value)));
        assert!(["\"v8\"", "v7", "\"", ",,,", ""].iter().all(|value| !holds(value)));
    }
}
