//! The log as others read it: the same contract whether the reader is next door or elsewhere.

use std::collections::HashMap;
use std::time::Duration;

use kernel::{Call, CallFailure, Event, FailureReason, contract};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::{Db, DbError};
use crate::tasks::Tasks;

/// How often a waiting reader looks for events that another process has written.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Events in one page at the most.
pub(super) const MOST: u32 = 1000;

contract! {
    /// The logs of the modules in one process.
    pub trait Feeds = "events.v1", FeedsClient, FeedsServer, FeedsError {
        /// Reads a log in order, waiting a while for news when there is none.
        Read fn read(ReadEvents) -> EventsPage;
        /// How far the listeners of one module have read the log of another.
        Read fn progress(ReadProgress) -> Progress;
    }
}

/// Which part of which log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadEvents {
    /// The module whose log it is.
    pub source: String,
    /// The position read last; 0 for the start.
    pub after: i64,
    /// Events at the most.
    pub limit: u32,
    /// How long to wait for the first, in milliseconds.
    pub wait_ms: u64,
}

/// Events in order, without gaps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventsPage {
    /// The events; none when nothing happened in time.
    pub events: Vec<Event>,
    /// Whether a broker has brought them to this process. It may be behind the log, so that the last of them need not
    /// be the log's last.
    #[serde(skip)]
    pub brought: bool,
}

/// Whose progress in which log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadProgress {
    /// The module whose listeners read.
    pub reader: String,
    /// The module whose log it is.
    pub source: String,
}

/// The cursors of a module's listeners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The cursors; none when the module does not listen to that log.
    pub cursors: Vec<Cursor>,
}

/// How far one listener has read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cursor {
    /// The listener.
    pub listener: String,
    /// The position read last.
    pub position: i64,
}

/// Why a log cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum FeedsError {
    /// No such module has its log here.
    #[error("this process does not keep the log of `{module}`")]
    UnknownSource {
        /// The module that was asked for.
        module: String,
    },
    /// No answer.
    #[error(transparent)]
    Failed(#[from] CallFailure),
}

/// The logs of the modules that are in this process.
pub struct Logs {
    logs: HashMap<&'static str, Db>,
    tasks: Tasks,
}

impl Logs {
    /// The logs in these databases. Nobody is kept waiting for news when these tasks are asked to end.
    pub fn new(databases: impl IntoIterator<Item = Db>, tasks: &Tasks) -> Self {
        let logs = databases.into_iter().map(|db| (db.module(), db)).collect();
        Self { logs, tasks: tasks.clone() }
    }

    fn database(&self, module: &str) -> Result<&Db, FeedsError> {
        self.logs.get(module).ok_or_else(|| FeedsError::UnknownSource { module: module.to_owned() })
    }
}

fn unreadable(db: &Db, error: &DbError) -> CallFailure {
    tracing::error!(error = %error, module = db.module(), "the event log cannot be read");
    CallFailure::internal()
}

#[kernel::macros::async_trait]
impl Feeds for Logs {
    async fn read(&self, call: &Call, request: ReadEvents) -> Result<EventsPage, FeedsError> {
        let db = self.database(&request.source)?;
        let limit = request.limit.clamp(1, MOST);
        let patience = Duration::from_millis(request.wait_ms).min(call.remaining() / 2);
        let give_up = tokio::time::Instant::now() + patience;
        // Who has read all that was written here need not look before there is news.
        let mut read_all = (1..=request.after).contains(&db.last_position()) && request.wait_ms > 0;
        let stopping = self.tasks.stopping();
        loop {
            if stopping.is_cancelled() {
                return Err(CallFailure::not_executed(FailureReason::Overloaded).into());
            }
            // Listen before looking, so that an event between the two is not slept through.
            let published = db.published().notified();
            if std::mem::take(&mut read_all) && request.after >= db.last_position() {
                tokio::select! {
                    () = published => {}
                    () = tokio::time::sleep(LOOK_AGAIN.min(patience)) => {}
                    () = stopping.cancelled() => {}
                }
                continue;
            }
            let events =
                super::read(db, request.after, limit).await.map_err(|error| unreadable(db, &error))?;
            if !events.is_empty() || tokio::time::Instant::now() >= give_up {
                return Ok(EventsPage { events, brought: false });
            }
            tokio::select! {
                () = published => {}
                () = tokio::time::sleep_until(give_up.min(tokio::time::Instant::now() + LOOK_AGAIN)) => {}
                () = stopping.cancelled() => {}
            }
        }
    }
    async fn progress(&self, _: &Call, request: ReadProgress) -> Result<Progress, FeedsError> {
        let db = self.database(&request.reader)?;
        let cursors = super::cursors(db, &request.source).await.map_err(|error| unreadable(db, &error))?;
        Ok(Progress { cursors })
    }
}
