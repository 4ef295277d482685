//! PostgreSQL: one database and one role per module, few round trips, settings checked.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow, Postgres};
use sqlx::query::QueryAs;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, FromRow, Row as _};
use tokio::task::JoinHandle;

use super::error::DbError;
use super::query::drivers;
use super::statement::For;
use super::tx::{self, Hook};
use crate::fault;
use crate::tasks::Tasks;

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

/// Creates a module's database and its role where they are missing, and shuts everybody else out of it.
///
/// Safe to run again and from several processes. A role that exists gets this password.
///
/// # Errors
/// A name is not made of lower-case letters, digits and underscores, or the administrator may not do this.
pub async fn provision(
    admin: &PgConnectOptions,
    database: &str,
    role: &str,
    password: &str,
) -> Result<(), DbError> {
    check_name(database)?;
    check_name(role)?;
    let mut server = admin.clone().disable_statement_logging().connect().await?;
    // Roles and databases have no `IF NOT EXISTS` that is safe in a race. The lock ends with the connection.
    server.execute("SELECT pg_advisory_lock(hashtext('cleave.provision'))").await?;

    let known = exists(&mut server, "SELECT 1 FROM pg_roles WHERE rolname = $1", role).await?;
    // Only the server knows how to quote a password for itself.
    let quoted: (String,) = query_as("SELECT format($1 || ' ROLE %I LOGIN PASSWORD %L', $2, $3)")
        .bind(if known { "ALTER" } else { "CREATE" })
        .bind(role)
        .bind(password)
        .fetch_one(&mut server)
        .await?;
    server.execute(AssertSqlSafe(quoted.0)).await?;
    if !exists(&mut server, "SELECT 1 FROM pg_roles WHERE rolname = $1 AND pg_has_role(oid, 'MEMBER')", role)
        .await?
    {
        // An administrator who is no superuser can give a database only to a role they belong to.
        server.execute(AssertSqlSafe(format!("GRANT \"{role}\" TO CURRENT_USER"))).await?;
    }
    if !exists(&mut server, "SELECT 1 FROM pg_database WHERE datname = $1", database).await? {
        server.execute(AssertSqlSafe(format!("CREATE DATABASE \"{database}\" OWNER \"{role}\""))).await?;
    }
    server.execute(AssertSqlSafe(format!("REVOKE CONNECT ON DATABASE \"{database}\" FROM PUBLIC"))).await?;
    server.close().await?;
    Ok(())
}

async fn exists(server: &mut PgConnection, question: &'static str, name: &str) -> Result<bool, DbError> {
    let found: Option<(i32,)> = query_as(question).bind(name).fetch_optional(server).await?;
    Ok(found.is_some())
}

fn check_name(name: &str) -> Result<(), DbError> {
    let mut letters = name.bytes();
    let starts = letters.next().is_some_and(|first| first.is_ascii_lowercase());
    let goes_on =
        letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_');
    if starts && goes_on && name.len() <= 63 {
        return Ok(());
    }
    Err(DbError::Unsafe(format!(
        "`{name}` is no name for a database or a role: use lower-case letters, digits and underscores, 63 at the most"
    )))
}

#[expect(
    clippy::disallowed_methods,
    reason = "an administrator's connection is to PostgreSQL and nothing else"
)]
fn query_as<'q, R>(text: &'static str) -> QueryAs<'q, Postgres, R, PgArguments>
where
    R: for<'r> FromRow<'r, PgRow>,
{
    sqlx::query_as(text)
}

/// A transaction on a pooled connection.
///
/// sqlx's own transaction type is not used: its `begin` is not cancellation-safe, and it queues a rollback that the
/// next user of the connection waits for.
pub(super) struct PgTx {
    connection: Option<PoolConnection<Postgres>>,
    state: State,
    tasks: Tasks,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was sent yet.
    NotBegun,
    Ready,
    /// A statement was sent whose answer has not been read.
    InFlight,
    /// A statement failed. The server accepts no other, and would answer a COMMIT by undoing everything.
    Failed,
}

impl PgTx {
    /// A connection for a transaction that begins with its first statement.
    pub(super) async fn begin(pool: &PgPool, tasks: Tasks) -> Result<Self, DbError> {
        Ok(Self { connection: Some(pool.acquire().await?), state: State::NotBegun, tasks })
    }

    /// The connection, for one statement; [`PgTx::answered`] follows when its answer was read.
    pub(super) async fn connection(&mut self) -> Result<&mut PgConnection, DbError> {
        let Some(connection) = &mut self.connection else { return Err(DbError::Aborted) };
        match std::mem::replace(&mut self.state, State::InFlight) {
            State::NotBegun => {
                connection.execute("BEGIN").await?;
            }
            State::Ready => {}
            ended @ (State::InFlight | State::Failed) => {
                self.state = ended;
                return Err(DbError::Aborted);
            }
        }
        Ok(connection)
    }

    /// The answer was read. An error of the database is one; a connection that broke has given none.
    pub(super) fn answered<T>(&mut self, answer: &Result<T, sqlx::Error>) {
        self.state = match answer {
            Ok(_) => State::Ready,
            Err(sqlx::Error::Database(_)) => State::Failed,
            Err(_) => State::InFlight,
        };
    }

    /// Makes it durable, with what is sent last. A transaction of that alone needs no other statement.
    pub(super) async fn commit(
        mut self,
        last: Option<For<PgArguments>>,
        hooks: Vec<Hook>,
    ) -> Result<(), DbError> {
        let alone = self.state == State::NotBegun;
        fault!("postgres.before_commit", DbError::Busy);
        if let Some((text, values, keep)) = last {
            let query = drivers::query_with(text, values).persistent(keep);
            let connection = if alone { self.untouched()? } else { self.connection().await? };
            let done = query.execute(connection).await;
            self.answered(&done);
            match done {
                Err(error) if alone => return Err(not_committed(error)),
                done => done?,
            };
        }
        if !alone && let Err(error) = self.connection().await?.execute("COMMIT").await {
            return Err(not_committed(error));
        }
        fault!("postgres.after_commit_before_answer");
        drop(self.connection.take());
        tx::run(hooks);
        Ok(())
    }

    /// The connection while nothing was sent, for a statement that is a transaction of its own.
    fn untouched(&mut self) -> Result<&mut PgConnection, DbError> {
        self.state = State::InFlight;
        self.connection.as_deref_mut().ok_or(DbError::Aborted)
    }

    pub(super) async fn rollback(mut self) {
        if let Some(undone) = self.undo() {
            let _ = undone.await;
        }
    }

    /// Undoes it in a task of its own, because a ROLLBACK nobody waits for would leave the connection in the middle.
    fn undo(&mut self) -> Option<JoinHandle<()>> {
        let mut connection = self.connection.take()?;
        if self.state == State::InFlight {
            // Nobody knows what the connection is in the middle of; the server undoes what it had.
            connection.close_on_drop();
            return None;
        }
        if self.state == State::NotBegun {
            return None;
        }
        Some(self.tasks.spawn(async move {
            if connection.execute("ROLLBACK").await.is_err() {
                connection.close_on_drop();
            }
        }))
    }
}

/// What it means that a statement failed which was to make everything durable.
fn not_committed(error: sqlx::Error) -> DbError {
    match error {
        sqlx::Error::Database(_) => error.into(),
        _ => DbError::CommitUnknown(std::sync::Arc::new(error)),
    }
}

impl Drop for PgTx {
    fn drop(&mut self) {
        drop(self.undo());
    }
}

#[cfg(test)]
mod tests;
