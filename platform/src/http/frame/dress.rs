//! What every answer wears: the headers that hold for all of them, and the shape of every refusal.

use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use crate::http::answer::Answer;
use crate::http::problem::Problem;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const DENY: HeaderValue = HeaderValue::from_static("DENY");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// The page to try the API at has scripts, styles and pictures of its own, and asks only this server.
const OURSELVES: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; frame-ancestors 'none'",
);

pub(super) fn dress(headers: &mut HeaderMap, request_id: &str, docs: bool) {
    if let Ok(request_id) = HeaderValue::from_str(request_id) {
        headers.insert(X_REQUEST_ID, request_id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(X_FRAME_OPTIONS, DENY);
    headers.insert(REFERRER_POLICY, NO_REFERRER);
    headers.insert(CONTENT_SECURITY_POLICY, if docs { OURSELVES } else { NOTHING });
    if !docs && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, NO_STORE);
    }
}

/// A refusal that the framework made becomes one of ours; one that is ours passes.
pub(super) fn as_problem(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let status = response.status();
    let ours = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/problem+json"));
    if ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let problem = match response.response().error() {
        Some(error) => problem_of(error),
        None => of_status(status),
    };
    let mut answer = Answer::from(problem);
    if let Some(allow) = response.headers().get(ALLOW).and_then(|methods| methods.to_str().ok()) {
        answer = answer.header(ALLOW, allow);
    }
    let (request, _) = response.into_parts();
    ServiceResponse::new(request, answer.into_response())
}

/// The problem that an error of a middleware or extractor stands for.
pub(super) fn problem_of(error: &Error) -> Problem {
    if let Some(problem) = error.as_error::<Problem>() {
        return problem.clone();
    }
    let problem = of_status(error.as_response_error().status_code());
    if problem.status().is_server_error() { problem.because(error.to_string()) } else { problem }
}

fn of_status(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::not_found("resource"),
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(status, "method_not_allowed", "This path does not take this method")
        }
        StatusCode::REQUEST_TIMEOUT => Problem::new(status, "body_timeout", "The body came too slowly"),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(status, "body_too_large", "The body is too large"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Problem::new(
            status,
            "unsupported_media_type",
            "The body must be sent as application/json in UTF-8",
        ),
        StatusCode::SERVICE_UNAVAILABLE => Problem::unavailable(
            "module_unavailable",
            "A part of the shop that this needs is not available",
            1,
        ),
        _ if status.is_server_error() => Problem::internal(),
        _ => Problem::new(status, "bad_request", "The request is not valid for this route"),
    }
}
