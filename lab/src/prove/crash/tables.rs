//! The tables of a shop, read past the shop itself, on either database.

use std::path::Path;
use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

use crate::Failure;
use crate::server::{MODULES, Store, split};

/// The tables of one module.
pub(in crate::prove) enum Tables {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Those of each, in the order of [`MODULES`].
pub(in crate::prove) fn of(store: &Store, folder: &Path) -> Result<[Tables; 4], Failure> {
    let patience = Duration::from_secs(20);
    let one = |module: &str| -> Result<Tables, Failure> {
        Ok(match store {
            Store::Sqlite => {
                let options =
                    SqliteConnectOptions::new().filename(folder.join(format!("{module}.db"))).read_only(true);
                let options = options.busy_timeout(patience);
                Tables::Sqlite(SqlitePoolOptions::new().max_connections(1).connect_lazy_with(options))
            }
            Store::Postgres(url) => {
                let (server, name) = split(url)?;
                let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(patience);
                Tables::Postgres(pool.connect_lazy(&format!("{server}/{name}_{module}"))?)
            }
        })
    };
    let [user, product, order, payment] = MODULES.map(one);
    Ok([user?, product?, order?, payment?])
}

impl Tables {
    /// A number; a query without a row is zero.
    pub(super) async fn number(&self, sql: &'static str) -> Result<i64, Failure> {
        let found: Option<(i64,)> = match self {
            Self::Sqlite(pool) => sqlx::query_as(AssertSqlSafe(sql)).fetch_optional(pool).await?,
            Self::Postgres(pool) => sqlx::query_as(AssertSqlSafe(sql)).fetch_optional(pool).await?,
        };
        Ok(found.map_or(0, |(number,)| number))
    }

    /// Rows of three texts.
    pub(super) async fn texts(&self, sql: &'static str) -> Result<Vec<[String; 3]>, Failure> {
        let found: Vec<(String, String, String)> = match self {
            Self::Sqlite(pool) => sqlx::query_as(AssertSqlSafe(sql)).fetch_all(pool).await?,
            Self::Postgres(pool) => sqlx::query_as(AssertSqlSafe(sql)).fetch_all(pool).await?,
        };
        Ok(found.into_iter().map(|(one, two, three)| [one, two, three]).collect())
    }
}
