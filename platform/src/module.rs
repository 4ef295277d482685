//! What a module hands to whoever composes the shop: everything to mount, and nothing to reach through.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::ServiceConfig;
use kernel::call::{BoxFuture, Dispatch};

use crate::calls::Callers;
use crate::db::{Db, DbError};
use crate::events::Listener;
use crate::jobs::Worker;

/// A module, ready to be mounted.
pub struct Mount {
    /// Its database.
    pub db: Db,
    /// Its contract, served.
    pub contract: Arc<dyn Dispatch>,
    /// Whom that is for.
    pub callers: Callers,
    /// What its routes work with; called once for each thread of the HTTP server.
    pub services: Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>,
    /// Who hears what other modules say.
    pub listeners: Vec<Arc<dyn Listener>>,
    /// Who does its jobs.
    pub worker: Option<Arc<dyn Worker>>,
    /// What it does from time to time.
    pub sweeps: Vec<Sweep>,
}

/// Something done again and again: safe to run twice, and on several processes at once.
#[derive(Clone)]
pub struct Sweep {
    /// What it does, for the log.
    pub name: &'static str,
    /// The pause after each run.
    pub every: Duration,
    /// One run. `true` says that there is more to do at once.
    pub run: Arc<dyn Fn() -> BoxFuture<'static, Result<bool, DbError>> + Send + Sync>,
}

impl Sweep {
    /// A sweep that does this.
    pub fn new<F, Fut>(name: &'static str, every: Duration, run: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<bool, DbError>> + Send + 'static,
    {
        Self { name, every, run: Arc::new(move || Box::pin(run())) }
    }
}

/// Runs a sweep until the process stops.
pub async fn sweep(sweep: Sweep, tasks: crate::tasks::Tasks) {
    while !tasks.stopping().is_cancelled() {
        match (sweep.run)().await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!(sweep = sweep.name, error = %error, "a sweep will be tried again"),
        }
        if !tasks.pause(sweep.every).await {
            return;
        }
    }
}
