//! A transaction, the same on both databases.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::sync::OwnedRwLockReadGuard;

use super::later::Later;
use super::statement::together_on_postgres;
use super::{Db, DbError, Engine, Query, Sql, group, postgres};
use crate::events::NewEvent;
use crate::fault;
use crate::tasks::OpenMark;

/// Work to do once a transaction is durable.
pub(super) type Hook = Box<dyn FnOnce() + Send>;

pub(super) fn run(hooks: Vec<Hook>) {
    for hook in hooks {
        // The transaction is durable: a hook that panics must neither deny that nor take the connection with it.
        let _ = catch_unwind(AssertUnwindSafe(hook));
    }
}

/// A transaction: all of it happens, or nothing.
pub struct Tx {
    pub(super) inner: TxInner,
    pub(super) db: Db,
    /// Statements that nobody waits for yet.
    pub(super) later: Vec<Later>,
    /// Events, to be written with the commit.
    told: Vec<NewEvent>,
    hooks: Vec<Hook>,
    /// The position of the last event written here; 0 where the sequencer will give it.
    published: Option<i64>,
    enqueued: bool,
    gate: OwnedRwLockReadGuard<()>,
    _open: OpenMark,
    #[cfg(feature = "sim")]
    _busy: crate::seam::Busy,
}

pub(super) enum TxInner {
    Sqlite(group::Lease),
    Postgres(postgres::PgTx),
}

impl Tx {
    pub(super) async fn begin(db: &Db) -> Result<Self, DbError> {
        #[cfg(feature = "sim")]
        crate::seam::turn(crate::seam::Step::Begin).await?;
        #[cfg(feature = "sim")]
        let busy = crate::seam::Busy::new();
        let gate = Arc::clone(&db.0.gate).read_owned().await;
        let since = Instant::now();
        let inner = match db.engine() {
            Engine::Sqlite { writer, .. } => writer.begin().await.map(TxInner::Sqlite),
            Engine::Postgres { pool, tasks } => {
                postgres::PgTx::begin(pool, tasks.clone()).await.map(TxInner::Postgres)
            }
        };
        db.0.stats.queued(since);
        Ok(Self {
            inner: inner?,
            db: db.clone(),
            later: Vec::new(),
            told: Vec::new(),
            hooks: Vec::new(),
            published: None,
            enqueued: false,
            gate,
            _open: OpenMark::set(),
            #[cfg(feature = "sim")]
            _busy: busy,
        })
    }

    /// A statement of this transaction.
    pub fn query(&mut self, sql: impl Into<Sql>) -> Query<&mut Self> {
        Query::new(self, sql.into())
    }

    /// The database this is a transaction of.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Runs once the transaction is durable, before anybody is told; never when it is undone.
    pub fn after_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    pub(crate) fn tell(&mut self, event: NewEvent) {
        self.told.push(event);
    }

    pub(crate) fn take_told(&mut self) -> Vec<NewEvent> {
        std::mem::take(&mut self.told)
    }

    pub(crate) fn mark_published(&mut self, position: i64) {
        self.published = Some(position);
    }

    pub(crate) fn mark_enqueued(&mut self) {
        self.enqueued = true;
    }

    /// Sends what waits and makes all of it durable. Once that has begun it goes on to its end even when the caller is
    /// gone.
    ///
    /// # Errors
    /// What waited was refused, so that nothing happened; or it could not be made durable, or that is unknown: see
    /// [`DbError::maybe_committed`].
    pub async fn commit(self) -> Result<(), DbError> {
        self.make_durable().await?;
        #[cfg(feature = "sim")]
        crate::seam::turn(crate::seam::Step::Committed).await?;
        Ok(())
    }

    async fn make_durable(mut self) -> Result<(), DbError> {
        let written = self.write_events().await;
        if let Err(error) = written {
            // What it stumbled over may be of its own batch.
            self.rollback().await?;
            return Err(error);
        }
        if self.published.is_some() {
            fault!("events.after_insert", DbError::Busy);
        }
        let Self { inner, db, later, told: _, mut hooks, published, enqueued, gate, .. } = self;
        // Until it is durable, or is not.
        hooks.push(Box::new(move || drop(gate)));
        if published.is_some() || enqueued {
            let db = db.clone();
            hooks.push(Box::new(move || {
                match published {
                    // The sequencer gives these their positions and then says so itself.
                    Some(0) => db.written().notify_one(),
                    Some(position) => {
                        db.0.last_position.fetch_max(position, Ordering::Release);
                        db.published().notify_waiters();
                    }
                    None => {}
                }
                if enqueued {
                    db.enqueued().notify_one();
                }
            }));
        }
        db.0.stats.commit();
        match (inner, db.engine()) {
            (TxInner::Sqlite(lease), _) => lease.commit(hooks).await,
            (TxInner::Postgres(tx), Engine::Postgres { tasks, .. }) => {
                db.0.stats.statements(later.len());
                let last = if later.is_empty() { None } else { Some(together_on_postgres(later)?) };
                // In a task of its own, because a COMMIT nobody waits for would leave the hooks undone.
                let committed = tasks.spawn(tx.commit(last, hooks)).await;
                committed.unwrap_or(Err(DbError::Aborted))
            }
            (TxInner::Postgres(_), Engine::Sqlite { .. }) => Err(DbError::Aborted),
        }
    }

    /// Undoes it. Unlike after dropping it, what it has read may be acted on and told: on SQLite this waits until
    /// transactions whose changes it saw are durable, on PostgreSQL until its locks are gone.
    ///
    /// # Errors
    /// What it has read did not become durable.
    pub async fn rollback(self) -> Result<(), DbError> {
        match self.inner {
            TxInner::Sqlite(lease) => lease.rollback().await,
            TxInner::Postgres(tx) => {
                tx.rollback().await;
                Ok(())
            }
        }
    }
}
