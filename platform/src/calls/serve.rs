//! The serving side of calls over HTTP, on the internal listener.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::call::{Call, CallFailure, Dispatch, FailureReason, Reply};
use subtle::ConstantTimeEq as _;

use crate::tasks::{self, Tasks};

pub(super) const DEADLINE: &str = "cleave-deadline-ms";
pub(super) const PRINCIPAL: &str = "cleave-principal";
pub(super) const TOKEN: &str = "cleave-token";
/// The status of a typed refusal: the call worked and the answer is the contract's error.
pub(super) const REFUSED: u16 = 422;

/// What a caller shows to be let in.
#[derive(Clone)]
pub struct Token(Arc<str>);

impl Token {
    /// A token of this text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The contracts served by this process.
pub struct Dispatchers {
    by_contract: HashMap<&'static str, Arc<dyn Dispatch>>,
    token: Token,
    tasks: Tasks,
}

impl Dispatchers {
    /// Serves these to whoever shows the token.
    pub fn new(served: impl IntoIterator<Item = Arc<dyn Dispatch>>, token: Token, tasks: Tasks) -> Self {
        let by_contract = served.into_iter().map(|dispatch| (dispatch.contract(), dispatch)).collect();
        Self { by_contract, token, tasks }
    }
}

/// Adds the route of the calls.
pub fn configure(app: &mut web::ServiceConfig) {
    app.route("/rpc/{contract}/{method}", web::post().to(serve));
}

async fn serve(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Bytes,
    dispatchers: web::Data<Dispatchers>,
) -> HttpResponse {
    let shown = header(&request, TOKEN).unwrap_or_default();
    if !bool::from(shown.as_bytes().ct_eq(dispatchers.token.reveal().as_bytes())) {
        return HttpResponse::Unauthorized().json(CallFailure::not_executed(FailureReason::Incompatible));
    }
    let (contract, method) = path.into_inner();
    let (Some(dispatch), Some(call)) =
        (dispatchers.by_contract.get(contract.as_str()).cloned(), context(&request))
    else {
        return HttpResponse::NotFound().json(CallFailure::not_executed(FailureReason::Incompatible));
    };
    let work =
        tasks::traced(
            call.traceparent.clone(),
            async move { dispatch.dispatch(&method, &call, &body).await },
        );
    match dispatchers.tasks.spawn(work).await.unwrap_or(Err(CallFailure::internal())) {
        Ok(Reply::Answer(bytes)) => HttpResponse::Ok().content_type("application/json").body(bytes),
        Ok(Reply::Refusal(bytes)) => {
            HttpResponse::UnprocessableEntity().content_type("application/json").body(bytes)
        }
        Err(failure) if failure.maybe_executed => HttpResponse::InternalServerError().json(failure),
        Err(failure) => HttpResponse::BadRequest().json(failure),
    }
}

fn context(request: &HttpRequest) -> Option<Call> {
    let remaining: u64 = header(request, DEADLINE)?.parse().ok()?;
    let principal = URL_SAFE_NO_PAD.decode(header(request, PRINCIPAL)?).ok()?;
    Some(Call {
        deadline: Instant::now() + Duration::from_millis(remaining),
        principal: serde_json::from_slice(&principal).ok()?,
        request_id: header(request, "x-request-id").unwrap_or("call").into(),
        traceparent: header(request, "traceparent").map(Into::into),
    })
}

fn header<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    request.headers().get(name)?.to_str().ok()
}
