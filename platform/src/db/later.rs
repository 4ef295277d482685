//! Statements that wait to be sent together.
//!
//! A hop to the database costs more than most statements do. What nobody waits for is therefore collected and sent in
//! one go: on SQLite with the next statement that is waited for, or with the commit; on PostgreSQL before it. There a
//! transaction of nothing else needs no `BEGIN` and no `COMMIT` either: it is one statement.

use futures::StreamExt as _;
use sqlx::sqlite::SqliteRow;
use sqlx::{Either, Executor as _};

use super::Tx;
use super::error::DbError;
use super::group::Lease;
use super::query::drivers;
use super::statement::{Statement, together_on_postgres, together_on_sqlite};
use super::tx::TxInner;

/// A statement, and whether it must change exactly one row.
pub(super) type Later = (Statement, bool);

impl Tx {
    /// Sends what waits. If it fails, the transaction can only be undone.
    pub(crate) async fn send_later(&mut self) -> Result<(), DbError> {
        let later = std::mem::take(&mut self.later);
        if later.is_empty() {
            return Ok(());
        }
        self.db.0.stats.statements(later.len());
        match &mut self.inner {
            TxInner::Sqlite(lease) => send(lease, later).await.map(|_| ()),
            TxInner::Postgres(tx) => {
                let (text, values, keep) = together_on_postgres(later)?;
                let query = drivers::query_with(text, values).persistent(keep);
                let done = query.execute(tx.connection().await?).await;
                tx.answered(&done);
                Ok(done.map(|_| ())?)
            }
        }
    }
}

/// What the last of several statements has done.
#[derive(Default)]
pub(super) struct Last {
    pub(super) changed: u64,
    pub(super) rows: Vec<SqliteRow>,
}

/// Sends statements in one go. If one of several fails the others have been done or not, and all have to be undone.
pub(super) async fn send(lease: &mut Lease, statements: Vec<Later>) -> Result<Last, DbError> {
    let several = statements.len() > 1;
    let must_change_one: Vec<bool> = statements.iter().map(|(_, changes_one)| *changes_one).collect();
    let (text, values, keep) = together_on_sqlite(statements)?;
    let query = drivers::query_with(text, values).persistent(keep);
    let mut answers = lease.connection()?.fetch_many(query);
    let (mut last, mut done, mut outcome) = (Last::default(), 0, Ok(()));
    let mut kept = true;
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(Either::Left(result)) => {
                last.changed = result.rows_affected();
                kept &= last.changed == 1 || !must_change_one.get(done).is_some_and(|one| *one);
                done += 1;
            }
            // Only the last returns rows: what is left for later has nobody who would read them.
            Ok(Either::Right(row)) => last.rows.push(row),
            Err(error) => outcome = Err(error),
        }
    }
    drop(answers);
    lease.answered(&outcome);
    if !kept || (several && outcome.is_err()) {
        lease.spoil();
    }
    outcome?;
    if kept { Ok(last) } else { Err(DbError::Missing) }
}

#[cfg(test)]
mod tests;
