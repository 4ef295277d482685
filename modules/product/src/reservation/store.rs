//! How reservations are kept.

use std::collections::BTreeMap;

use kernel::{Moment, Page, PageRequest};
use platform::db::{Db, DbError, Json, Sql, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Held, ReservationStatus};
use crate::stock::Line;

/// What a [`ReservationRow`] is read from.
const RESERVATION: &str = "key, status, lines, expires_at, created_at, updated_at";

#[derive(sqlx::FromRow)]
struct ReservationRow {
    key: Uuid,
    #[sqlx(try_from = "String")]
    status: ReservationStatus,
    lines: Json<Vec<Line>>,
    expires_at: Moment,
    created_at: Moment,
    updated_at: Moment,
}

impl From<ReservationRow> for Held {
    fn from(row: ReservationRow) -> Self {
        Self {
            key: row.key,
            status: row.status,
            lines: row.lines.0,
            expires_at: row.expires_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Stores a new reservation. If there is one with this key, what is sent next answers [`DbError::Missing`].
pub(crate) fn insert(tx: &mut Tx, key: Uuid, lines: &[Line], expires_at: Moment, now: Moment) {
    tx.query(
        "INSERT INTO reservations (key, status, lines, expires_at, created_at, updated_at)
         VALUES ($1, 'held', $2, $3, $4, $4)
         ON CONFLICT DO NOTHING",
    )
    .bind(key)
    .bind(Json(lines.to_vec()))
    .bind(expires_at)
    .bind(now)
    .later_changing_one();
}

/// Lets a held reservation run on, never shorter than it did. Returns when its lease ends now; `None` when it is not
/// held.
pub(crate) async fn prolong(
    tx: &mut Tx,
    key: Uuid,
    expires_at: Moment,
    now: Moment,
) -> Result<Option<Moment>, DbError> {
    let row: Option<(Moment,)> = tx
        .query(
            "UPDATE reservations
             SET expires_at = CASE WHEN expires_at < $1 THEN $1 ELSE expires_at END, updated_at = $2
             WHERE key = $3 AND status = 'held'
             RETURNING expires_at",
        )
        .bind(expires_at)
        .bind(now)
        .bind(key)
        .maybe()
        .await?;
    Ok(row.map(|(expires_at,)| expires_at))
}

/// Ends those of these reservations that are held. Returns what they held.
pub(crate) async fn end(
    tx: &mut Tx,
    keys: impl IntoIterator<Item = Uuid>,
    status: ReservationStatus,
    now: Moment,
) -> Result<BTreeMap<Uuid, Vec<Line>>, DbError> {
    let rows: Vec<(Uuid, Json<Vec<Line>>)> = tx
        .query(
            "UPDATE reservations
             SET status = $1, updated_at = $2
             WHERE key IN {list} AND status = 'held'
             RETURNING key, lines",
        )
        .bind(status.as_str())
        .bind(now)
        .list(keys)
        .all()
        .await?;
    Ok(rows.into_iter().map(|(key, lines)| (key, lines.0)).collect())
}

/// Turns a reservation that had ended after all into one whose stock was sold.
pub(crate) async fn consume_late(tx: &mut Tx, key: Uuid, now: Moment) -> Result<(), DbError> {
    tx.query("UPDATE reservations SET status = 'consumed', updated_at = $1 WHERE key = $2")
        .bind(now)
        .bind(key)
        .run()
        .await
        .map(|_| ())
}

/// One reservation.
pub(crate) async fn find(tx: &mut Tx, key: Uuid) -> Result<Option<Held>, DbError> {
    let row: Option<ReservationRow> = tx
        .query(
            "SELECT {columns}
             FROM reservations
             WHERE key = $1",
        )
        .columns(RESERVATION)
        .bind(key)
        .maybe()
        .await?;
    Ok(row.map(Held::from))
}

/// Whether a lease ended before this moment.
pub(crate) async fn any_due(db: &Db, before: Moment) -> Result<bool, DbError> {
    let (due,): (bool,) = db
        .query("SELECT EXISTS (SELECT 1 FROM reservations WHERE status = 'held' AND expires_at < $1)")
        .bind(before)
        .one()
        .await?;
    Ok(due)
}

/// Ends reservations whose lease ended before this moment. Returns their keys and what they held.
pub(crate) async fn expire(
    tx: &mut Tx,
    before: Moment,
    most: i64,
    now: Moment,
) -> Result<Vec<(Uuid, Vec<Line>)>, DbError> {
    let rows: Vec<(Uuid, Json<Vec<Line>>)> = tx
        .query(Sql::each(
            "UPDATE reservations
             SET status = 'expired', updated_at = $1
             WHERE key IN (
                 SELECT key
                 FROM reservations
                 WHERE status = 'held' AND expires_at < $2
                 ORDER BY expires_at
                 LIMIT $3
             )
             RETURNING key, lines",
            // Who is just being prolonged or sold is not waited for.
            "UPDATE reservations
             SET status = 'expired', updated_at = $1
             WHERE key IN (
                 SELECT key
                 FROM reservations
                 WHERE status = 'held' AND expires_at < $2
                 ORDER BY expires_at
                 LIMIT $3
                 FOR UPDATE SKIP LOCKED
             )
             RETURNING key, lines",
        ))
        .bind(now)
        .bind(before)
        .bind(most)
        .all()
        .await?;
    Ok(rows.into_iter().map(|(key, lines)| (key, lines.0)).collect())
}

/// Where a reservation stands in the list.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct ReservationPlace {
    /// When it was made.
    pub created_at: Moment,
    /// Its key.
    pub key: Uuid,
}

/// A page of reservations with one of these statuses, newest first.
pub(crate) async fn list(
    db: &Db,
    statuses: &[ReservationStatus],
    page: &PageRequest<ReservationPlace>,
) -> Result<Page<Held>, DbError> {
    let after = page.after.unwrap_or(ReservationPlace {
        // The last moment that both databases can keep.
        created_at: Moment::from_micros(253_402_300_799_000_000),
        key: Uuid::max(),
    });
    let rows: Vec<ReservationRow> = db
        .query(
            "SELECT {columns}
             FROM reservations
             WHERE (created_at, key) < ($1, $2) AND status IN {list}
             ORDER BY created_at DESC, key DESC
             LIMIT $3",
        )
        .columns(RESERVATION)
        .bind(after.created_at)
        .bind(after.key)
        .bind(i64::from(page.limit) + 1)
        .list(statuses.iter().map(|status| status.as_str()))
        .all()
        .await?;
    Ok(Page::cut(rows.into_iter().map(Held::from).collect(), page.limit))
}
