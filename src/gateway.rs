//! What stands before the modules: who asks and how often, requests for modules elsewhere, and answers put together of
//! several.

pub mod authentication;
pub mod events;
pub mod forward;
pub mod limit;
pub mod routes;

use actix_web::dev::ServiceRequest;
use kernel::Principal;
use platform::http::{Forwarded, Verdict};

use forward::Forwarder;
use limit::Limits;

/// The gateway, as the listener for the world has it.
pub struct Gateway {
    /// How much each client may ask.
    pub limits: Limits,
    /// The ways to modules elsewhere.
    pub forwarder: Forwarder,
}

impl platform::http::Gateway for Gateway {
    fn limit(&self, request: &ServiceRequest, principal: Option<&Principal>) -> Verdict {
        self.limits.check(request, principal)
    }

    fn forward(&self, request: ServiceRequest) -> Result<Forwarded, Box<ServiceRequest>> {
        self.forwarder.forward(request)
    }
}
