//! What holds for every request: the one middleware around all routes.
//!
//! One and not seven, because it is on the path of every request and each layer costs an allocation and a state
//! machine. It reads top to bottom: name the request, turn away what may not pass, find out who asks, let the handler
//! work, dress the answer.

mod accept;
mod allowed;
mod door;
mod dress;
mod gate;
mod leftover;
mod trace;

use std::future::{Future, Ready, ready};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::error::InternalError;
use actix_web::http::Method;
use actix_web::{Error, HttpMessage, HttpResponse};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use kernel::{Clock, Principal};
use tracing::field::Empty;
use tracing::{Instrument, Span};
use utoipa::openapi::OpenApi;

use super::answer::Answer;
use super::caller::{Authenticate, Caller};
use super::gateway::{Gateway, Inside, Verdict};
use super::origin::Origin;
use super::problem::Problem;
use crate::metrics;
use allowed::Allowed;
use gate::Held;
use leftover::Leftover;
use trace::Trace;

/// The frame around every route, to be wrapped around the whole app.
#[derive(Clone)]
pub struct Frame(Arc<Parts>);

/// What the frame does first, for who tries it with anything: who comes in, what is accepted, what a trace goes on as.
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod tried {
    pub(crate) use super::accept::readable as accepts;

    /// The token of a request that passes.
    pub(crate) fn door_opens(request: &super::ServiceRequest) -> Result<Option<&str>, super::Problem> {
        super::door::check(request)?;
        super::door::token(request)
    }

    /// The id and the parent that a request goes on with.
    pub(crate) fn trace_of(
        headers: &actix_web::http::header::HeaderMap,
        fresh: uuid::Uuid,
    ) -> (super::Arc<str>, super::Arc<str>) {
        let trace = super::Trace::of(headers, fresh);
        (trace.request_id, trace.traceparent)
    }
}

#[derive(Clone)]
struct Parts {
    clock: Clock,
    authenticate: Arc<dyn Authenticate>,
    gateway: Option<Arc<dyn Gateway>>,
    allowed: Allowed,
}

impl Frame {
    /// A frame that makes request ids from `clock`, asks `authenticate` about tokens, and knows from `api` which
    /// methods a path has.
    pub fn new(clock: Clock, authenticate: Arc<dyn Authenticate>, api: &OpenApi) -> Self {
        Self(Arc::new(Parts { clock, authenticate, gateway: None, allowed: Allowed::by(api) }))
    }

    /// The same frame, towards the world.
    #[must_use]
    pub fn behind(self, gateway: Arc<dyn Gateway>) -> Self {
        let Parts { clock, authenticate, allowed, .. } = Arc::unwrap_or_clone(self.0);
        Self(Arc::new(Parts { clock, authenticate, gateway: Some(gateway), allowed }))
    }
}

impl<S, B> Transform<S, ServiceRequest> for Frame
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type InitError = ();
    type Transform = Framed<S>;
    type Future = Ready<Result<Framed<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Framed { service: Rc::new(service), parts: Arc::clone(&self.0) }))
    }
}

/// The routes with the frame around them.
pub struct Framed<S> {
    service: Rc<S>,
    parts: Arc<Parts>,
}

impl<S, B> Service<ServiceRequest> for Framed<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let trace = Trace::of(request.headers(), self.parts.clock.uuid());
        let origin = Origin { request_id: Arc::clone(&trace.request_id), path: Arc::from(request.path()) };
        let span = tracing::info_span!(
            "http.request",
            http.method = %request.method(),
            http.route = Empty,
            http.status = Empty,
            request.id = &*trace.request_id,
        );
        let (began, method) = (Instant::now(), request.method().clone());
        let answering = answer(Rc::clone(&self.service), Arc::clone(&self.parts), request, trace);
        let counted = async move {
            let answered = answering.await;
            let (route, status) = match &answered {
                Ok(response) => (response.request().match_pattern(), response.status()),
                Err(error) => (None, error.as_response_error().status_code()),
            };
            metrics::request(method.as_str(), route, status, began);
            answered
        };
        Box::pin(origin.within(counted.instrument(span)))
    }
}

async fn answer<S, B>(
    service: Rc<S>,
    parts: Arc<Parts>,
    mut request: ServiceRequest,
    trace: Trace,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let arrived = Instant::now();
    let request_id = Arc::clone(&trace.request_id);
    let docs = door::leads_to_docs(request.path());
    let leftover = Leftover::of(&mut request);
    let admitted = admit(&parts, &request, &request_id).await;
    let verdict = match &parts.gateway {
        Some(gateway) => gateway.limit(&request, admitted.as_ref().ok().map(|(_, principal)| principal)),
        None => Verdict::Pass,
    };
    if let Verdict::Refuse(quota) = verdict {
        let refused = request.into_response(quota.refusal().into_response());
        return Ok(told(finish(refused, leftover, &request_id, docs), verdict));
    }
    // The place is held until the answer is there.
    let (_held, principal) = match admitted {
        Ok(admitted) => admitted,
        Err(refusal) => {
            let refused = request.into_response(refusal);
            return Ok(told(finish(refused, leftover, &request_id, docs), verdict));
        }
    };
    let caller = Caller::new(principal, trace.request_id, Some(trace.traceparent), request.method(), arrived);
    request.extensions_mut().insert(caller);
    let outcome = match &parts.gateway {
        Some(gateway) if gateway.reshapes(&request) => {
            let (service, inner) = (Rc::clone(&service), Arc::clone(&parts));
            let inside: Inside =
                Box::new(move |request| Box::pin(async move { within(&*service, &inner, request).await }));
            gateway.reshape(request, inside).await
        }
        _ => within(&*service, &parts, request).await,
    };
    match outcome {
        Ok(response) => Ok(told(finish(response, leftover, &request_id, docs), verdict)),
        Err(problem) => {
            // The request went down with the handler, so the answer has to travel as an error.
            Span::current().record("http.status", problem.status().as_u16());
            let mut response = Answer::from(problem).into_response();
            dress::dress(response.headers_mut(), &request_id, false);
            let response = response.map_body(|_, body| leftover.stay_with(body));
            Err(InternalError::from_response("the handler gave no answer", response).into())
        }
    }
}

/// What the module answers, here or elsewhere.
async fn within<S, B>(
    service: &S,
    parts: &Parts,
    mut request: ServiceRequest,
) -> Result<ServiceResponse<BoxBody>, Problem>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    if let Some(gateway) = &parts.gateway {
        request = match gateway.forward(request) {
            Ok(answering) => return Ok(answering.await),
            Err(request) => *request,
        };
    }
    if request.method() == Method::HEAD {
        // Every GET answers HEAD. The encoder, which still knows what was asked, leaves the body out.
        request.head_mut().method = Method::GET;
    }
    let response = unharmed(async { service.call(request).await }).await?;
    Ok(parts.allowed.told(response.map_into_boxed_body()))
}

/// Who asks, and their place, if the request may pass at all. Cheapest checks first.
///
/// # Errors
/// What they are told instead.
async fn admit(
    parts: &Parts,
    request: &ServiceRequest,
    request_id: &str,
) -> Result<(Held, Principal), HttpResponse> {
    let refused = |problem: Problem| Answer::from(problem).into_response();
    door::check(request).and_then(|()| accept::check(request)).map_err(refused)?;
    let held = gate::enter(parts.gateway.as_ref(), request, request_id).await?;
    let principal = match door::token(request).map_err(refused)? {
        None => Principal::Anonymous,
        Some(token) => parts.authenticate.authenticate(token).await.map_err(refused)?,
    };
    door::staff_only(request, &principal).map_err(refused)?;
    Ok((held, principal))
}

/// Runs the handler; a panic in it or an error of a middleware inside becomes a problem and harms nothing else.
async fn unharmed<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Problem> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(outcome) => outcome.map_err(|error| dress::problem_of(&error)),
        Err(panic) => {
            let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(Problem::internal().because(format!("a handler panicked: {}", said.unwrap_or_default())))
        }
    }
}

/// Tells the client how it stands with its limit, when that matters.
fn told(mut response: ServiceResponse<BoxBody>, verdict: Verdict) -> ServiceResponse<BoxBody> {
    if let Verdict::Warn(quota) | Verdict::Refuse(quota) = verdict {
        quota.tell(response.headers_mut());
    }
    response
}

fn finish(
    response: ServiceResponse<BoxBody>,
    leftover: Leftover,
    request_id: &str,
    docs: bool,
) -> ServiceResponse<BoxBody> {
    let mut response = dress::as_problem(response);
    let span = Span::current();
    if !span.is_disabled() {
        span.record("http.status", response.status().as_u16());
        if let Some(route) = response.request().match_pattern() {
            span.record("http.route", route);
        }
    }
    let docs = docs && response.status().is_success();
    dress::dress(response.headers_mut(), request_id, docs);
    response.map_body(|_, body| leftover.stay_with(body))
}
