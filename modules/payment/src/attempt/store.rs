//! How attempts are kept.

use kernel::Moment;
use payment_api::{AttemptId, IntentId};
use platform::db::{Db, DbError, Sql, Tx};

use super::{Attempt, AttemptStatus};

#[derive(sqlx::FromRow)]
struct AttemptRow {
    id: AttemptId,
    intent_id: IntentId,
    token: String,
    #[sqlx(try_from = "String")]
    status: AttemptStatus,
    reference: Option<String>,
    decline_code: Option<String>,
    action_url: Option<String>,
    asked: i64,
    created_at: Moment,
}

/// The columns of an [`AttemptRow`], for `concat!`, which takes no constants.
macro_rules! columns {
    () => {
        "id, intent_id, token, status, reference, decline_code, action_url, asked, created_at"
    };
}

impl From<AttemptRow> for Attempt {
    fn from(row: AttemptRow) -> Self {
        Self {
            id: row.id,
            intent_id: row.intent_id,
            token: row.token,
            status: row.status,
            reference: row.reference,
            decline_code: row.decline_code,
            action_url: row.action_url,
            asked: row.asked,
            created_at: row.created_at,
        }
    }
}

/// Finds an attempt.
pub(crate) async fn find(db: &Db, id: AttemptId) -> Result<Option<Attempt>, DbError> {
    let query = db.query(concat!("SELECT ", columns!(), " FROM attempts WHERE id = $1"));
    Ok(query.bind(id).maybe::<AttemptRow>().await?.map(Attempt::from))
}

/// The attempts of an intent, oldest first.
pub(crate) async fn list(db: &Db, intent: IntentId) -> Result<Vec<Attempt>, DbError> {
    let query = db.query(concat!("SELECT ", columns!(), " FROM attempts WHERE intent_id = $1 ORDER BY id"));
    Ok(query.bind(intent).all::<AttemptRow>().await?.into_iter().map(Attempt::from).collect())
}

/// Stores a new attempt as sent: this commits before it is.
pub(crate) async fn insert(tx: &mut Tx, attempt: &Attempt, ask_at: Moment) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO attempts (id, intent_id, token, status, asked, ask_at, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
    )
    .bind(attempt.id)
    .bind(attempt.intent_id)
    .bind(attempt.token.clone())
    .bind(attempt.status.as_str())
    .bind(attempt.asked)
    .bind(ask_at)
    .bind(attempt.created_at)
    .run()
    .await
    .map(|_| ())
}

/// Stores what became of an attempt, if it still stands `from` where it stood. Returns whether it did: of two that
/// heard the outcome one writes it. It is asked about again at `ask_at`, or never.
pub(crate) async fn update(
    tx: &mut Tx,
    after: &Attempt,
    from: AttemptStatus,
    ask_at: Option<Moment>,
) -> Result<bool, DbError> {
    let now = tx.db().clock().now();
    let updated = tx
        .query(
            "UPDATE attempts
             SET status = $1, reference = $2, decline_code = $3, action_url = $4, asked = $5, ask_at = $6,
                 updated_at = $7
             WHERE id = $8 AND status = $9",
        )
        .bind(after.status.as_str())
        .bind(after.reference.clone())
        .bind(after.decline_code.clone())
        .bind(after.action_url.clone())
        .bind(after.asked)
        .bind(ask_at)
        .bind(now)
        .bind(after.id)
        .bind(from.as_str())
        .run()
        .await?;
    Ok(updated == 1)
}

/// Whether any attempt is to be asked about.
pub(crate) async fn any_due(db: &Db, now: Moment) -> Result<bool, DbError> {
    let query = db.query("SELECT EXISTS (SELECT 1 FROM attempts WHERE ask_at <= $1)");
    let (due,): (bool,) = query.bind(now).one().await?;
    Ok(due)
}

/// Takes attempts that are to be asked about, so that nobody else asks about them until `held`.
pub(crate) async fn take_due(
    tx: &mut Tx,
    now: Moment,
    held: Moment,
    limit: i64,
) -> Result<Vec<Attempt>, DbError> {
    let rows: Vec<AttemptRow> = tx
        .query(Sql::each(
            concat!(
                "UPDATE attempts
                 SET ask_at = $2
                 WHERE id IN (SELECT id FROM attempts WHERE ask_at <= $1 ORDER BY ask_at LIMIT $3)
                 RETURNING ",
                columns!()
            ),
            concat!(
                "UPDATE attempts
                 SET ask_at = $2
                 WHERE id IN (
                     SELECT id FROM attempts WHERE ask_at <= $1 ORDER BY ask_at LIMIT $3 FOR UPDATE SKIP LOCKED
                 )
                 RETURNING ",
                columns!()
            ),
        ))
        .bind(now)
        .bind(held)
        .bind(limit)
        .all()
        .await?;
    Ok(rows.into_iter().map(Attempt::from).collect())
}

/// Puts the next question about an open attempt off, because this one could not even be asked.
pub(crate) async fn put_off(tx: &mut Tx, id: AttemptId, ask_at: Moment) -> Result<(), DbError> {
    tx.query("UPDATE attempts SET asked = asked + 1, ask_at = $1 WHERE id = $2 AND ask_at IS NOT NULL")
        .bind(ask_at)
        .bind(id)
        .run()
        .await
        .map(|_| ())
}
