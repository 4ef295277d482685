//! What the frame does for the world and not between processes: limits, and the way out to modules elsewhere.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use futures::future::LocalBoxFuture;
use kernel::Principal;

use std::sync::Arc;

use super::admission::Admission;
use super::answer::Answer;
use super::problem::Problem;

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What stands before the modules on the listener for the world.
pub trait Gateway: Send + Sync {
    /// The gate that lets in as many requests as can be worked on, if there is one.
    fn admission(&self) -> Option<&Arc<Admission>>;

    /// Whether this client may ask now. `principal` is who asks, `None` when the request is refused anyway: refusals
    /// cost something, too.
    fn limit(&self, request: &ServiceRequest, principal: Option<&Principal>) -> Verdict;

    /// Whether this request asks for another shape than the module's, of itself or of its answer. Asked for every
    /// request, so it looks at what stands in the head and no further.
    fn reshapes(&self, request: &ServiceRequest) -> bool;

    /// Answers such a request with what `inside` gives, which is the module's own shape.
    fn reshape(&self, request: ServiceRequest, inside: Inside) -> Answering;

    /// Hands this request on, or gives it back because what it asks for is here. The frame has let it in: its
    /// [`Caller`](super::Caller) stands in its extensions.
    ///
    /// # Errors
    /// The request, unchanged.
    fn forward(&self, request: ServiceRequest) -> Result<Forwarded, Box<ServiceRequest>>;
}

/// The answer of a module elsewhere, on its way.
pub type Forwarded = LocalBoxFuture<'static, ServiceResponse<BoxBody>>;

/// The way on to the module, here or elsewhere, for one request.
pub type Inside = Box<dyn FnOnce(ServiceRequest) -> Answering>;

/// An answer on its way. A problem means that the request went down with its handler.
pub type Answering = LocalBoxFuture<'static, Result<ServiceResponse<BoxBody>, Problem>>;

/// What a limit says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may pass, and there is nothing to tell.
    Pass,
    /// It may pass; the client should know that little is left.
    Warn(Quota),
    /// It may not pass now.
    Refuse(Quota),
}

/// How a client stands with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Which limit.
    pub policy: &'static str,
    /// Requests that may come at once.
    pub burst: u32,
    /// Seconds after which a client that rests has all of them again.
    pub window: u64,
    /// How many are left.
    pub left: u32,
    /// Seconds until there is one more, or, when some are left, until there are all.
    pub reset: u64,
}

impl Quota {
    /// Tells the client, as the `RateLimit` header fields of the IETF's draft.
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        let Self { policy, burst, window, left, reset } = self;
        let said = [
            (RATELIMIT, format!("\"{policy}\";r={left};t={reset}")),
            (RATELIMIT_POLICY, format!("\"{policy}\";q={burst};w={window}")),
        ];
        for (name, value) in said {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
    }

    /// The refusal of a request that came too soon.
    pub(super) fn refusal(self) -> Answer {
        let wait = u32::try_from(self.reset).unwrap_or(u32::MAX).max(1);
        let detail = "Too many requests came from you; see Retry-After";
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "quota_exceeded", detail);
        Answer::from(problem.retry_after(wait))
    }
}
