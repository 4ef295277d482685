//! A request that changes something: who asks, what they send, and under which key it may be repeated.

mod key;

use std::any::TypeId;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest};
use futures::future::LocalBoxFuture;
use serde::de::DeserializeOwned;

use super::body;
use super::caller::Caller;
use super::json;
use super::problem::Problem;

#[cfg(any(test, feature = "fuzz"))]
pub(crate) use key::read as key_of;
pub use key::{IdempotencyKey, RequiredKey};

/// A mutating request, read and checked. `Command<()>` is one without a body.
#[derive(Debug, Clone)]
pub struct Command<T> {
    /// What was sent.
    pub body: T,
    /// Who asks.
    pub caller: Caller,
    key: Option<IdempotencyKey>,
}

impl<T> Command<T> {
    /// The key under which the caller may repeat this, if one was sent.
    pub fn key(&self) -> Option<&IdempotencyKey> {
        self.key.as_ref()
    }

    /// The key, on a route that moves money or goods and does not work without one.
    ///
    /// # Errors
    /// 400 `idempotency_key_required`.
    pub fn require_key(&self) -> Result<&IdempotencyKey, Problem> {
        self.key.as_ref().ok_or_else(|| {
            Problem::bad_request(
                "idempotency_key_required",
                "Send an Idempotency-Key, so that this can be repeated",
            )
            .link("help", "/problems#idempotency_key_required")
        })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Command<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let caller = Caller::of(&request)?;
            let key = key::sent(&request)?;
            let typed = is_json(&request)?;
            let bytes = body::read(&request, payload).await?;
            let body = content::<T>(&bytes, typed)?;
            let key = key.map(|key| IdempotencyKey::of(&request, caller.principal(), key, &bytes));
            Ok(Self { body, caller, key })
        })
    }
}

fn content<T: DeserializeOwned + 'static>(bytes: &[u8], typed: bool) -> Result<T, Problem> {
    if TypeId::of::<T>() == TypeId::of::<()>() {
        if !bytes.is_empty() {
            return Err(Problem::bad_request("body_not_expected", "This takes no body"));
        }
        return serde_json::from_slice(b"null").map_err(|error| Problem::caused_by(&error));
    }
    if !typed && !bytes.is_empty() {
        return Err(not_json());
    }
    json::parse(bytes)
}

/// Whether the body is declared as JSON; `false` when nothing is declared.
///
/// Anything else is refused before the body is read. That includes the types a browser form can send to another
/// site without being asked, so a form on a foreign page cannot command the shop.
fn is_json(request: &HttpRequest) -> Result<bool, Problem> {
    let mut types = request.headers().get_all(CONTENT_TYPE);
    let Some(declared) = types.next() else { return Ok(false) };
    if types.next().is_some() {
        return Err(not_json());
    }
    let declared = declared.to_str().map_err(|_| not_json())?;
    let (essence, parameters) = declared.split_once(';').map_or((declared, ""), |(e, p)| (e, p));
    let charset = parameters.trim().trim_matches('"');
    let utf8 = charset.is_empty()
        || charset.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("charset")
                && value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        });
    if essence.trim().eq_ignore_ascii_case("application/json") && utf8 { Ok(true) } else { Err(not_json()) }
}

fn not_json() -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "The body must be sent as application/json in UTF-8",
    )
}
