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
mod tx;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kernel::Clock;
use sqlx::SqlitePool;
use sqlx::postgres::PgPool;
use tokio::sync::{Notify, RwLock};

use crate::tasks::Tasks;

pub use error::DbError;
pub use migrate::Migration;
pub use postgres::{PostgresOptions, provision};
pub use query::{Query, Row};
pub use relocate::{Compared, Destination, Progress, RelocateError, Relocated, Step, relocate};
pub use sqlite::{Queue, SqliteOptions};
pub use sqlx::types::Json;
pub use statement::{Bind, Sql};
pub use stats::{Counts, Stats};
pub use tx::Tx;

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
        Tx::begin(self).await
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
