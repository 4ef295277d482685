//! One store, two databases: the same SQL text on SQLite and on PostgreSQL.
//!
//! Every module has a [`Db`] of its own. Reads may go straight to it; whatever belongs together goes through a
//! [`Tx`]. `docs/sql.md` keeps the rules by which one text suits both databases.

mod error;
mod group;
mod later;
mod migrate;
mod postgres;
mod query;
mod relocate;
mod sqlite;
mod statement;
mod stats;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use kernel::Clock;
use sqlx::SqlitePool;
use sqlx::postgres::PgPool;
use tokio::sync::{Notify, OwnedRwLockReadGuard, RwLock};

use crate::events::NewEvent;
use crate::fault;
use crate::tasks::{OpenMark, Tasks};

pub use error::DbError;
pub use migrate::Migration;
pub use postgres::{PostgresOptions, provision};
pub use query::{Query, Row};
pub use relocate::{Compared, Destination, Progress, RelocateError, Relocated, Step, relocate};
pub use sqlite::{Queue, SqliteOptions};
pub use sqlx::types::Json;
pub use statement::{Bind, Sql};
pub use stats::{Counts, Stats};

use later::Later;
use statement::together_on_postgres;

/// Where a module keeps its tables.
#[derive(Debug, Clone)]
pub enum Store {
    /// A file of its own.
    Sqlite(SqliteOptions),
    /// A database and a role of its own.
    Postgres(Box<PostgresOptions>),
}

/// A module's database.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    module: &'static str,
    clock: Clock,
    stats: Stats,
    /// Rung when a transaction with events has committed.
    written: Notify,
    /// Rung when events have their positions and can be read.
    published: Notify,
    /// The position of the last event this process has written; 0 where the sequencer gives them.
    last_position: AtomicI64,
    /// Rung when a transaction with jobs has committed.
    enqueued: Notify,
    engine: Engine,
    /// Where the tables are since they were moved in this process.
    moved: OnceLock<Engine>,
    /// Every transaction holds it; who moves the tables waits for it alone.
    gate: Arc<RwLock<()>>,
}

enum Engine {
    Sqlite { readers: SqlitePool, writer: group::Writer },
    Postgres { pool: PgPool, tasks: Tasks },
}

/// Work to do once a transaction is durable.
type Hook = Box<dyn FnOnce() + Send>;

fn run(hooks: Vec<Hook>) {
    for hook in hooks {
        // The transaction is durable: a hook that panics must neither deny that nor take the connection with it.
        let _ = catch_unwind(AssertUnwindSafe(hook));
    }
}

impl Db {
    /// Opens a module's database and checks the settings its promises rest on.
    ///
    /// # Errors
    /// The database cannot be reached or created, is set up so that an acknowledged write could be lost, or its tables
    /// were moved elsewhere.
    pub async fn open(
        module: &'static str,
        store: &Store,
        clock: Clock,
        tasks: &Tasks,
    ) -> Result<Self, DbError> {
        let db = Self::open_unchecked(module, store, clock, tasks).await?;
        relocate::check(&db).await?;
        Ok(db)
    }

    /// The same also where the tables have left or have not all arrived, for who brings them there.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub async fn open_unchecked(
        module: &'static str,
        store: &Store,
        clock: Clock,
        tasks: &Tasks,
    ) -> Result<Self, DbError> {
        let stats = Stats::default();
        let engine = match store {
            Store::Sqlite(options) => {
                let (writer, readers) = sqlite::open(options).await?;
                let writer = group::Writer::new(writer, options.queue, tasks.clone(), stats.clone()).await?;
                Engine::Sqlite { readers, writer }
            }
            Store::Postgres(options) => {
                Engine::Postgres { pool: postgres::open(options).await?, tasks: tasks.clone() }
            }
        };
        Ok(Self(Arc::new(Inner {
            module,
            clock,
            stats,
            written: Notify::new(),
            published: Notify::new(),
            last_position: AtomicI64::new(0),
            enqueued: Notify::new(),
            engine,
            moved: OnceLock::new(),
            gate: Arc::new(RwLock::new(())),
        })))
    }

    /// The module whose database this is.
    pub fn module(&self) -> &'static str {
        self.0.module
    }

    /// The clock that stamps what is written here.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// What has been sent to the database so far.
    pub fn stats(&self) -> &Stats {
        &self.0.stats
    }

    /// Whether this is SQLite, where the writer itself gives events their positions.
    pub fn is_sqlite(&self) -> bool {
        matches!(self.engine(), Engine::Sqlite { .. })
    }

    fn engine(&self) -> &Engine {
        self.0.moved.get().unwrap_or(&self.0.engine)
    }

    pub(crate) fn written(&self) -> &Notify {
        &self.0.written
    }

    /// Up to where this process knows that there are events.
    pub(crate) fn last_position(&self) -> i64 {
        self.0.last_position.load(Ordering::Acquire)
    }

    pub(crate) fn published(&self) -> &Notify {
        &self.0.published
    }

    pub(crate) fn enqueued(&self) -> &Notify {
        &self.0.enqueued
    }

    /// A statement on its own, outside any transaction. On SQLite it can only read.
    pub fn query(&self, sql: impl Into<Sql>) -> Query<&Self> {
        Query::new(self, sql.into())
    }

    /// Begins a transaction. Dropping it undoes it.
    ///
    /// # Errors
    /// [`DbError::Busy`] when no connection came free in time; nothing was done.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        #[cfg(feature = "sim")]
        crate::seam::turn(crate::seam::Step::Begin).await?;
        #[cfg(feature = "sim")]
        let busy = crate::seam::Busy::new();
        let gate = Arc::clone(&self.0.gate).read_owned().await;
        let since = Instant::now();
        let inner = match self.engine() {
            Engine::Sqlite { writer, .. } => writer.begin().await.map(TxInner::Sqlite),
            Engine::Postgres { pool, tasks } => {
                postgres::PgTx::begin(pool, tasks.clone()).await.map(TxInner::Postgres)
            }
        };
        self.0.stats.queued(since);
        let inner = inner?;
        Ok(Tx {
            inner,
            db: self.clone(),
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

    /// Applies the migrations that are missing. Safe to run again and from several processes.
    ///
    /// # Errors
    /// A migration fails, or the database has seen one that this binary does not know or that has changed since.
    pub async fn migrate(&self, migrations: &[Migration]) -> Result<(), DbError> {
        migrate::run(self, migrations).await
    }

    /// How many of the migrations are still missing.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn pending_migrations(&self, migrations: &[Migration]) -> Result<usize, DbError> {
        migrate::pending(self, migrations).await
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// It gives none.
    pub async fn ping(&self) -> Result<(), DbError> {
        self.query("SELECT CAST(1 AS BIGINT)").one::<(i64,)>().await.map(|_| ())
    }

    /// What tells this database from every other one: two processes that read the same text share their tables.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn identity(&self) -> Result<String, DbError> {
        let (identity,): (String,) = self
            .query(Sql::each(
                "SELECT file FROM pragma_database_list WHERE name = 'main'",
                "SELECT CONCAT(system_identifier, '/', current_database()) FROM pg_control_system()",
            ))
            .one()
            .await?;
        Ok(identity)
    }

    /// Brings the file in order and lets go of it.
    pub async fn close(&self) {
        self.0.engine.close().await;
        if let Some(moved) = self.0.moved.get() {
            moved.close().await;
        }
    }

    /// Forgets a move of the tables that the last process did not bring to its end.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn call_off_move(&self) -> Result<(), DbError> {
        relocate::call_off(self).await
    }
}

impl Engine {
    async fn close(&self) {
        match self {
            Self::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres { pool, .. } => {
                let _ = tokio::time::timeout(Duration::from_secs(2), pool.close()).await;
            }
        }
    }
}

/// A transaction: all of it happens, or nothing.
pub struct Tx {
    inner: TxInner,
    db: Db,
    /// Statements that nobody waits for yet.
    later: Vec<Later>,
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

enum TxInner {
    Sqlite(group::Lease),
    Postgres(postgres::PgTx),
}

impl Tx {
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
