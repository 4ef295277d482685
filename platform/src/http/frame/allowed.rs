//! Which methods a path has.
//!
//! The router tries one route per method and, when none fits, cannot tell a path that is unknown from one that lacks
//! the method. The API's own description can.

use std::collections::HashMap;

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE};
use utoipa::openapi::{OpenApi, PathItem};

use crate::http::answer::Answer;
use crate::http::problem::Problem;

/// The value of `Allow` for each path pattern.
#[derive(Clone)]
pub(super) struct Allowed(HashMap<String, String>);

impl Allowed {
    pub(super) fn by(api: &OpenApi) -> Self {
        Self(api.paths.paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect())
    }

    /// A 404 of the router becomes a 405 when the path exists. A handler's own 404 has a body and passes.
    pub(super) fn told(&self, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        if response.status() != StatusCode::NOT_FOUND || response.headers().contains_key(CONTENT_TYPE) {
            return response;
        }
        let pattern = response.request().match_pattern();
        let Some(methods) = pattern.and_then(|pattern| self.0.get(&pattern)) else { return response };
        let problem = Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            format!("This path takes {methods}"),
        );
        let answer = Answer::from(problem).header(ALLOW, methods).into_response();
        let (request, _) = response.into_parts();
        ServiceResponse::new(request, answer)
    }
}

fn methods(item: &PathItem) -> String {
    let all = [
        ("GET, HEAD", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    let there: Vec<_> =
        all.iter().filter(|(_, operation)| operation.is_some()).map(|(name, _)| *name).collect();
    there.join(", ")
}
