//! The books of a module: what must agree in its tables whatever has happened to its processes. They are read, and
//! nothing is mended.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use crate::db::{Db, DbError, Sql};

/// What is late by this much should long have happened by itself.
const LATE: Duration = Duration::from_mins(1);

/// The books of a module.
#[derive(Debug, Clone, Copy)]
pub struct Books {
    /// What must not be, in the tables of this module alone.
    pub checks: &'static [Check],
    /// What another module knows as well.
    pub accounts: &'static [Account],
}

/// A number that must be zero, read in one statement, so that what others change meanwhile is seen whole or not at all.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    says: &'static str,
    sql: Sql,
    is_about_time: bool,
}

/// One amount for each of the things that this module and another both keep. The two must agree once what is under way
/// has come to its end.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    /// What is counted; the other module's account has the same name.
    pub of: &'static str,
    /// Brings keys (UUID) and amounts (BIGINT); a key is there once, and nothing is left out but what is zero.
    pub sql: Sql,
}

impl Check {
    /// This number counts what must never be.
    pub const fn never(says: &'static str, sql: &'static str) -> Self {
        Self::each(says, sql, sql)
    }

    /// The same where the databases want it worded differently.
    pub const fn each(says: &'static str, sqlite: &'static str, postgres: &'static str) -> Self {
        Self { says, sql: Sql::each(sqlite, postgres), is_about_time: false }
    }

    /// This number counts what should have happened before `$1`.
    pub const fn late(says: &'static str, sql: &'static str) -> Self {
        Self { says, sql: Sql::each(sql, sql), is_about_time: true }
    }

    async fn look(&self, db: &Db) -> Result<Option<String>, DbError> {
        let mut query = db.query(self.sql);
        if self.is_about_time {
            query = query.bind(db.clock().now().minus(LATE));
        }
        let (number,) = query.one::<(i64,)>().await?;
        Ok((number != 0).then(|| format!("{number} {}", self.says)))
    }
}

impl Account {
    /// An account that both databases read alike.
    pub const fn new(of: &'static str, sql: &'static str) -> Self {
        Self { of, sql: Sql::each(sql, sql) }
    }

    /// All of it; some fifty bytes of memory for each key.
    ///
    /// # Errors
    /// The store failed.
    pub async fn read(&self, db: &Db) -> Result<BTreeMap<Uuid, i64>, DbError> {
        Ok(db.query(self.sql).all::<(Uuid, i64)>().await?.into_iter().collect())
    }
}

/// What holds for the tables that every module has.
const PLATFORM: &[Check] = &[
    Check::never(
        "positions are missing in the log",
        "SELECT CAST(COALESCE(MAX(position) - MIN(position) + 1 - COUNT(position), 0) AS BIGINT) FROM events",
    ),
    Check::late(
        "jobs are not done",
        "SELECT CAST(COUNT(*) AS BIGINT) FROM jobs
         WHERE failed_at IS NULL AND run_at < $1 AND (leased_until IS NULL OR leased_until < $1)",
    ),
    Check::never(
        "jobs were given up and wait for an operator",
        "SELECT CAST(COUNT(*) AS BIGINT) FROM jobs WHERE failed_at IS NOT NULL",
    ),
    Check::never("events are set aside", "SELECT CAST(COUNT(*) AS BIGINT) FROM parked_events"),
];

/// What holds for a file.
const FILE: &[Check] = &[
    Check::never(
        "pages or indexes of the file are damaged",
        "SELECT CAST(COUNT(*) AS BIGINT) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    ),
    Check::never(
        "rows refer to others that are not there",
        "SELECT CAST(COUNT(*) AS BIGINT) FROM pragma_foreign_key_check",
    ),
];

/// What holds where a sequencer gives positions. In a file the one writer does, with each commit.
const SERVER: &[Check] = &[
    Check::never(
        "events come before an earlier one of their subject",
        "SELECT COUNT(*) FROM (
             SELECT position < LAG(position) OVER (PARTITION BY subject ORDER BY inserted) AS back FROM events
         ) AS told WHERE back",
    ),
    Check::late(
        "events wait for their position",
        "SELECT COUNT(*) FROM events WHERE position IS NULL AND occurred_at < $1",
    ),
];

/// What is wrong in the tables of one module, a sentence each.
///
/// # Errors
/// The store failed.
pub async fn differences(db: &Db, books: &Books) -> Result<Vec<String>, DbError> {
    let store = if db.is_sqlite() { FILE } else { SERVER };
    let mut found = Vec::new();
    for check in store.iter().chain(PLATFORM).chain(books.checks) {
        found.extend(check.look(db).await?);
    }
    Ok(found)
}
