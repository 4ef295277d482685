//! Where a simulation comes between the shop and its databases. Only with the feature `sim`; nothing else uses it.
//!
//! A process of a simulated shop is a [`Seam`]: whatever works for that process asks it for its turn before it reads,
//! before it begins a transaction and after one is durable. Between two turns the work goes on undisturbed, so who goes
//! next is decided in the simulation alone. To kill the process, its turns never come: they unwind instead.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;

use crate::db::DbError;
use crate::tasks;

/// What is about to happen, or has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A statement that reads, outside any transaction.
    Read,
    /// A transaction that begins.
    Begin,
    /// A transaction that is durable and of which nobody has been told.
    Committed,
}

/// A process of a simulated shop.
#[kernel::macros::async_trait]
pub trait Seam: Any + Send + Sync {
    /// Waits for its turn.
    ///
    /// # Errors
    /// What the simulation wants the database to have answered.
    async fn turn(&self, step: Step) -> Result<(), DbError>;

    /// The database works for this process from now on, and the simulation has to wait for it.
    fn busy(&self);

    /// It has answered.
    fn idle(&self);

    /// The text that is sent instead of this one, where the simulation is to find that a guard is gone.
    fn text(&self, sql: &'static str) -> &'static str;
}

tokio::task_local! {
    static PROCESS: Arc<dyn Seam>;
}

/// Does work as this process. What it spawns belongs to the process as well.
pub async fn within<F: Future>(process: Arc<dyn Seam>, work: F) -> F::Output {
    PROCESS.scope(process, tasks::marked(work)).await
}

/// The process that this task works for.
pub fn process() -> Option<Arc<dyn Seam>> {
    PROCESS.try_with(Arc::clone).ok()
}

/// Carries the process of whoever spawns over to what is spawned.
pub(crate) fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let process = process();
    async move {
        match process {
            Some(process) => PROCESS.scope(process, work).await,
            None => work.await,
        }
    }
}

/// Waits for the turn of this task's process. While a transaction is open there are no turns, since it holds up all
/// others.
pub(crate) async fn turn(step: Step) -> Result<(), DbError> {
    match process() {
        Some(process) if !tasks::in_transaction() => process.turn(step).await,
        _ => Ok(()),
    }
}

/// The text of a statement, as it is sent.
pub(crate) fn text(sql: &'static str) -> &'static str {
    PROCESS.try_with(|process| process.text(sql)).unwrap_or(sql)
}

/// Marks the database as at work for this task's process.
pub(crate) struct Busy(Option<Arc<dyn Seam>>);

impl Busy {
    pub(crate) fn new() -> Self {
        let process = process();
        if let Some(process) = &process {
            process.busy();
        }
        Self(process)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(process) = &self.0 {
            process.idle();
        }
    }
}
