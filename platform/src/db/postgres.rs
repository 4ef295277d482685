//! PostgreSQL: one database and one role per module, few round trips, settings checked.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, Postgres};
use sqlx::{ConnectOptions as _, Executor as _, Row as _};

use super::Hook;
use super::error::DbError;

/// A module's PostgreSQL database.
#[derive(Clone)]
pub struct PostgresOptions {
    /// Server, database, role and password.
    pub connect: PgConnectOptions,
    /// Connections at the most.
    pub pool_size: u32,
    /// How long a request may wait for one.
    pub acquire_timeout: Duration,
    /// Accept a server that can lose acknowledged writes.
    pub accept_unsafe_settings: bool,
}

impl std::fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The connect options hold the password.
        f.debug_struct("PostgresOptions")
            .field("host", &self.connect.get_host())
            .field("database", &self.connect.get_database())
            .finish_non_exhaustive()
    }
}

pub(super) async fn open(options: &PostgresOptions) -> Result<PgPool, DbError> {
    let pool = PgPoolOptions::new()
        .max_connections(options.pool_size)
        .min_connections(1)
        .test_before_acquire(false)
        .acquire_timeout(options.acquire_timeout)
        .connect_with(options.connect.clone().statement_cache_capacity(256).disable_statement_logging())
        .await?;
    if !options.accept_unsafe_settings {
        check(&pool).await?;
    }
    Ok(pool)
}

async fn check(pool: &PgPool) -> Result<(), DbError> {
    let rows = pool
        .fetch_all(
            "SELECT name, setting FROM pg_settings
             WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'",
        )
        .await?;
    let off: Vec<String> = rows.iter().map(|row| row.try_get("name")).collect::<Result<_, _>>()?;
    if off.is_empty() {
        return Ok(());
    }
    Err(DbError::Unsafe(format!(
        "PostgreSQL runs with {} off, so a crash can lose acknowledged orders; turn it on, or set \
         `database.accept_unsafe_settings = true` if that is what you want",
        off.join(", ")
    )))
}

/// A transaction on a pooled connection.
///
/// sqlx's own transaction type is not used: its `begin` is not cancellation-safe, and it queues a rollback that the
/// next user of the connection waits for.
pub(super) struct PgTx {
    connection: Option<PoolConnection<Postgres>>,
    /// A statement was sent whose answer has not been read.
    in_flight: bool,
}

impl PgTx {
    pub(super) async fn begin(pool: &PgPool) -> Result<Self, DbError> {
        let mut tx = Self { connection: Some(pool.acquire().await?), in_flight: false };
        tx.connection()?.execute("BEGIN").await?;
        tx.idle();
        Ok(tx)
    }

    /// The connection, for one statement; [`PgTx::idle`] follows when its answer was read.
    pub(super) fn connection(&mut self) -> Result<&mut PgConnection, DbError> {
        self.in_flight = true;
        self.connection.as_deref_mut().ok_or(DbError::Aborted)
    }

    pub(super) fn idle(&mut self) {
        self.in_flight = false;
    }

    pub(super) async fn commit(mut self, hooks: Vec<Hook>) -> Result<(), DbError> {
        let done = self.connection()?.execute("COMMIT").await;
        match done {
            Ok(_) => {
                self.idle();
                // After a failed statement the server answers COMMIT by undoing; the statement's error was told.
                drop(self.connection.take());
                hooks.into_iter().for_each(|hook| hook());
                Ok(())
            }
            Err(error @ sqlx::Error::Database(_)) => Err(error.into()),
            Err(error) => Err(DbError::CommitUnknown(std::sync::Arc::new(error))),
        }
    }

    pub(super) async fn rollback(mut self) {
        if let Some(mut connection) = self.connection.take()
            && (self.in_flight || connection.execute("ROLLBACK").await.is_err())
        {
            connection.close_on_drop();
        }
    }
}

impl Drop for PgTx {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if self.in_flight {
            // Nobody knows what the connection is in the middle of; the server undoes what it had.
            connection.close_on_drop();
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if connection.execute("ROLLBACK").await.is_err() {
                    connection.close_on_drop();
                }
            });
        } else {
            connection.close_on_drop();
        }
    }
}
