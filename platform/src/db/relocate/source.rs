//! The old tables: how they are changed, and how they were at one moment.

use sqlx::pool::PoolConnection;
use sqlx::postgres::Postgres;
use sqlx::sqlite::Sqlite;

use super::RelocateError;
use super::side::{Dialect, Side};
use crate::db::group::Borrowed;
use crate::db::{Db, DbError, Engine};

/// The connection through which the old tables are changed.
pub(super) enum Source {
    Sqlite(Borrowed),
    Postgres(PoolConnection<Postgres>),
}

impl Source {
    pub(super) async fn alone(db: &Db) -> Result<Self, DbError> {
        Ok(match db.engine() {
            Engine::Sqlite { writer, .. } => Self::Sqlite(writer.borrow().await?),
            Engine::Postgres { pool, .. } => Self::Postgres(pool.acquire().await?),
        })
    }

    pub(super) fn side(&mut self) -> Result<Side<'_>, DbError> {
        Ok(match self {
            Self::Sqlite(borrowed) => Side::Sqlite(borrowed.connection()?),
            Self::Postgres(connection) => Side::Postgres(connection),
        })
    }

    /// All of it, or nothing.
    pub(super) async fn transaction<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Side<'_>) -> Result<T, RelocateError>,
    ) -> Result<T, RelocateError> {
        let mut side = self.side()?;
        let begin = match side.dialect() {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN",
        };
        side.run(begin, &[]).await?;
        let done = work(&mut side).await;
        let ended = side.run(if done.is_ok() { "COMMIT" } else { "ROLLBACK" }, &[]).await;
        let done = done?;
        if let Err(error) = ended {
            // Not if the server has heard of it, in which case the connection is gone and this fails, too.
            let _ = side.run("ROLLBACK", &[]).await;
            return Err(error.into());
        }
        Ok(done)
    }
}

/// The old tables as they were at one moment.
pub(super) enum Snapshot {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Snapshot {
    pub(super) async fn take(db: &Db) -> Result<Self, RelocateError> {
        let mut snapshot = match db.engine() {
            Engine::Sqlite { readers, .. } => Self::Sqlite(readers.acquire().await.map_err(DbError::from)?),
            Engine::Postgres { pool, .. } => Self::Postgres(pool.acquire().await.map_err(DbError::from)?),
        };
        let begin = match &mut snapshot {
            // Its transaction ends with it.
            Self::Sqlite(connection) => {
                connection.close_on_drop();
                "BEGIN"
            }
            Self::Postgres(connection) => {
                connection.close_on_drop();
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
            }
        };
        snapshot.side().run(begin, &[]).await?;
        // The moment is that of the first statement.
        snapshot.side().texts("SELECT side FROM moves", &[]).await?;
        Ok(snapshot)
    }

    pub(super) fn side(&mut self) -> Side<'_> {
        match self {
            Self::Sqlite(connection) => Side::Sqlite(connection),
            Self::Postgres(connection) => Side::Postgres(connection),
        }
    }
}
