//! Group commit: concurrent write transactions of a module share one fsync.
//!
//! SQLite has one writer at a time. Transactions therefore run one after another, each in a savepoint of one
//! `BEGIN IMMEDIATE`, and a single `COMMIT` makes all of them durable. Nobody is answered before that commit.
//!
//! There is one connection. Whoever holds the [`Lease`] may use it, always with a fresh savepoint open. When a lease
//! ends, in whatever way, a task that nobody can cancel settles it: it releases or undoes the savepoint and hands
//! the connection to the next in the queue, or commits the batch when nobody waits. So a request that goes away
//! half-way costs only its own savepoint.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Connection as _, Executor as _};
use tokio::sync::{Notify, oneshot};

use super::error::DbError;
use super::query::drivers;
use super::stats::Stats;
use super::tx::{self, Hook};
use crate::fault;
use crate::tasks::Tasks;

/// How long the queue may become, and how large a batch.
#[derive(Debug, Clone, Copy)]
pub struct Queue {
    /// Transactions that may wait for their turn.
    pub length: usize,
    /// How long one of them may wait.
    pub patience: Duration,
    /// Transactions in one commit.
    pub batch: usize,
    /// How long the first of a batch may wait for its commit.
    pub batch_age: Duration,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            length: 1024,
            patience: Duration::from_secs(2),
            batch: 128,
            batch_age: Duration::from_millis(20),
        }
    }
}

/// The one writer of a SQLite file.
pub(super) struct Writer(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    queue: Queue,
    tasks: Tasks,
    stats: Stats,
    /// Rung when the connection comes to rest.
    rested: Notify,
}

#[derive(Default)]
struct State {
    /// The connection while nobody uses it.
    resting: Option<Batch>,
    waiting: VecDeque<Waiter>,
    closed: bool,
}

struct Waiter {
    hand_over: oneshot::Sender<Lease>,
}

/// The connection, and the transactions whose commit is due.
struct Batch {
    connection: SqliteConnection,
    members: Vec<Member>,
    /// Since when a transaction is open.
    open: Option<Instant>,
    /// Set by SQLite itself when it undoes the transaction, asked or unasked: outside one, a statement would
    /// become durable on its own.
    undone: Arc<AtomicBool>,
}

struct Member {
    acknowledge: oneshot::Sender<Result<(), DbError>>,
    hooks: Vec<Hook>,
}

/// The right to write, with a savepoint open. Dropping it undoes what was written.
pub(super) struct Lease {
    batch: Option<Batch>,
    shared: Arc<Shared>,
    /// A statement was sent whose answer has not been read, or what was sent together was refused.
    in_flight: bool,
}

/// How the savepoint that is open now came to its end.
enum Ended {
    /// None is open.
    NotBegun,
    Keep(Member),
    /// Whoever waits learns when the rest of the batch is durable.
    Undo(Option<Member>),
}

impl Writer {
    pub(super) async fn new(
        mut connection: SqliteConnection,
        queue: Queue,
        tasks: Tasks,
        stats: Stats,
    ) -> Result<Self, DbError> {
        let undone = Arc::new(AtomicBool::new(false));
        let set = Arc::clone(&undone);
        connection.lock_handle().await?.set_rollback_hook(move || set.store(true, Ordering::Release));
        let batch = Batch { connection, members: Vec::new(), open: None, undone };
        let at_rest = Mutex::new(State { resting: Some(batch), ..State::default() });
        Ok(Self(Arc::new(Shared { state: at_rest, queue, tasks, stats, rested: Notify::new() })))
    }

    /// Waits for its turn.
    pub(super) async fn begin(&self) -> Result<Lease, DbError> {
        let (hand_over, lease) = oneshot::channel();
        let resting = {
            let mut state = self.0.lock();
            if state.waiting.len() >= self.0.queue.length {
                // Those who gave up keep no place.
                state.waiting.retain(|waiter| !waiter.hand_over.is_closed());
            }
            if state.closed || state.waiting.len() >= self.0.queue.length {
                return Err(DbError::Busy);
            }
            state.waiting.push_back(Waiter { hand_over });
            state.resting.take()
        };
        if let Some(batch) = resting {
            Shared::settle_in_background(&self.0, batch, Ended::NotBegun);
        }
        match tokio::time::timeout(self.0.queue.patience, lease).await {
            Ok(Ok(lease)) => Ok(lease),
            Ok(Err(_)) | Err(_) => Err(DbError::Busy),
        }
    }

    /// Takes the connection itself, outside any transaction: for migrations, which bring their own.
    pub(super) async fn borrow(&self) -> Result<Borrowed, DbError> {
        let batch = self.rested().await?;
        Ok(Borrowed { batch: Some(batch), shared: Arc::clone(&self.0) })
    }

    /// Waits for the last batch and closes the connection.
    pub(super) async fn close(&self) {
        self.0.lock().closed = true;
        if let Ok(batch) = self.rested().await {
            let _ = batch.connection.close().await;
        }
    }

    async fn rested(&self) -> Result<Batch, DbError> {
        let patience = tokio::time::sleep(self.0.queue.patience);
        tokio::pin!(patience);
        loop {
            let rested = self.0.rested.notified();
            if let Some(batch) = self.0.lock().resting.take() {
                return Ok(batch);
            }
            tokio::select! {
                () = rested => {}
                () = &mut patience => return Err(DbError::Busy),
            }
        }
    }
}

/// The connection outside any transaction. Goes back when dropped.
pub(super) struct Borrowed {
    batch: Option<Batch>,
    shared: Arc<Shared>,
}

impl Borrowed {
    pub(super) fn connection(&mut self) -> Result<&mut SqliteConnection, DbError> {
        self.batch.as_mut().map(|batch| &mut batch.connection).ok_or(DbError::Aborted)
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some(batch) = self.batch.take() {
            Shared::settle_in_background(&self.shared, batch, Ended::NotBegun);
        }
    }
}

impl Lease {
    /// The connection, for one statement; [`Lease::answered`] follows when its answer was read.
    ///
    /// There is none after a statement whose answer nobody read: what it does may still be to come.
    pub(super) fn connection(&mut self) -> Result<&mut SqliteConnection, DbError> {
        match &mut self.batch {
            Some(batch) if !self.in_flight && !batch.is_undone() => {
                self.in_flight = true;
                Ok(&mut batch.connection)
            }
            _ => Err(DbError::Aborted),
        }
    }

    /// The answer was read. An error of the database is one; a connection that broke has given none.
    pub(super) fn answered<T>(&mut self, answer: &Result<T, sqlx::Error>) {
        self.in_flight = !matches!(answer, Ok(_) | Err(sqlx::Error::Database(_)));
    }

    /// Nothing more can be done with it but to undo it.
    pub(super) fn spoil(&mut self) {
        self.in_flight = true;
    }

    /// Undoes it and waits until whatever it has seen of the others of its batch is durable.
    ///
    /// What a transaction reads may have been written by one whose commit is still to come. An answer that rests on it
    /// must not be given before.
    pub(super) async fn rollback(mut self) -> Result<(), DbError> {
        let Some(batch) = self.batch.take_if(|batch| !batch.members.is_empty()) else { return Ok(()) };
        let (acknowledge, acknowledged) = oneshot::channel();
        let waiting = Member { acknowledge, hooks: Vec::new() };
        Shared::settle_in_background(&self.shared, batch, Ended::Undo(Some(waiting)));
        acknowledged.await.unwrap_or(Err(DbError::Aborted))
    }

    /// Makes it durable together with the others of its batch.
    pub(super) async fn commit(mut self, hooks: Vec<Hook>) -> Result<(), DbError> {
        // Asking for the connection tells whether there is something whole to keep.
        self.connection()?;
        let (acknowledge, acknowledged) = oneshot::channel();
        if let Some(batch) = self.batch.take() {
            Shared::settle_in_background(&self.shared, batch, Ended::Keep(Member { acknowledge, hooks }));
        }
        acknowledged.await.unwrap_or(Err(DbError::Aborted))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(batch) = self.batch.take() {
            Shared::settle_in_background(&self.shared, batch, Ended::Undo(None));
        }
    }
}

impl Batch {
    fn is_due(&self, queue: Queue) -> bool {
        self.members.len() >= queue.batch || self.open.is_some_and(|since| since.elapsed() >= queue.batch_age)
    }

    fn is_undone(&self) -> bool {
        self.undone.load(Ordering::Acquire)
    }

    /// Ends the open savepoint and, in the same breath, opens the next one or commits.
    ///
    /// Where SQLite undid the transaction there is no savepoint `w`, and the statement that ends it fails.
    async fn end_savepoint(&mut self, ended: Ended, go_on: bool, stats: &Stats) -> Result<(), sqlx::Error> {
        let text = match (ended, go_on) {
            (Ended::NotBegun, false) => return Ok(()),
            (Ended::NotBegun, true) => {
                self.undone.store(false, Ordering::Release);
                "BEGIN IMMEDIATE; SAVEPOINT w"
            }
            (Ended::Keep(member), go_on) => {
                self.members.push(member);
                if go_on { "RELEASE w; SAVEPOINT w" } else { "RELEASE w; COMMIT" }
            }
            (Ended::Undo(waiting), go_on) => {
                self.members.extend(waiting);
                match (go_on, self.members.is_empty()) {
                    (true, _) => "ROLLBACK TO w",
                    (false, true) => "ROLLBACK TO w; ROLLBACK",
                    (false, false) => "ROLLBACK TO w; COMMIT",
                }
            }
        };
        if !go_on {
            stats.batch();
        }
        // With its arguments, of which there are none, because only then the statement is kept prepared.
        let statement = drivers::query_with(text, SqliteArguments::default());
        statement.execute(&mut self.connection).await.map(|_| ())
    }

    /// Tells every member that it is durable.
    fn acknowledge(&mut self) {
        self.open = None;
        for member in self.members.drain(..) {
            tx::run(member.hooks);
            // Whoever asked may be gone; the commit stands all the same.
            let _ = member.acknowledge.send(Ok(()));
        }
    }

    /// Undoes what is left of the transaction and tells every member why.
    async fn fail(&mut self, error: sqlx::Error, say: fn(Arc<sqlx::Error>) -> DbError) {
        // Mostly SQLite has done so itself and answers that there is nothing to undo.
        let _ = self.connection.execute("ROLLBACK").await;
        self.open = None;
        let error = Arc::new(error);
        for member in self.members.drain(..) {
            let _ = member.acknowledge.send(Err(say(Arc::clone(&error))));
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first in the queue who still waits.
    fn next_waiter(&self) -> Option<Waiter> {
        let mut state = self.lock();
        while let Some(waiter) = state.waiting.pop_front() {
            if !waiter.hand_over.is_closed() {
                return Some(waiter);
            }
        }
        None
    }

    fn settle_in_background(this: &Arc<Self>, batch: Batch, ended: Ended) {
        // Detached on purpose: whoever needs the outcome waits for its acknowledgement.
        drop(this.tasks.spawn(Arc::clone(this).settle(batch, ended)));
    }

    /// Serves the queue until somebody has the lease or nobody waits.
    async fn settle(self: Arc<Self>, mut batch: Batch, mut ended: Ended) {
        loop {
            let begins = matches!(ended, Ended::NotBegun);
            let next = if batch.is_due(self.queue) { None } else { self.next_waiter() };
            if !begins && next.is_none() {
                fault!("group.before_commit");
            }
            match (batch.end_savepoint(ended, next.is_some(), &self.stats).await, next) {
                (Ok(()), Some(waiter)) => {
                    batch.open.get_or_insert_with(Instant::now);
                    let lease = Lease { batch: Some(batch), shared: Arc::clone(&self), in_flight: false };
                    let Err(mut refused) = waiter.hand_over.send(lease) else { return };
                    let Some(returned) = refused.batch.take() else { return };
                    batch = returned;
                    ended = Ended::Undo(None);
                    continue;
                }
                (Ok(()), None) => {
                    fault!("group.after_commit_before_answer");
                    batch.acknowledge();
                }
                (Err(error), Some(_)) if begins => {
                    // Another process writes. Whoever was next learns that the database is busy.
                    tracing::warn!(%error, "no write transaction could be begun");
                    batch.fail(error, DbError::Undone).await;
                }
                (Err(error), Some(waiter)) => {
                    tracing::error!(%error, "a write transaction took all of its batch with it");
                    batch.fail(error, DbError::Undone).await;
                    self.lock().waiting.push_front(waiter);
                }
                (Err(error), None) => {
                    tracing::error!(%error, "a commit failed; all of its batch is undone");
                    batch.fail(error, DbError::CommitUnknown).await;
                }
            }
            let mut state = self.lock();
            if state.waiting.is_empty() {
                state.resting = Some(batch);
                self.rested.notify_waiters();
                return;
            }
            ended = Ended::NotBegun;
        }
    }
}

#[cfg(test)]
mod tests;
