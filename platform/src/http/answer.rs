//! What a handler gives back, in a form that can be kept and given again byte for byte.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LINK, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, Responder};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::command::IdempotencyKey;
use super::etag::etag;
use super::origin::Origin;
use super::problem::Problem;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Status, headers and the finished body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    /// What stands in the body for a secret.
    salt: Option<String>,
}

impl Answer {
    /// 200 with this as JSON.
    pub fn ok<T: Serialize>(body: &T) -> Self {
        Self::json(StatusCode::OK, JSON, body)
    }

    /// 201: it now exists at `location`.
    pub fn created<T: Serialize>(location: impl AsRef<str>, body: &T) -> Self {
        Self::json(StatusCode::CREATED, JSON, body).header(LOCATION, location.as_ref())
    }

    /// 202: the work goes on; `location` is where to look.
    pub fn accepted<T: Serialize>(location: impl AsRef<str>, body: &T) -> Self {
        Self::json(StatusCode::ACCEPTED, JSON, body).header(LOCATION, location.as_ref())
    }

    /// 204.
    pub fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: Vec::new(), body: Bytes::new(), salt: None }
    }

    /// 304: what the caller holds is still current.
    pub fn not_modified(version: i64) -> Self {
        Self { status: StatusCode::NOT_MODIFIED, ..Self::no_content() }.with_etag(version)
    }

    /// JSON that was serialised before, such as an answer kept in memory.
    pub fn bytes(status: StatusCode, body: Bytes) -> Self {
        Self { status, headers: vec![(CONTENT_TYPE, JSON)], body, salt: None }
    }

    /// The strong `ETag` of this version of the thing.
    #[must_use]
    pub fn with_etag(self, version: i64) -> Self {
        self.header(ETAG, &etag(version))
    }

    /// How long others may keep this. Without it nobody may keep it at all.
    #[must_use]
    pub fn cache_control(self, directives: &str) -> Self {
        self.header(CACHE_CONTROL, directives)
    }

    /// Sets a header, in place of one of the same name.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.and_header(name, value)
    }

    /// Says that `salt`, which stands in the body, is there for the secret that follows from it and from the caller's
    /// `Idempotency-Key`. The answer is kept like this, and told with the secret by [`Answer::reveal`].
    #[must_use]
    pub fn salted(mut self, salt: &str) -> Self {
        self.salt = Some(salt.to_owned());
        self
    }

    /// Puts the secret in the place of its salt, for whoever sent this key. Without a salt nothing changes.
    #[must_use]
    pub fn reveal(mut self, key: &IdempotencyKey) -> Self {
        let secret = self.salt.as_ref().and_then(|salt| key.secret(salt));
        if let (Some(salt), Some(secret)) = (self.salt.take(), secret) {
            self.body = String::from_utf8_lossy(&self.body).replacen(&salt, &secret, 1).into();
        }
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The answer as it is kept, to be given again to whoever repeats the request.
    pub fn to_parts(&self) -> StoredAnswer {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        StoredAnswer {
            status: self.status.as_u16(),
            headers: self.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: self.body.to_vec(),
            salt: self.salt.clone(),
        }
    }

    pub(super) fn into_response(self) -> HttpResponse {
        let mut response = HttpResponse::with_body(self.status, BoxBody::new(self.body));
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        if matches!(self.status, StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE) {
            // The rest of the body is still on its way; reading it only to drop it is what the sender hopes for.
            response.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
        }
        response
    }

    fn json<T: Serialize>(status: StatusCode, content_type: HeaderValue, body: &T) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => {
                Self { status, headers: vec![(CONTENT_TYPE, content_type)], body: body.into(), salt: None }
            }
            Err(error) => Self::from(Problem::caused_by(&error)),
        }
    }

    fn and_header(mut self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => self.headers.push((name, value)),
            Err(_) => {
                tracing::error!(header = %name, "a header was left out: its value has control characters");
            }
        }
        self
    }
}

impl From<Problem> for Answer {
    /// This is where a problem becomes an answer, so this is where its cause is logged.
    fn from(problem: Problem) -> Self {
        let parts = problem.parts();
        if parts.status.is_server_error() {
            log(&problem);
        }
        let mut answer = Self::json(parts.status, PROBLEM, &problem);
        if let Some(seconds) = parts.retry_after {
            answer = answer.header(RETRY_AFTER, &seconds.to_string());
        }
        for link in &parts.links {
            answer = answer.and_header(LINK, link);
        }
        match (parts.status, parts.code) {
            (StatusCode::UNAUTHORIZED, "invalid_token") => {
                answer.header(WWW_AUTHENTICATE, "Bearer realm=\"cleave\", error=\"invalid_token\"")
            }
            (StatusCode::UNAUTHORIZED, _) => answer.header(WWW_AUTHENTICATE, "Bearer realm=\"cleave\""),
            _ => answer,
        }
    }
}

fn log(problem: &Problem) {
    let parts = problem.parts();
    let request_id = Origin::current().map(|origin| origin.request_id);
    let request_id = request_id.as_deref().unwrap_or_default();
    let cause = parts.cause.as_deref().unwrap_or(&parts.detail);
    if parts.status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(request.id = request_id, problem.code = parts.code, cause, "a request broke");
    } else {
        tracing::warn!(
            request.id = request_id,
            problem.code = parts.code,
            cause,
            "a request was turned away"
        );
    }
}

impl Responder for Answer {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.into_response()
    }
}

/// An answer as it is kept beside an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The headers the handler set; the frame adds its own each time.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte. Base64 in JSON.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub body: Vec<u8>,
    /// What stands in the body for a secret that is not kept; see [`Answer::salted`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
}

impl StoredAnswer {
    /// The answer as it was first given.
    ///
    /// # Errors
    /// What was kept is not an answer: an internal problem.
    pub fn restore(self) -> Result<Answer, Problem> {
        let broken = || Problem::internal().because("a kept answer cannot be read");
        let mut headers = Vec::with_capacity(self.headers.len());
        for (name, value) in self.headers {
            let name = HeaderName::try_from(name).map_err(|_| broken())?;
            headers.push((name, HeaderValue::try_from(value).map_err(|_| broken())?));
        }
        let status = StatusCode::from_u16(self.status).map_err(|_| broken())?;
        Ok(Answer { status, headers, body: self.body.into(), salt: self.salt })
    }
}

fn to_base64<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(body))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    STANDARD.decode(String::deserialize(deserializer)?).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_kept_answer_is_given_again_byte_for_byte() {
        let first =
            Answer::created("/v1/orders/ord_1", &json!({"a": "ü"})).with_etag(3).cache_control("private");
        let kept = serde_json::to_string(&first.to_parts()).unwrap();
        let again: StoredAnswer = serde_json::from_str(&kept).unwrap();

        assert_eq!(again.restore().unwrap(), first);
    }

    #[test]
    fn a_refusal_carries_what_the_caller_is_to_do() {
        let answer =
            Answer::from(Problem::unavailable("module_unavailable", "Away", 3).link("help", "/problems"));
        let header = |name| answer.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_str().unwrap());

        assert_eq!(header(RETRY_AFTER), Some("3"));
        assert_eq!(header(LINK), Some("</problems>; rel=\"help\""));
        assert_eq!(header(CONTENT_TYPE), Some("application/problem+json"));
    }

    #[test]
    fn what_was_kept_wrongly_is_our_fault() {
        let kept = StoredAnswer { status: 12, headers: Vec::new(), body: Vec::new(), salt: None };
        assert_eq!(kept.restore().unwrap_err().status().as_u16(), 500);
    }
}
