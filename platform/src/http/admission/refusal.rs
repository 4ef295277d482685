//! What those are told who are turned away: made once, because it is said most when there is least time.

use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};

use crate::http::problem::Problem;

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
/// Seconds until it is worth asking again; told in turn, so that not all come back at once.
const LATER: [HeaderValue; 5] = [
    HeaderValue::from_static("3"),
    HeaderValue::from_static("1"),
    HeaderValue::from_static("5"),
    HeaderValue::from_static("2"),
    HeaderValue::from_static("4"),
];

/// 503, and nothing was done.
pub(super) struct Refusal {
    /// The problem up to the name of the request, which is all that differs.
    body: String,
    turn: AtomicUsize,
}

impl Refusal {
    pub(super) fn new() -> Self {
        let detail = "The shop is busier than it can be; see Retry-After";
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "temporary_reduced_capacity", detail);
        // A problem has nothing that JSON could not say.
        let written = serde_json::to_string(&problem).unwrap_or_default();
        Self { body: written.trim_end_matches('}').to_owned(), turn: AtomicUsize::new(0) }
    }

    /// For the request of this id, which is of letters, digits and little else.
    pub(super) fn response(&self, request_id: &str) -> HttpResponse {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % LATER.len();
        let body = [&self.body, ",\"requestId\":\"", request_id, "\"}"].concat();
        let mut response = HttpResponse::with_body(StatusCode::SERVICE_UNAVAILABLE, BoxBody::new(body));
        response.headers_mut().insert(CONTENT_TYPE, PROBLEM);
        response.headers_mut().insert(RETRY_AFTER, LATER[turn].clone());
        response
    }
}
