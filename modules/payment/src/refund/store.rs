//! How refunds are kept.

use kernel::{Currency, Moment, Money};
use payment_api::{IntentId, RefundId};
use platform::db::{Db, DbError, Tx};

use super::Refund;
use crate::intent::TransferStatus;

#[derive(sqlx::FromRow)]
struct RefundRow {
    id: RefundId,
    intent_id: IntentId,
    amount_minor: i64,
    currency: Currency,
    reason: String,
    #[sqlx(try_from = "String")]
    status: TransferStatus,
    created_at: Moment,
}

impl From<RefundRow> for Refund {
    fn from(row: RefundRow) -> Self {
        Self {
            id: row.id,
            intent_id: row.intent_id,
            amount: Money::new(row.amount_minor, row.currency),
            reason: row.reason,
            status: row.status,
            created_at: row.created_at,
        }
    }
}

/// Finds a refund.
pub(crate) async fn find(db: &Db, id: RefundId) -> Result<Option<Refund>, DbError> {
    let row: Option<RefundRow> = db
        .query(
            "SELECT refunds.id, intent_id, refunds.amount_minor, currency, reason, refunds.status, refunds.created_at
             FROM refunds
             JOIN intents ON intents.id = intent_id
             WHERE refunds.id = $1",
        )
        .bind(id)
        .maybe()
        .await?;
    Ok(row.map(Refund::from))
}

/// The refunds of an intent, oldest first.
pub(crate) async fn list(db: &Db, intent: IntentId) -> Result<Vec<Refund>, DbError> {
    let rows: Vec<RefundRow> = db
        .query(
            "SELECT refunds.id, intent_id, refunds.amount_minor, currency, reason, refunds.status, refunds.created_at
             FROM refunds
             JOIN intents ON intents.id = intent_id
             WHERE intent_id = $1
             ORDER BY refunds.id",
        )
        .bind(intent)
        .all()
        .await?;
    Ok(rows.into_iter().map(Refund::from).collect())
}

/// Refunds whose outcome is not known since then.
pub(crate) async fn stale(db: &Db, before: Moment, limit: i64) -> Result<Vec<RefundId>, DbError> {
    let rows: Vec<(RefundId,)> = db
        .query("SELECT id FROM refunds WHERE status = 'pending' AND updated_at < $1 ORDER BY updated_at LIMIT $2")
        .bind(before)
        .bind(limit)
        .all()
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Stores a new refund. Returns whether it is new.
pub(crate) async fn insert(tx: &mut Tx, refund: &Refund) -> Result<bool, DbError> {
    let inserted = tx
        .query(
            "INSERT INTO refunds (id, intent_id, amount_minor, reason, status, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6)
             ON CONFLICT DO NOTHING",
        )
        .bind(refund.id)
        .bind(refund.intent_id)
        .bind(refund.amount.amount)
        .bind(refund.reason.clone())
        .bind(refund.status.as_str())
        .bind(refund.created_at)
        .run()
        .await?;
    Ok(inserted == 1)
}

/// Stores how a pending refund went. Returns whether it was pending.
pub(crate) async fn settle(tx: &mut Tx, id: RefundId, status: TransferStatus) -> Result<bool, DbError> {
    let now = tx.db().clock().now();
    let settled = tx
        .query("UPDATE refunds SET status = $1, updated_at = $2 WHERE id = $3 AND status = 'pending'")
        .bind(status.as_str())
        .bind(now)
        .bind(id)
        .run()
        .await?;
    Ok(settled == 1)
}
