//! Events that could not be applied: tried again with growing pauses, then left to an operator.

use std::collections::HashSet;
use std::time::Duration;

use kernel::{Event, Moment};

use super::listen::{Listener, ListenerError};
use crate::db::{Db, DbError, Json, Tx};

/// After so many failures only an operator tries again.
const ATTEMPTS: i64 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// An event that waits.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct ParkedEvent {
    /// Who could not apply it.
    pub listener: String,
    /// Whose it is.
    pub source: String,
    /// Its place in that log.
    pub position: i64,
    /// What it is about.
    pub subject: String,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next; never by itself when absent.
    pub next_attempt: Option<Moment>,
    /// Why not.
    pub last_error: String,
}

/// All that wait in this module, those of a listener oldest first.
///
/// # Errors
/// As any statement.
pub async fn parked(db: &Db) -> Result<Vec<ParkedEvent>, DbError> {
    db.query(
        "SELECT listener, source, position, subject, attempts, next_attempt, last_error
         FROM parked_events
         ORDER BY listener, source, position
         LIMIT 1000",
    )
    .all()
    .await
}

/// Lets a listener try again, from now on, whatever it has set aside. Returns how many events that is.
///
/// # Errors
/// As any statement.
pub async fn replay(db: &Db, listener: &str) -> Result<u64, DbError> {
    let mut tx = db.begin().await?;
    let woken = tx
        .query("UPDATE parked_events SET attempts = 0, next_attempt = $1 WHERE listener = $2")
        .bind(db.clock().now())
        .bind(listener.to_owned())
        .run()
        .await?;
    tx.commit().await?;
    Ok(woken)
}

/// Subjects of which something waits, so that later events of theirs wait too.
pub(super) async fn subjects(tx: &mut Tx, listener: &dyn Listener) -> Result<HashSet<String>, DbError> {
    let rows: Vec<(String,)> = tx
        .query("SELECT DISTINCT subject FROM parked_events WHERE listener = $1 AND source = $2")
        .bind(listener.hears().name)
        .bind(listener.hears().source)
        .all()
        .await?;
    Ok(rows.into_iter().map(|(subject,)| subject).collect())
}

/// Sets an event aside.
pub(super) async fn park(
    tx: &mut Tx,
    listener: &dyn Listener,
    event: &Event,
    attempts: i64,
    error: &str,
) -> Result<(), DbError> {
    let now = tx.db().clock().now();
    tx.query(
        "INSERT INTO parked_events
             (listener, source, position, subject, event, attempts, next_attempt, last_error, parked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT DO NOTHING",
    )
    .bind(listener.hears().name)
    .bind(listener.hears().source)
    .bind(event.position)
    .bind(event.subject.clone())
    .bind(Json(event.clone()))
    .bind(attempts)
    .bind(next_attempt(now, attempts))
    .bind(error.to_owned())
    .bind(now)
    .run()
    .await
    .map(|_| ())
}

/// Tries what is due again: of each subject only the oldest. Returns whether anything is set aside.
pub(super) async fn retry(db: &Db, listener: &dyn Listener) -> Result<bool, ListenerError> {
    let (some,): (bool,) = db
        .query("SELECT EXISTS (SELECT 1 FROM parked_events WHERE listener = $1 AND next_attempt IS NOT NULL)")
        .bind(listener.hears().name)
        .one()
        .await?;
    if !some {
        return Ok(false);
    }
    let due: Vec<(Json<Event>, i64)> = db
        .query(
            "SELECT event, attempts
             FROM parked_events AS oldest
             WHERE listener = $1 AND source = $2 AND next_attempt <= $3
                 AND NOT EXISTS (
                     SELECT 1
                     FROM parked_events AS older
                     WHERE older.listener = oldest.listener AND older.source = oldest.source
                         AND older.subject = oldest.subject AND older.position < oldest.position
                 )
             ORDER BY position
             LIMIT 50",
        )
        .bind(listener.hears().name)
        .bind(listener.hears().source)
        .bind(db.clock().now())
        .all()
        .await?;
    for (Json(event), attempts) in due {
        let mut tx = db.begin().await?;
        if take(&mut tx, listener, &event).await? == 0 {
            continue;
        }
        match listener.apply(&mut tx, &event).await {
            Ok(()) => tx.commit().await?,
            Err(error) => {
                tx.rollback().await?;
                let mut tx = db.begin().await?;
                // Another replica may have applied it meanwhile.
                if take(&mut tx, listener, &event).await? == 0 {
                    continue;
                }
                park(&mut tx, listener, &event, attempts + 1, &error.to_string()).await?;
                tx.commit().await?;
                if attempts + 1 >= ATTEMPTS {
                    tracing::error!(
                        listener = listener.hears().name, event.id = %event.id, error = %error,
                        "an event is parked until an operator replays it"
                    );
                }
            }
        }
    }
    Ok(true)
}

/// Takes it off the list. Zero when another replica has it.
async fn take(tx: &mut Tx, listener: &dyn Listener, event: &Event) -> Result<u64, DbError> {
    tx.query("DELETE FROM parked_events WHERE listener = $1 AND source = $2 AND position = $3")
        .bind(listener.hears().name)
        .bind(listener.hears().source)
        .bind(event.position)
        .run()
        .await
}

fn next_attempt(now: Moment, attempts: i64) -> Option<Moment> {
    (attempts < ATTEMPTS).then(|| now.plus(FIRST_PAUSE * 2_u32.pow(attempts.clamp(0, 16) as u32)))
}
