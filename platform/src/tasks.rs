//! Work that goes on whether its caller waits or not, and that is waited for at the end.

use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

tokio::task_local! {
    /// How many transactions this task holds open. No other module may be called while it is not zero.
    static OPEN_TRANSACTIONS: Cell<u32>;
    /// W3C trace context of what this task works for; events and calls carry it on.
    static TRACEPARENT: Option<Arc<str>>;
}

/// Spawns supervised tasks on the application's runtime.
///
/// A request handler runs on a thread of the HTTP server and goes away with its connection. What must not go away
/// half-done, everything that writes, is spawned here.
#[derive(Clone)]
pub struct Tasks {
    runtime: Handle,
    running: TaskTracker,
    stopping: CancellationToken,
}

impl Tasks {
    /// Tasks on the runtime that this is called from.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new() -> Self {
        Self { runtime: Handle::current(), running: TaskTracker::new(), stopping: CancellationToken::new() }
    }

    /// Starts a task that runs to its end. A panic in it reaches only who joins it.
    pub fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        // On the heap before it is wrapped: some are tens of kilobytes, which each layer would copy.
        let marked = OPEN_TRANSACTIONS.scope(Cell::new(0), Box::pin(work));
        #[cfg(feature = "sim")]
        let marked = crate::seam::carried(marked);
        let traced = TRACEPARENT.scope(traceparent(), marked);
        self.running.spawn_on(traced.in_current_span(), &self.runtime)
    }

    /// The same tasks, for a part of the work that can be told to stop before the rest.
    #[must_use]
    pub fn part(&self) -> Self {
        Self { stopping: self.stopping.child_token(), ..self.clone() }
    }

    /// Cancelled when the process stops: loops end at their next item boundary.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Sleeps, but not past the stop. `false` says that it is time to stop.
    pub async fn pause(&self, duration: Duration) -> bool {
        tokio::select! {
            () = self.stopping.cancelled() => false,
            () = tokio::time::sleep(duration) => true,
        }
    }

    /// Asks every loop to end and waits for all tasks, at most this long. `false` says that some were left.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.stopping.cancel();
        self.running.close();
        tokio::time::timeout(patience, self.running.wait()).await.is_ok()
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs work as part of this trace.
pub async fn traced<F: Future>(traceparent: Option<Arc<str>>, work: F) -> F::Output {
    TRACEPARENT.scope(traceparent, work).await
}

/// The trace that this task works for.
pub fn traceparent() -> Option<Arc<str>> {
    TRACEPARENT.try_with(Clone::clone).ok().flatten()
}

/// Marks a transaction as open in this task for as long as it lives.
pub(crate) struct OpenMark(());

impl OpenMark {
    pub(crate) fn set() -> Self {
        let _ = OPEN_TRANSACTIONS.try_with(|open| open.set(open.get() + 1));
        Self(())
    }
}

impl Drop for OpenMark {
    fn drop(&mut self) {
        let _ = OPEN_TRANSACTIONS.try_with(|open| open.set(open.get().saturating_sub(1)));
    }
}

/// Counts the open transactions of work that is not spawned.
#[cfg(feature = "sim")]
pub(crate) fn marked<F: Future>(work: F) -> impl Future<Output = F::Output> {
    OPEN_TRANSACTIONS.scope(Cell::new(0), work)
}

/// Whether this task holds a transaction open.
pub(crate) fn in_transaction() -> bool {
    OPEN_TRANSACTIONS.try_with(Cell::get).is_ok_and(|open| open > 0)
}
