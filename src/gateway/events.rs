//! The logs of all modules as one feed, for operators and integrators.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::get;
use actix_web::web::Data;
use kernel::{Call, Event};
use platform::events::{Feeds, FeedsError, ReadEvents};
use platform::http::{Answer, Caller, PageView, Params, Problem, Routes, page_request};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::declared::MODULES;

const SCOPE: &str = "events";

/// How far each log was read: the cursor of the feed.
pub type Positions = BTreeMap<String, i64>;

/// The logs of all modules.
#[derive(Clone)]
pub struct EventFeed {
    feeds: Arc<dyn Feeds>,
}

/// The route.
pub fn routes(app: &mut Routes<'_>) {
    app.service(list);
}

impl EventFeed {
    /// A feed of these logs.
    pub fn new(feeds: Arc<dyn Feeds>) -> Self {
        Self { feeds }
    }

    /// At most `limit` events after these positions, by time, and the positions after them. Within one module they
    /// are in the order of its log.
    ///
    /// # Errors
    /// A module's log cannot be read.
    pub async fn read(
        &self,
        call: &Call,
        mut positions: Positions,
        limit: u32,
    ) -> Result<(Vec<Event>, Positions), FeedsError> {
        let mut events = Vec::new();
        for module in MODULES.map(|module| module.name) {
            let after = positions.get(module).copied().unwrap_or(0);
            let request = ReadEvents { source: module.to_owned(), after, limit, wait_ms: 0 };
            events.extend(self.feeds.read(call, request).await?.events);
        }
        // Stable, so events of one module stay in the order of their log even when its clock stood still.
        events.sort_by_key(|event| event.time);
        events.truncate(limit as usize);
        for event in &events {
            let module = event.source.trim_start_matches('/').to_owned();
            let read = positions.entry(module).or_insert(0);
            *read = (*read).max(event.position);
        }
        Ok((events, positions))
    }
}

/// Which part of the feed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsParams {
    /// Events on the page, 1 to 100.
    limit: Option<u32>,
    /// The `nextCursor` of the page before; without it from the start.
    after: Option<String>,
}

/// What happened, oldest first; ask again with `nextCursor` for what comes later
#[utoipa::path(tag = "events", params(EventsParams), responses((status = 200, body = PageView<Event>)))]
#[get("/v1/admin/events")]
async fn list(
    feed: Data<EventFeed>,
    Params(params): Params<EventsParams>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("events:read")?;
    let page = page_request::<Positions>(SCOPE, params.limit, params.after.as_deref())?;
    let before = page.after.unwrap_or_default();
    let (events, positions) =
        feed.read(caller.call(), before, page.limit).await.map_err(|error| match error {
            FeedsError::Failed(failure) => Problem::from(failure),
            FeedsError::UnknownSource { .. } => Problem::caused_by(&error),
        })?;
    let has_more = events.len() == page.limit as usize;
    Ok(Answer::ok(&PageView::tail(SCOPE, events, has_more, &positions)?))
}
