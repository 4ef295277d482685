//! The one shape in which the shop says no: problem details after RFC 9457.

mod codes;
mod schema;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use kernel::{CallFailure, FailureReason};
use serde::Serialize;
use serde_json::{Map, Value};

use super::answer::Answer;

pub use codes::CODES;
pub use schema::FieldError;

/// A refusal: the code tells the caller what to do, the cause (which never leaves the house) tells the operator
/// what happened.
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

/// Boxed, so that the `Err` of every handler and service stays one word.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) detail: Cow<'static, str>,
    pub(crate) errors: Vec<FieldError>,
    pub(super) retryable: bool,
    pub(super) retry_after: Option<u32>,
    pub(super) links: Vec<String>,
    pub(super) extensions: Map<String, Value>,
    pub(super) cause: Option<String>,
}

impl Problem {
    /// A refusal with this status, this code from a documented table, and a sentence for the developer who reads it.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Parts {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retryable: matches!(
                status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            ),
            retry_after: None,
            links: Vec::new(),
            extensions: Map::new(),
            cause: None,
        }))
    }

    /// 400: the request cannot be read.
    pub fn bad_request(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 401: nobody can be made out behind the request.
    pub fn unauthorized(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
    }

    /// 403: the caller is known and was not granted `permission`.
    pub fn forbidden(permission: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "permission_missing",
            format!("This needs the permission {permission}"),
        )
        .extend("permission", Value::String(permission.to_owned()))
    }

    /// 404: there is no such thing, or it is not the caller's. Which of the two is not told.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("There is no such {what}"))
    }

    /// 409: the thing is not in a state that allows this.
    pub fn conflict(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422: the request can be read and breaks a rule.
    pub fn unprocessable(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 503: not now; worth asking again after so many seconds.
    pub fn unavailable(
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
        retry_after_secs: u32,
    ) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(retry_after_secs)
    }

    /// 500: our fault. Says nothing about the inside; prefer [`Problem::caused_by`], which tells the log.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side")
    }

    /// 500 because of `error`. The error and its sources are logged, once, when this becomes an answer.
    pub fn caused_by(error: &dyn Error) -> Self {
        let mut chain = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            chain.push_str(": ");
            chain.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::internal().because(chain)
    }

    /// The same problem with a cause for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Names a place in the request that is at fault: a JSON pointer and why.
    #[must_use]
    pub fn field(
        mut self,
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        self.0.errors.push(FieldError { pointer: pointer.into(), code, detail: detail.into() });
        self
    }

    /// When it is worth asking again. Makes the problem retryable.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self.0.retryable = true;
        self
    }

    /// Whether the very same request may succeed later.
    #[must_use]
    pub fn retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// An extension member, such as the new totals of a cart that changed. Must not be named like a standard member.
    #[must_use]
    pub fn extend(mut self, name: &'static str, value: Value) -> Self {
        self.0.extensions.insert(name.to_owned(), value);
        self
    }

    /// A `Link` header: where to read on, or what to do instead.
    #[must_use]
    pub fn link(mut self, relation: &str, target: &str) -> Self {
        self.0.links.push(format!("<{target}>; rel=\"{relation}\""));
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }
}

impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        schema::view(&self.0).serialize(serializer)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.0.status.as_u16(), self.0.code, self.0.detail)
    }
}

impl Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        Answer::from(self.clone()).into_response()
    }
}

impl From<CallFailure> for Problem {
    fn from(failure: CallFailure) -> Self {
        match failure.reason {
            FailureReason::DeadlineExceeded | FailureReason::Unreachable | FailureReason::Overloaded => {
                let seconds = failure.retry_after_ms.map_or(1, |ms| ms.div_ceil(1000).clamp(1, 3600) as u32);
                Self::unavailable(
                    "module_unavailable",
                    "A part of the shop that this needs is not available",
                    seconds,
                )
                .because(failure.to_string())
            }
            FailureReason::Incompatible | FailureReason::Internal => Self::caused_by(&failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_problem_says_what_where_and_whether_to_try_again() {
        let problem = Problem::unprocessable("invalid_body", "The body breaks a rule")
            .field("/quantity", "too_small", "At least 1")
            .extend("total", json!({"amount": 5}));

        assert_eq!(
            serde_json::to_value(&problem).unwrap(),
            json!({
                "type": "/problems#invalid_body",
                "title": "Invalid body",
                "status": 422,
                "detail": "The body breaks a rule",
                "code": "invalid_body",
                "errors": [{"pointer": "/quantity", "code": "too_small", "detail": "At least 1"}],
                "retryable": false,
                "total": {"amount": 5},
            })
        );
    }

    #[test]
    fn the_inside_of_a_failure_stays_inside() {
        let broken = std::io::Error::other("password=hunter2 at 10.0.0.7");
        let text = serde_json::to_string(&Problem::caused_by(&broken)).unwrap();

        assert!(text.contains("\"internal\"") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_module_that_is_away_is_worth_asking_again() {
        let mut failure = CallFailure::not_executed(FailureReason::Overloaded);
        failure.retry_after_ms = Some(2_100);
        let problem = Problem::from(failure);

        assert_eq!((problem.status().as_u16(), problem.code()), (503, "module_unavailable"));
        assert_eq!((problem.parts().retry_after, problem.parts().retryable), (Some(3), true));
        assert_eq!(Problem::from(CallFailure::internal()).status().as_u16(), 500);
    }

    #[test]
    fn every_code_of_the_table_is_there_once_and_in_snake_case() {
        for (index, (code, status, meaning)) in CODES.iter().enumerate() {
            assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code}");
            assert!((400..600).contains(status) && !meaning.is_empty(), "{code}");
            assert!(CODES[..index].iter().all(|(other, ..)| other != code), "{code} is there twice");
        }
    }
}
