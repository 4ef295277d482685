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
mod steer;
pub mod versions;

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use kernel::Principal;
use platform::http::admission::Admission;
use platform::http::{Answering, Forwarded, Inside, Verdict};

use forward::Forwarder;
use limit::Limits;
use reshape::Reshaper;
pub use steer::Steer;

/// The gateway, as the listener for the world has it.
pub struct Gateway {
    /// How many requests are worked on at once, whoever sends them.
    pub admission: Option<Arc<Admission>>,
    /// How much each client may ask.
    pub limits: Limits,
    /// The shapes of requests and answers.
    pub reshaper: Arc<Reshaper>,
    /// The ways to modules elsewhere.
    pub forwarder: Forwarder,
}

impl platform::http::Gateway for Gateway {
    fn admission(&self) -> Option<&Arc<Admission>> {
        self.admission.as_ref()
    }

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
