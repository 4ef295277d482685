//! A listener: reads a log after its cursor, applies what it wants, and moves the cursor with the effect.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Call, Event, Moment};
use tokio::time::Instant;

use super::feed::{Feeds, MOST, ReadEvents};
use super::parked;
use crate::db::{Db, DbError, Tx};
use crate::fault;
use crate::tasks::Tasks;

const WAIT: Duration = Duration::from_secs(2);
/// However much a broker brings, so often the log itself is asked whether there is more.
const LOOK_INTO_LOG: Duration = Duration::from_secs(4);
/// How soon events that were set aside are looked at again: while there are some, and while there are none.
const PARKED_SOON: Duration = Duration::from_millis(100);
const PARKED_LATER: Duration = Duration::from_secs(5);
/// A listener that wants nothing of what it read remembers its place after so many events.
const SAVE_EVERY: i64 = 1000;

/// Hears what a module says.
#[kernel::macros::async_trait]
pub trait Listener: Send + Sync + 'static {
    /// What it listens to.
    fn hears(&self) -> Hears;

    /// Applies one event. It may only write to its own database through `tx`; what needs anybody else becomes a job.
    ///
    /// # Errors
    /// After eight failures the event is parked, with later ones of its subject, until an operator replays it.
    async fn apply(&self, tx: &mut Tx, event: &Event) -> Result<(), ListenerError>;

    /// Applies events that were read together, in their order. Who does the same for many can do it in fewer
    /// statements.
    ///
    /// # Errors
    /// As [`Listener::apply`]; then they are applied one by one.
    async fn apply_all(&self, tx: &mut Tx, events: &[&Event]) -> Result<(), ListenerError> {
        for event in events {
            self.apply(tx, event).await?;
        }
        Ok(())
    }

    /// Everything that had its place in the log at this moment is applied. Called again and again while the log can
    /// be read, so that whoever must not act on old news can tell how old its news is.
    fn caught_up(&self, at: Moment) {
        let _ = at;
    }
}

/// What a listener listens to.
#[derive(Debug, Clone, Copy)]
pub struct Hears {
    /// Its name, unique in its module; the cursor is kept under it.
    pub name: &'static str,
    /// The module it listens to.
    pub source: &'static str,
    /// The types of events it does anything with.
    pub types: &'static [&'static str],
}

/// Why an event could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ListenerError {
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The data is not what its type promises.
    #[error("the event's data does not have the form of its type")]
    Malformed(#[from] serde_json::Error),
    /// The event makes no sense here.
    #[error("{0}")]
    Refused(String),
}

impl ListenerError {
    /// Whether the store was at fault and the event is not.
    fn is_passing(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_worth_repeating() || matches!(error, DbError::Unreachable(_) | DbError::Full(_) | DbError::CommitUnknown(_)))
    }
}

/// Runs a listener until the process stops.
pub async fn listen(listener: Arc<dyn Listener>, db: Db, feeds: Arc<dyn Feeds>, batch: u32, tasks: Tasks) {
    let batch = batch.min(MOST);
    let mut reader = Reader {
        listener,
        db,
        position: None,
        saved: 0,
        look_at_parked: Instant::now(),
        reached_end: Instant::now(),
    };
    while !tasks.stopping().is_cancelled() {
        let step = tokio::select! {
            step = reader.step(feeds.as_ref(), batch) => step,
            () = tasks.stopping().cancelled() => return,
        };
        if let Err(error) = step {
            tracing::warn!(listener = reader.listener.hears().name, error = %error, "the listener pauses and tries again");
            tasks.pause(Duration::from_millis(300)).await;
        }
    }
}

struct Reader {
    listener: Arc<dyn Listener>,
    db: Db,
    /// What was read last; ahead of the stored cursor while nothing was wanted.
    position: Option<i64>,
    saved: i64,
    /// When events that were set aside are tried again.
    look_at_parked: Instant,
    /// When the end of the log was last seen.
    reached_end: Instant,
}

impl Reader {
    /// Reads once and applies what came.
    async fn step(&mut self, feeds: &dyn Feeds, batch: u32) -> Result<(), ListenerError> {
        if Instant::now() >= self.look_at_parked {
            let some = parked::retry(&self.db, self.listener.as_ref()).await?;
            self.look_at_parked = Instant::now() + if some { PARKED_SOON } else { PARKED_LATER };
        }
        let after = match self.position {
            Some(position) => position,
            None => self.stored().await?,
        };
        let wait = if self.reached_end.elapsed() < LOOK_INTO_LOG { WAIT } else { Duration::ZERO };
        let request = ReadEvents {
            source: self.listener.hears().source.to_owned(),
            after,
            limit: batch,
            wait_ms: wait.as_millis() as u64,
        };
        let call = Call::by_module(self.db.module(), WAIT * 3);
        let asked_at = self.db.clock().now();
        let page =
            feeds.read(&call, request).await.map_err(|error| ListenerError::Refused(error.to_string()))?;
        fault!("listener.after_read", DbError::Busy);
        let reached_end = !page.brought && page.events.len() < batch as usize;
        let last = page.events.last().map_or(after, |event| event.position);
        self.take(page.events, last).await?;
        // Another replica may have been faster and then says so itself.
        if reached_end && self.position >= Some(last) {
            self.reached_end = Instant::now();
            self.listener.caught_up(asked_at);
        }
        Ok(())
    }

    /// Applies what was read, up to `last`.
    async fn take(&mut self, events: Vec<Event>, last: i64) -> Result<(), ListenerError> {
        if events.is_empty() {
            return Ok(());
        }
        let types = self.listener.hears().types;
        let wanted: Vec<&Event> =
            events.iter().filter(|event| types.contains(&event.kind.as_str())).collect();
        if wanted.is_empty() {
            self.position = Some(last);
            if last - self.saved >= SAVE_EVERY {
                self.apply(&[], last).await?;
            }
            return Ok(());
        }
        match self.apply(&wanted, last).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_passing() => Err(error),
            // One of them is at fault: one by one, so that it holds up nobody else.
            Err(_) => {
                for event in wanted {
                    if !self.apply_or_park(event).await? {
                        // Another replica goes on from another place, which may be before or after the next of these.
                        return Ok(());
                    }
                }
                self.position = self.position.map(|position| position.max(last));
                Ok(())
            }
        }
    }

    /// Returns whether it was ours to apply or to set aside: not when another replica was faster.
    async fn apply_or_park(&mut self, event: &Event) -> Result<bool, ListenerError> {
        match self.apply(&[event], event.position).await {
            Err(error) if !error.is_passing() => {
                tracing::error!(
                    listener = self.listener.hears().name, event.id = %event.id, event.kind = %event.kind, error = %error,
                    "an event could not be applied; it is set aside and tried again"
                );
                self.look_at_parked = Instant::now();
                let Some((mut tx, _)) = self.begin_at(event.position).await? else { return Ok(false) };
                parked::park(&mut tx, self.listener.as_ref(), event, 1, &error.to_string()).await?;
                fault!("listener.park", DbError::Busy);
                self.end_at(tx, event.position).await?;
                Ok(true)
            }
            other => other,
        }
    }

    /// Applies events and moves the cursor to `position`, in one transaction. Returns whether it was ours to do.
    async fn apply(&mut self, events: &[&Event], position: i64) -> Result<bool, ListenerError> {
        let Some((mut tx, some_are_parked)) = self.begin_at(position).await? else { return Ok(false) };
        let parked: HashSet<String> = if some_are_parked {
            parked::subjects(&mut tx, self.listener.as_ref()).await?
        } else {
            HashSet::new()
        };
        let (waiting, due): (Vec<&Event>, Vec<&Event>) =
            events.iter().partition(|event| parked.contains(&event.subject));
        for event in waiting {
            let reason = "an earlier event of its subject is parked";
            parked::park(&mut tx, self.listener.as_ref(), event, 0, reason).await?;
        }
        fault!("listener.after_tx_begin", ListenerError::Refused("a fault point refuses it".to_owned()));
        self.listener.apply_all(&mut tx, &due).await?;
        fault!("listener.after_effect_before_commit", DbError::Busy);
        self.end_at(tx, position).await?;
        Ok(true)
    }

    /// Begins a transaction that moves the cursor to `position`, and says whether events are parked. `None` when
    /// another replica was faster.
    async fn begin_at(&mut self, position: i64) -> Result<Option<(Tx, bool)>, ListenerError> {
        let now = self.db.clock().now();
        let mut tx = self.db.begin().await?;
        let moved: Option<(bool,)> = tx
            .query(
                "UPDATE cursors
                 SET position = $1, updated_at = $2
                 WHERE listener = $3 AND source = $4 AND position = $5
                 RETURNING EXISTS (
                     SELECT 1
                     FROM parked_events
                     WHERE parked_events.listener = $3 AND parked_events.source = $4
                 )",
            )
            .bind(position)
            .bind(now)
            .bind(self.listener.hears().name)
            .bind(self.listener.hears().source)
            .bind(self.saved)
            .maybe()
            .await?;
        if let Some((some_are_parked,)) = moved {
            return Ok(Some((tx, some_are_parked)));
        }
        tx.rollback().await?;
        self.stored().await?;
        Ok(None)
    }

    async fn end_at(&mut self, tx: Tx, position: i64) -> Result<(), ListenerError> {
        tx.commit().await?;
        fault!("listener.after_commit");
        self.saved = position;
        self.position = Some(position);
        Ok(())
    }

    /// The cursor as it is stored; a new listener starts at the beginning.
    async fn stored(&mut self) -> Result<i64, ListenerError> {
        let known: Option<(i64,)> = self
            .db
            .query("SELECT position FROM cursors WHERE listener = $1 AND source = $2")
            .bind(self.listener.hears().name)
            .bind(self.listener.hears().source)
            .maybe()
            .await?;
        let position = if let Some((position,)) = known {
            position
        } else {
            let mut tx = self.db.begin().await?;
            tx.query(
                "INSERT INTO cursors (listener, source, position, updated_at)
                 VALUES ($1, $2, 0, $3)
                 ON CONFLICT DO NOTHING",
            )
            .bind(self.listener.hears().name)
            .bind(self.listener.hears().source)
            .bind(self.db.clock().now())
            .run()
            .await?;
            tx.commit().await?;
            0
        };
        self.saved = position;
        self.position = Some(position);
        Ok(position)
    }
}
