//! The log as others read it: the same contract whether the reader is next door or elsewhere.

use std::collections::HashMap;
use std::time::Duration;

use kernel::{Call, CallFailure, Event, contract};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::Db;

/// How often a waiting reader looks for events that another process has written.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

contract! {
    /// The logs of the modules in one process.
    pub trait Feeds = "events.v1", FeedsClient, FeedsServer, FeedsError {
        /// Reads a log in order, waiting a while for news when there is none.
        Read fn read(ReadEvents) -> EventsPage;
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
pub struct Logs(HashMap<&'static str, Db>);

impl Logs {
    /// The logs in these databases.
    pub fn new(databases: impl IntoIterator<Item = Db>) -> Self {
        Self(databases.into_iter().map(|db| (db.module(), db)).collect())
    }
}

#[kernel::macros::async_trait]
impl Feeds for Logs {
    async fn read(&self, call: &Call, request: ReadEvents) -> Result<EventsPage, FeedsError> {
        let Some(db) = self.0.get(request.source.as_str()) else {
            return Err(FeedsError::UnknownSource { module: request.source });
        };
        let limit = request.limit.clamp(1, 1000);
        let patience = Duration::from_millis(request.wait_ms).min(call.remaining() / 2);
        let give_up = tokio::time::Instant::now() + patience;
        // Who has read all that was written here need not look before there is news.
        let mut read_all = (1..=request.after).contains(&db.last_position()) && request.wait_ms > 0;
        loop {
            // Listen before looking, so that an event between the two is not slept through.
            let published = db.published().notified();
            if std::mem::take(&mut read_all) && request.after >= db.last_position() {
                tokio::select! {
                    () = published => {}
                    () = tokio::time::sleep(LOOK_AGAIN.min(patience)) => {}
                }
                continue;
            }
            let events = super::read(db, request.after, limit).await.map_err(|error| {
                tracing::error!(error = %error, module = db.module(), "the event log cannot be read");
                CallFailure::internal()
            })?;
            if !events.is_empty() || tokio::time::Instant::now() >= give_up {
                return Ok(EventsPage { events });
            }
            tokio::select! {
                () = published => {}
                () = tokio::time::sleep_until(give_up.min(tokio::time::Instant::now() + LOOK_AGAIN)) => {}
            }
        }
    }
}
