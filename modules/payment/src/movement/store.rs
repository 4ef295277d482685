//! How movements are kept.

use kernel::{Currency, Moment, Money};
use payment_api::IntentId;
use platform::db::{Db, DbError, Sql, Tx};
use uuid::Uuid;

use super::{Movement, MovementKind, MovementStatus};

#[derive(sqlx::FromRow)]
struct MovementRow {
    id: Uuid,
    intent_id: IntentId,
    #[sqlx(try_from = "String")]
    kind: MovementKind,
    amount_minor: i64,
    currency: Currency,
    reason: String,
    #[sqlx(try_from = "String")]
    status: MovementStatus,
    asked: i64,
    created_at: Moment,
}

/// The columns of a [`MovementRow`], for `concat!`, which takes no constants.
macro_rules! columns {
    () => {
        "id, intent_id, kind, amount_minor, currency, reason, status, asked, created_at"
    };
}

impl From<MovementRow> for Movement {
    fn from(row: MovementRow) -> Self {
        Self {
            id: row.id,
            intent_id: row.intent_id,
            kind: row.kind,
            amount: Money::new(row.amount_minor, row.currency),
            reason: row.reason,
            status: row.status,
            asked: row.asked,
            created_at: row.created_at,
        }
    }
}

/// Finds a movement.
pub(crate) async fn find(db: &Db, id: Uuid) -> Result<Option<Movement>, DbError> {
    let query = db.query(concat!("SELECT ", columns!(), " FROM movements WHERE id = $1"));
    Ok(query.bind(id).maybe::<MovementRow>().await?.map(Movement::from))
}

/// The movements of an intent's money of one kind, oldest first.
pub(crate) async fn list(db: &Db, intent: IntentId, kind: MovementKind) -> Result<Vec<Movement>, DbError> {
    let rows: Vec<MovementRow> = db
        .query(concat!(
            "SELECT ",
            columns!(),
            " FROM movements
             WHERE intent_id = $1 AND kind = $2
             ORDER BY id"
        ))
        .bind(intent)
        .bind(kind.as_str())
        .all()
        .await?;
    Ok(rows.into_iter().map(Movement::from).collect())
}

/// Stores a new movement as sent: this commits before it is. Returns whether there was none with its id.
pub(crate) async fn insert(tx: &mut Tx, movement: &Movement, ask_at: Moment) -> Result<bool, DbError> {
    let inserted = tx
        .query(
            "INSERT INTO movements
                 (id, intent_id, kind, amount_minor, currency, reason, status, asked, ask_at, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
             ON CONFLICT DO NOTHING",
        )
        .bind(movement.id)
        .bind(movement.intent_id)
        .bind(movement.kind.as_str())
        .bind(movement.amount.amount)
        .bind(movement.amount.currency)
        .bind(movement.reason.clone())
        .bind(movement.status.as_str())
        .bind(movement.asked)
        .bind(ask_at)
        .bind(movement.created_at)
        .run()
        .await?;
    Ok(inserted == 1)
}

/// Stores how an open movement went, or that nobody knows and when to ask again. Returns whether it was open.
pub(crate) async fn update(
    tx: &mut Tx,
    id: Uuid,
    status: MovementStatus,
    ask_at: Option<Moment>,
) -> Result<bool, DbError> {
    let now = tx.db().clock().now();
    let updated = tx
        .query(
            "UPDATE movements
             SET status = $1, ask_at = $2, asked = asked + 1, updated_at = $3
             WHERE id = $4 AND ask_at IS NOT NULL",
        )
        .bind(status.as_str())
        .bind(ask_at)
        .bind(now)
        .bind(id)
        .run()
        .await?;
    Ok(updated == 1)
}

/// Whether any movement is to be asked about.
pub(crate) async fn any_due(db: &Db, now: Moment) -> Result<bool, DbError> {
    let query = db.query("SELECT EXISTS (SELECT 1 FROM movements WHERE ask_at <= $1)");
    let (due,): (bool,) = query.bind(now).one().await?;
    Ok(due)
}

/// Takes movements that are to be asked about, so that nobody else asks about them until `held`.
pub(crate) async fn take_due(
    tx: &mut Tx,
    now: Moment,
    held: Moment,
    limit: i64,
) -> Result<Vec<Movement>, DbError> {
    let rows: Vec<MovementRow> = tx
        .query(Sql::each(
            concat!(
                "UPDATE movements
                 SET ask_at = $2
                 WHERE id IN (SELECT id FROM movements WHERE ask_at <= $1 ORDER BY ask_at LIMIT $3)
                 RETURNING ",
                columns!()
            ),
            concat!(
                "UPDATE movements
                 SET ask_at = $2
                 WHERE id IN (
                     SELECT id FROM movements WHERE ask_at <= $1 ORDER BY ask_at LIMIT $3 FOR UPDATE SKIP LOCKED
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
    Ok(rows.into_iter().map(Movement::from).collect())
}
