//! The `Idempotency-Key` header and what it is good for: one principal, one method, one path.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use kernel::Principal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::IntoParams;

use crate::http::problem::Problem;

/// The header of a route that does not work without a key, for its description: `params(RequiredKey)` where the handler
/// calls [`Command::require_key`](super::Command::require_key). Elsewhere the description says that a key may be sent.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct RequiredKey {
    /// Makes a repetition of this request safe: it gets the first answer again.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255, pattern = r"^[!#-+\-.-~]+$")]
    #[expect(dead_code, reason = "it is read from the request by the command")]
    key: String,
}

/// What makes a repetition recognisable as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyKey {
    /// On whose behalf, as [`Principal::scope`] names it.
    pub scope: String,
    /// Method and path as asked, such as `POST /v1/admin/refunds`.
    pub operation: String,
    /// SHA-256 of what the caller sent, in hex. The key itself is kept nowhere.
    pub key: String,
    /// SHA-256 of the body as it came. The same key with another body is a mistake of the caller.
    pub fingerprint: [u8; 32],
    /// What the caller sent, without quotes. Gone from a key that was stored.
    #[serde(skip)]
    pub(crate) sent: Option<Arc<str>>,
}

impl IdempotencyKey {
    pub(super) fn of(request: &HttpRequest, principal: &Principal, key: String, body: &[u8]) -> Self {
        Self {
            scope: principal.scope(),
            operation: format!("{} {}", request.method(), request.path()),
            key: hex::encode(Sha256::digest(&key)),
            fingerprint: Sha256::digest(body).into(),
            sent: Some(key.into()),
        }
    }

    /// A secret of 32 hexadecimal digits that follows from `salt` and the key as it was sent, and from nothing that is
    /// kept: only whoever sends the key again learns it again. `None` for a key that was stored.
    pub fn secret(&self, salt: &str) -> Option<String> {
        let sent = self.sent.as_deref()?;
        let digest = Sha256::new().chain_update(salt).chain_update(b"/").chain_update(sent).finalize();
        Some(hex::encode(&digest[..16]))
    }
}

/// The key as sent, if one was.
pub(super) fn sent(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let mut values = request.headers().get_all("idempotency-key");
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => read(value).map(Some).ok_or_else(invalid),
        (Some(_), Some(_)) => Err(invalid()),
    }
}

/// The draft wants a quoted structured-field string; nearly everybody sends it bare. Both mean the same key.
pub(crate) fn read(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let key = match text.strip_prefix('"') {
        Some(rest) => unquote(rest.strip_suffix('"')?)?,
        None if text.contains(['"', ',']) => return None,
        None => text.to_owned(),
    };
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    (visible && (1..=255).contains(&key.len())).then_some(key)
}

fn unquote(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => plain.push(letters.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            '"' => return None,
            _ => plain.push(letter),
        }
    }
    Some(plain)
}

fn invalid() -> Problem {
    Problem::bad_request(
        "invalid_idempotency_key",
        "Send one Idempotency-Key of 1 to 255 visible ASCII characters",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: &str) -> Option<String> {
        read(&HeaderValue::from_str(value).unwrap())
    }

    #[test]
    fn quoted_and_bare_mean_the_same_key() {
        assert_eq!(key("abc-1"), Some("abc-1".into()));
        assert_eq!(key("\"abc-1\""), key("abc-1"));
        assert_eq!(key("\"a\\\"b\\\\\""), Some("a\"b\\".into()));
        assert_eq!(key(&"k".repeat(255)), Some("k".repeat(255)));
    }

    #[test]
    fn what_is_kept_of_a_key_does_not_lead_back_to_it() {
        let request = actix_web::test::TestRequest::post().uri("/v1/carts").to_http_request();
        let key = IdempotencyKey::of(&request, &Principal::Anonymous, "abc-1".into(), b"{}");
        let again = IdempotencyKey::of(&request, &Principal::Anonymous, "abc-1".into(), b"{}");
        let other = IdempotencyKey::of(&request, &Principal::Anonymous, "abc-2".into(), b"{}");
        let stored = serde_json::to_string(&key).unwrap();
        let kept: IdempotencyKey = serde_json::from_str(&stored).unwrap();

        assert!(!stored.contains("abc-1"), "{stored}");
        assert_eq!((&kept.key, kept.secret("salt")), (&again.key, None));
        assert_eq!(key.secret("salt"), again.secret("salt"));
        assert_ne!(key.secret("salt"), other.secret("salt"));
        assert_ne!(key.secret("salt"), key.secret("pepper"));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let long = "k".repeat(256);
        for value in ["", "\"\"", "\"", "a b", "a,b", "\"a\", \"b\"", "a\"b", "\"a\\x\"", "\"a\"b\"", &long] {
            assert_eq!(key(value), None, "{value}");
        }
        assert_eq!(read(&HeaderValue::from_bytes(b"k\xC3\xBC").unwrap()), None);
        assert_eq!(read(&HeaderValue::from_bytes(b"a\tb").unwrap()), None);
    }
}
