//! Forgets old events, but only those that every known reader has passed.

use std::time::Duration;

use super::feed::Cursor;
use crate::db::{Db, DbError};
use crate::fault;

/// Rows in one transaction, so that the writer is not held for long.
const BATCH: i64 = 1000;
/// A reader that was not seen for so long no longer holds the log.
const FORGOTTEN: Duration = Duration::from_hours(30 * 24);

/// Notes how far a reader is and deletes events older than `keep` that all readers have passed. The newest event
/// always stays: the next position is one more than the largest there is. Returns how many were deleted.
///
/// # Errors
/// As any statement.
pub async fn retain(db: &Db, keep: Duration, readers: &[Cursor]) -> Result<u64, DbError> {
    let now = db.clock().now();
    let mut tx = db.begin().await?;
    for Cursor { listener, position } in readers {
        tx.query(
            "INSERT INTO readers (listener, position, seen_at)
             VALUES ($1, $2, $3)
             ON CONFLICT (listener) DO UPDATE SET position = excluded.position, seen_at = excluded.seen_at",
        )
        .bind(listener.clone())
        .bind(*position)
        .bind(now)
        .run()
        .await?;
    }
    tx.commit().await?;

    let mut deleted = 0;
    loop {
        let mut tx = db.begin().await?;
        let gone = tx
            .query(
                "DELETE FROM events
                 WHERE position IN (
                     SELECT position
                     FROM events
                     WHERE occurred_at < $1
                         AND position <= COALESCE(
                             (SELECT MIN(position) FROM readers WHERE seen_at >= $2),
                             (SELECT MAX(position) FROM events)
                         )
                         AND position < (SELECT MAX(position) FROM events)
                     ORDER BY position
                     LIMIT $3
                 )",
            )
            .bind(now.minus(keep))
            .bind(now.minus(FORGOTTEN))
            .bind(BATCH)
            .run()
            .await?;
        fault!("retention.mid_batch", DbError::Busy);
        tx.commit().await?;
        deleted += gone;
        if gone < BATCH as u64 {
            return Ok(deleted);
        }
    }
}

/// How far this module's listeners have read another module's log.
///
/// # Errors
/// As any statement.
pub(super) async fn cursors(db: &Db, source: &str) -> Result<Vec<Cursor>, DbError> {
    let rows: Vec<(String, i64)> = db
        .query("SELECT listener, position FROM cursors WHERE source = $1 ORDER BY listener")
        .bind(source.to_owned())
        .all()
        .await?;
    Ok(rows.into_iter().map(|(listener, position)| Cursor { listener, position }).collect())
}
