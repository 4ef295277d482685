//! Gives committed events their positions, on PostgreSQL.
//!
//! Numbers drawn inside a transaction are in the order of drawing, not of committing: a reader that pages by them
//! skips the row that commits late. So positions are given afterwards, by one process at a time, to rows that are
//! already visible. On SQLite the one writer gives them at once and nothing is left to do.

use std::time::Duration;

use crate::db::{Db, DbError};
use crate::fault;
use crate::tasks::Tasks;

/// "cleave" in a number: the advisory lock under which positions are given.
const LOCK: i64 = 0x0000_636c_6561_7665;
const BATCH: i64 = 500;
/// How often rows of other processes, or of one that died before its turn, are looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Runs until the process stops.
pub async fn sequence(db: Db, tasks: Tasks) {
    if db.is_sqlite() {
        return;
    }
    let mut told = false;
    while !tasks.stopping().is_cancelled() {
        let written = db.written().notified();
        match number(&db, told).await {
            Ok(numbered) if numbered == BATCH as u64 => continue,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = %error, module = db.module(), "events wait for their positions");
            }
        }
        told = tokio::select! {
            () = written => true,
            () = tokio::time::sleep(LOOK_AGAIN) => false,
            () = tasks.stopping().cancelled() => return,
        };
    }
}

/// Numbers what is committed and has no number, looking first whether there is any unless that was told. Returns how
/// many.
async fn number(db: &Db, told: bool) -> Result<u64, DbError> {
    if !told {
        let (waiting,): (bool,) =
            db.query("SELECT EXISTS (SELECT 1 FROM events WHERE position IS NULL)").one().await?;
        if !waiting {
            return Ok(0);
        }
    }
    let mut tx = db.begin().await?;
    // Under a lock that ends with the transaction; whoever else wanted it finds the rows numbered.
    tx.query("SELECT 1::BIGINT FROM (SELECT pg_advisory_xact_lock($1)) AS locked")
        .bind(LOCK)
        .one::<(i64,)>()
        .await?;
    let numbered: Vec<(i64,)> = tx
        .query(
            "UPDATE events
             SET position = fresh.number + (SELECT COALESCE(MAX(position), 0) FROM events)
             FROM (
                 SELECT inserted, ROW_NUMBER() OVER (ORDER BY inserted) AS number
                 FROM events
                 WHERE position IS NULL
                 ORDER BY inserted
                 LIMIT $1
             ) AS fresh
             WHERE events.inserted = fresh.inserted
             RETURNING position",
        )
        .bind(BATCH)
        .all()
        .await?;
    if let Some((last,)) = numbered.iter().max() {
        tx.mark_published(*last);
    }
    fault!("sequencer.before_commit", DbError::Busy);
    tx.commit().await?;
    fault!("sequencer.after_commit");
    Ok(numbered.len() as u64)
}
