//! A connection to one of the two databases. Texts go in, texts come out.

use futures::stream::{BoxStream, StreamExt as _};
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments as _, AssertSqlSafe};

use crate::db::DbError;
use crate::db::query::drivers;

/// Which SQL it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// A connection to one of the two databases. Statements are made from the catalogue's names, never from values.
pub(super) enum Side<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Side<'_> {
    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement. Returns how many rows it changed.
    pub(super) async fn run(&mut self, sql: impl Into<String>, values: &[&str]) -> Result<u64, DbError> {
        let sql = AssertSqlSafe(sql.into());
        Ok(match self {
            Self::Sqlite(connection) => {
                let query = drivers::query_with(sql, sqlite(values)?).persistent(false);
                query.execute(&mut **connection).await?.rows_affected()
            }
            Self::Postgres(connection) => {
                let query = drivers::query_with(sql, postgres(values)?).persistent(false);
                query.execute(&mut **connection).await?.rows_affected()
            }
        })
    }

    /// The first column of all rows.
    pub(super) async fn texts(
        &mut self,
        sql: impl Into<String>,
        values: &[&str],
    ) -> Result<Vec<String>, DbError> {
        let sql = AssertSqlSafe(sql.into());
        let rows: Vec<(String,)> = match self {
            Self::Sqlite(connection) => {
                let query = drivers::query_as_with(sql, sqlite(values)?).persistent(false);
                query.fetch_all(&mut **connection).await?
            }
            Self::Postgres(connection) => {
                let query = drivers::query_as_with(sql, postgres(values)?).persistent(false);
                query.fetch_all(&mut **connection).await?
            }
        };
        Ok(rows.into_iter().map(|(text,)| text).collect())
    }

    /// The same, row by row.
    pub(super) fn stream(&mut self, sql: String) -> BoxStream<'_, Result<String, DbError>> {
        let sql = AssertSqlSafe(sql);
        let text = |row: Result<(String,), sqlx::Error>| row.map(|(text,)| text).map_err(DbError::from);
        match self {
            Self::Sqlite(connection) => {
                let query = drivers::query_as_with(sql, SqliteArguments::default()).persistent(false);
                query.fetch(&mut **connection).map(text).boxed()
            }
            Self::Postgres(connection) => {
                let query = drivers::query_as_with(sql, PgArguments::default()).persistent(false);
                query.fetch(&mut **connection).map(text).boxed()
            }
        }
    }
}

fn sqlite(values: &[&str]) -> Result<SqliteArguments, DbError> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        arguments.add((*value).to_owned()).map_err(|error| DbError::Other(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}

fn postgres(values: &[&str]) -> Result<PgArguments, DbError> {
    let mut arguments = PgArguments::default();
    for value in values {
        arguments.add((*value).to_owned()).map_err(|error| DbError::Other(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}
