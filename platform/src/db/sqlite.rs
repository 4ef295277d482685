//! Opening a SQLite file with the settings that make it a production database.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Row as _, SqlitePool};

pub use super::group::Queue;

use super::error::DbError;

/// Older versions can corrupt a write-ahead log when two connections checkpoint at once (the "WAL-reset bug",
/// fixed in 3.51.3).
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

/// A module's SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The file; it and its folder are created when missing.
    pub file: PathBuf,
    /// Connections that only read.
    pub readers: u32,
    /// The queue in front of the one writer.
    pub queue: Queue,
}

impl SqliteOptions {
    /// This file, with the usual settings.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), readers: 4, queue: Queue::default() }
    }
}

/// Opens the writing connection and the pool of reading ones.
pub(super) async fn open(options: &SqliteOptions) -> Result<(SqliteConnection, SqlitePool), DbError> {
    if let Some(folder) = options.file.parent() {
        std::fs::create_dir_all(folder).map_err(|error| DbError::Unreachable(error.into()))?;
    }
    let connect = SqliteConnectOptions::new()
        .filename(&options.file)
        .create_if_missing(true)
        .auto_vacuum(SqliteAutoVacuum::None)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("trusted_schema", "OFF")
        .pragma("wal_autocheckpoint", "4000")
        .pragma("temp_store", "MEMORY")
        .statement_cache_capacity(256)
        .disable_statement_logging();

    let mut writer = connect.clone().thread_name(|_| "sqlite-writer".into()).connect().await?;
    check(&mut writer).await?;

    let readers = SqlitePoolOptions::new()
        .max_connections(options.readers)
        .min_connections(1)
        .max_lifetime(None)
        .idle_timeout(Duration::from_mins(1))
        .test_before_acquire(false)
        .acquire_timeout(options.queue.patience)
        .connect_with(connect.pragma("query_only", "ON").thread_name(|_| "sqlite-reader".into()))
        .await?;
    Ok((writer, readers))
}

/// Reads the settings back: a setting that did not take is a promise that would not hold.
async fn check(connection: &mut SqliteConnection) -> Result<(), DbError> {
    let version = ask(connection, "SELECT sqlite_version()").await?;
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    if (next(), next(), next()) < OLDEST_SQLITE {
        return Err(DbError::Unsafe(format!(
            "SQLite {version} can corrupt its log; build with the bundled SQLite, which is 3.51.3 or later"
        )));
    }
    for (question, wanted) in [
        ("PRAGMA journal_mode", "wal"),
        ("PRAGMA synchronous", "2"),
        ("PRAGMA foreign_keys", "1"),
        ("PRAGMA trusted_schema", "0"),
    ] {
        let is = ask(connection, question).await?;
        if is != wanted {
            return Err(DbError::Unsafe(format!(
                "`{question}` answers {is} where {wanted} is needed; put the data folder on a local file system"
            )));
        }
    }
    Ok(())
}

async fn ask(connection: &mut SqliteConnection, question: &'static str) -> Result<String, DbError> {
    let row = sqlx::Executor::fetch_one(connection, question).await?;
    // Numbers and texts come back alike: SQLite converts on request.
    Ok(row.try_get_unchecked::<String, _>(0)?)
}
