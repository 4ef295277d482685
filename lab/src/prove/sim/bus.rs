//! How events reach their listeners, sometimes late or in part, and what the listeners have made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::{Call, CallFailure, Event, FailureReason, Moment};
use platform::events::{
    self, EventsPage, Feeds, FeedsError, Hears, Listener, ListenerError, Progress, ReadEvents, ReadProgress,
};
use platform::{Db, Tasks, Tx, seam};

use super::mutant::Mutant;
use super::plan::Kind;
use super::world::{Process, Spot};

/// How long a reader is kept waiting when there is nothing.
const WAIT: Duration = Duration::from_millis(250);

/// The logs of all modules.
pub(super) struct Bus(pub(super) Vec<Db>);

#[kernel::macros::async_trait]
impl Feeds for Bus {
    async fn read(&self, _: &Call, request: ReadEvents) -> Result<EventsPage, FeedsError> {
        let unreachable = || FeedsError::Failed(CallFailure::not_executed(FailureReason::Unreachable));
        let process = Process::here().ok_or_else(unreachable)?;
        let db = self.0.iter().find(|db| db.module() == request.source).ok_or_else(unreachable)?;
        let trouble = process.turn_at(Spot::Events, &request.source).await;
        let mut events = match trouble {
            Some(Kind::EventsHeldBack) => Vec::new(),
            _ => events::read(db, request.after, request.limit).await.map_err(|_| unreachable())?,
        };
        if trouble == Some(Kind::EventsInPart) {
            events.truncate(1);
        }
        if events.is_empty() {
            tokio::time::sleep(WAIT).await;
        }
        Ok(EventsPage { events, brought: trouble.is_some() })
    }

    async fn progress(&self, _: &Call, _: ReadProgress) -> Result<Progress, FeedsError> {
        Ok(Progress { cursors: Vec::new() })
    }
}

/// What listeners have applied and made durable, in that order.
#[derive(Clone, Default)]
pub(super) struct Applied(Arc<Mutex<Vec<(&'static str, Event)>>>);

impl Applied {
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn add(&self, listener: &'static str, events: Vec<Event>) {
        let mut applied = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        applied.extend(events.into_iter().map(|event| (listener, event)));
    }

    /// What is wrong: events that were applied twice, or before an earlier one of their subject, or not at all.
    pub(super) fn faults(&self, wanted: &[(&'static str, Event)]) -> Vec<String> {
        let applied = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut faults = Vec::new();
        let mut seen = BTreeSet::new();
        let mut last: BTreeMap<(&str, &str, &str), i64> = BTreeMap::new();
        for (listener, event) in applied.iter() {
            let Event { source, position, kind, .. } = event;
            if !seen.insert((*listener, event.id)) {
                faults.push(format!("{listener} applied {source} {position} ({kind}) twice"));
            }
            let last = last.entry((*listener, source, &event.subject)).or_default();
            if *position < *last {
                faults.push(format!("{listener} applied {source} {position} ({kind}) after {last}"));
            }
            *last = (*last).max(*position);
        }
        for (listener, event) in wanted {
            if !seen.contains(&(*listener, event.id)) {
                faults.push(format!("{listener} never applied {} {}", event.source, event.position));
            }
        }
        faults
    }
}

/// A listener that is watched.
pub(super) struct Witness {
    pub(super) listener: Arc<dyn Listener>,
    pub(super) applied: Applied,
    pub(super) db: Db,
    pub(super) process: Arc<Process>,
    pub(super) tasks: Tasks,
}

impl Witness {
    fn remember(&self, tx: &mut Tx, events: Vec<Event>) {
        let (applied, name) = (self.applied.clone(), self.listener.hears().name);
        tx.after_commit(move || applied.add(name, events));
    }

    /// The broken order: the cursor first, then the effect in a transaction of its own.
    fn apply_later(&self, tx: &mut Tx, events: Vec<Event>) {
        let (listener, applied, db) = (Arc::clone(&self.listener), self.applied.clone(), self.db.clone());
        let (process, tasks) = (Arc::clone(&self.process), self.tasks.clone());
        tx.after_commit(move || {
            let effect = async move {
                let Ok(mut tx) = db.begin().await else { return };
                let all: Vec<&Event> = events.iter().collect();
                if listener.apply_all(&mut tx, &all).await.is_ok() && tx.commit().await.is_ok() {
                    applied.add(listener.hears().name, events);
                }
            };
            drop(tasks.spawn(seam::within(process, effect)));
        });
    }
}

#[kernel::macros::async_trait]
impl Listener for Witness {
    fn hears(&self) -> Hears {
        self.listener.hears()
    }

    async fn apply(&self, tx: &mut Tx, event: &Event) -> Result<(), ListenerError> {
        self.listener.apply(tx, event).await?;
        self.remember(tx, vec![event.clone()]);
        Ok(())
    }

    async fn apply_all(&self, tx: &mut Tx, events: &[&Event]) -> Result<(), ListenerError> {
        let all: Vec<Event> = events.iter().map(|event| (*event).clone()).collect();
        if self.process.world.mutant == Some(Mutant::CursorBeforeEffect) {
            self.apply_later(tx, all);
            return Ok(());
        }
        self.listener.apply_all(tx, events).await?;
        self.remember(tx, all);
        Ok(())
    }

    fn caught_up(&self, at: Moment) {
        let unheard = self.process.world.mutant == Some(Mutant::LeaseEndsUnheard);
        self.listener.caught_up(if unheard { at.plus(Duration::from_hours(24)) } else { at });
    }
}
