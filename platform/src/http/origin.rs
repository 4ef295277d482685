//! Which request an answer belongs to, known without handing it to every function that may refuse.

use std::future::Future;
use std::sync::Arc;

tokio::task_local! {
    static ORIGIN: Origin;
}

/// The request that is being answered.
///
/// The frame sets it for the handler. Work that a handler moves to a task of its own takes it along with
/// [`Origin::within`], or its problems could not name the request.
#[derive(Debug, Clone)]
pub struct Origin {
    /// As in `X-Request-Id`.
    pub request_id: Arc<str>,
    /// The path, without the query: queries may hold what people searched for.
    pub path: Arc<str>,
}

impl Origin {
    /// The request this code runs for, if it runs for one.
    pub fn current() -> Option<Self> {
        ORIGIN.try_with(Clone::clone).ok()
    }

    /// Runs the work as part of answering this request.
    pub async fn within<F: Future>(self, work: F) -> F::Output {
        ORIGIN.scope(self, work).await
    }
}
