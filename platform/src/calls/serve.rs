//! The serving side of calls over HTTP, on the internal listener.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use kernel::call::{CallFailure, Dispatch, FailureReason, Reply};

use super::credentials::{Claim, Credentials, Refusal, Verifier};
use super::wire::Head;
use crate::fault;
use crate::tasks::{self, Tasks};
use crate::tls::Names;

/// Which callers a method is for; methods that are not listed are for every process of the shop.
pub type Callers = &'static [(&'static str, &'static [&'static str])];

/// The contracts served by this process.
pub struct Dispatchers {
    by_contract: HashMap<&'static str, (Arc<dyn Dispatch>, Callers)>,
    verifier: Verifier,
    tasks: Tasks,
}

impl Dispatchers {
    /// Serves these to whoever proves to be of this shop and may call them.
    pub fn new(
        served: impl IntoIterator<Item = (Arc<dyn Dispatch>, Callers)>,
        credentials: Credentials,
        tasks: Tasks,
    ) -> Self {
        let by_contract = served
            .into_iter()
            .map(|(dispatch, callers)| (dispatch.contract(), (dispatch, callers)))
            .collect();
        Self { by_contract, verifier: Verifier::new(credentials), tasks }
    }

    /// The contract, if this caller may call this method of it.
    fn admit(&self, contract: &str, method: &str, caller: &str) -> Result<Arc<dyn Dispatch>, String> {
        let (dispatch, callers) =
            self.by_contract.get(contract).ok_or_else(|| format!("{contract} is not served here"))?;
        let listed = callers.iter().find(|(name, _)| *name == method);
        if listed.is_some_and(|(_, callers)| !callers.contains(&caller)) {
            return Err(format!("`{caller}` may not call {contract}/{method}"));
        }
        Ok(Arc::clone(dispatch))
    }
}

/// Adds the routes of the calls.
pub fn configure(app: &mut web::ServiceConfig) {
    app.route("/rpc/{contract}", web::get().to(describe))
        .route("/rpc/{contract}/{method}", web::post().to(serve));
}

/// What has to be matched to call a contract here. Says nothing that the source does not say.
async fn describe(contract: web::Path<String>, dispatchers: web::Data<Dispatchers>) -> HttpResponse {
    match dispatchers.by_contract.get(contract.as_str()) {
        Some((dispatch, _)) => HttpResponse::Ok().json(dispatch.descriptor()),
        None => HttpResponse::NotFound().finish(),
    }
}

async fn serve(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Bytes,
    dispatchers: web::Data<Dispatchers>,
) -> HttpResponse {
    let turned_away = |status: StatusCode, reason: String| {
        tracing::warn!(path = request.path(), reason, "a call is turned away");
        HttpResponse::build(status).json(CallFailure::not_executed(FailureReason::Incompatible))
    };
    let Some((head, call)) =
        Head::read(request.headers()).and_then(|head| head.call().map(|call| (head, call)))
    else {
        return turned_away(StatusCode::BAD_REQUEST, "a header of the call is missing".to_owned());
    };
    let claim = Claim {
        caller: head.caller,
        path: request.path(),
        deadline: head.deadline,
        principal: head.principal,
    };
    let believed = match request.conn_data::<Names>() {
        Some(names) => dispatchers.verifier.is_named(head.caller, names),
        None => dispatchers.verifier.verify(&claim, head.signature.unwrap_or_default(), &body),
    };
    match believed {
        Ok(()) => {}
        // Something on the way has doubled the call. The first of the two may well have been carried out.
        Err(Refusal::Replayed) => {
            tracing::warn!(path = request.path(), "a call came twice");
            return HttpResponse::Conflict().json(CallFailure::maybe_executed(FailureReason::Unreachable));
        }
        Err(refusal) => return turned_away(StatusCode::UNAUTHORIZED, refusal.to_string()),
    }
    let (contract, method) = path.into_inner();
    let dispatch = match dispatchers.admit(&contract, &method, head.caller) {
        Ok(dispatch) => dispatch,
        Err(reason) => return turned_away(StatusCode::FORBIDDEN, reason),
    };
    if call.remaining().is_zero() {
        // Whoever asked is gone already: nothing is begun for nobody.
        return HttpResponse::BadRequest().json(CallFailure::not_executed(FailureReason::DeadlineExceeded));
    }
    let work = tasks::traced(call.traceparent.clone(), async move {
        let reply = dispatch.dispatch(&method, &call, &body).await;
        fault!("call.served_before_answer");
        reply
    });
    match dispatchers.tasks.spawn(work).await.unwrap_or(Err(CallFailure::internal())) {
        Ok(Reply::Answer(bytes)) => HttpResponse::Ok().content_type("application/json").body(bytes),
        Ok(Reply::Refusal(bytes)) => {
            HttpResponse::UnprocessableEntity().content_type("application/json").body(bytes)
        }
        Err(failure) if failure.maybe_executed => HttpResponse::InternalServerError().json(failure),
        Err(failure) => HttpResponse::BadRequest().json(failure),
    }
}
