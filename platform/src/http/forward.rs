//! The way out of the frame for requests whose module is elsewhere.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use futures::future::LocalBoxFuture;

/// Hands requests on to modules elsewhere.
pub trait Forward: Send + Sync {
    /// Hands this request on, or gives it back because what it asks for is here. The frame has let it in: its
    /// [`Caller`](super::Caller) stands in its extensions.
    ///
    /// # Errors
    /// The request, unchanged.
    fn forward(&self, request: ServiceRequest) -> Result<Forwarded, Box<ServiceRequest>>;
}

/// The answer of a module elsewhere, on its way.
pub type Forwarded = LocalBoxFuture<'static, ServiceResponse<BoxBody>>;
