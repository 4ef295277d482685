//! What stands before the modules: who asks and how often, requests for modules elsewhere, and answers put together of
//! several.

pub mod authentication;
pub mod describe;
pub mod events;
pub mod expand;
pub mod fields;
pub mod forward;
pub mod limit;
pub mod query;
pub mod reshape;
mod revocation;
pub mod routes;
pub mod shapes;
pub mod versions;

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use kernel::Principal;
use platform::http::{Answering, Forwarded, Inside, Verdict};

use forward::Forwarder;
use limit::Limits;
use reshape::Reshaper;

/// The gateway, as the listener for the world has it.
pub struct Gateway {
    /// How much each client may ask.
    pub limits: Limits,
    /// The shapes of requests and answers.
    pub reshaper: Arc<Reshaper>,
    /// The ways to modules elsewhere.
    pub forwarder: Forwarder,
}

impl platform::http::Gateway for Gateway {
    fn limit(&self, request: &ServiceRequest, principal: Option<&Principal>) -> Verdict {
        self.limits.check(request, principal)
    }

    fn reshapes(&self, request: &ServiceRequest) -> bool {
        reshape::concerns(request)
    }

    fn reshape(&self, request: ServiceRequest, inside: Inside) -> Answering {
        Box::pin(Arc::clone(&self.reshaper).answer(request, inside))
    }

    fn forward(&self, request: ServiceRequest) -> Result<Forwarded, Box<ServiceRequest>> {
        self.forwarder.forward(request)
    }
}
