//! How the ledger is kept.

use kernel::{Currency, Moment, Money, Page, PageRequest};
use payment_api::{IntentId, TransferId};
use platform::db::{Db, DbError, Tx};
use uuid::Uuid;

use super::{Balance, Entry, Transfer};
use crate::intent::Intent;

#[derive(sqlx::FromRow)]
struct TransferRow {
    id: TransferId,
    intent_id: IntentId,
    kind: String,
    debit: String,
    credit: String,
    amount_minor: i64,
    currency: Currency,
    created_at: Moment,
}

impl From<TransferRow> for Transfer {
    fn from(row: TransferRow) -> Self {
        Self {
            id: row.id,
            intent_id: row.intent_id,
            kind: row.kind,
            debit: row.debit,
            credit: row.credit,
            amount: Money::new(row.amount_minor, row.currency),
            created_at: row.created_at,
        }
    }
}

/// Enters movements of an intent's money.
pub(crate) async fn enter(tx: &mut Tx, intent: &Intent, entries: &[Entry]) -> Result<(), DbError> {
    let clock = tx.db().clock().clone();
    tx.query(
        "INSERT INTO transfers (id, intent_id, kind, debit, credit, amount_minor, currency, created_at)
         VALUES {rows}",
    )
    .rows(entries, |row, entry| {
        row.bind(clock.uuid())
            .bind(intent.id)
            .bind(entry.kind)
            .bind(entry.debit.clone())
            .bind(entry.credit.clone())
            .bind(entry.amount)
            .bind(intent.currency)
            .bind(clock.now())
    })
    .run()
    .await
    .map(|_| ())
}

/// A page of transfers, oldest first: all, or those of one intent.
pub(crate) async fn list(
    db: &Db,
    intent: Option<IntentId>,
    page: &PageRequest<Uuid>,
) -> Result<Page<Transfer>, DbError> {
    let rows: Vec<TransferRow> = db
        .query(
            "SELECT id, intent_id, kind, debit, credit, amount_minor, currency, created_at
             FROM transfers
             WHERE id > $1
                 AND (CAST($2 AS UUID) IS NULL OR intent_id = $2)
             ORDER BY id
             LIMIT $3",
        )
        .bind(page.after.unwrap_or(Uuid::nil()))
        .bind(intent.map(kernel::Id::uuid))
        .bind(i64::from(page.limit) + 1)
        .all()
        .await?;
    Ok(Page::cut(rows.into_iter().map(Transfer::from).collect(), page.limit))
}

/// What every account holds, in each currency.
pub(crate) async fn balances(db: &Db) -> Result<Vec<Balance>, DbError> {
    let rows: Vec<(String, Currency, i64)> = db
        .query(
            "SELECT account, currency, CAST(SUM(amount) AS BIGINT)
             FROM (
                 SELECT debit AS account, currency, amount_minor AS amount FROM transfers
                 UNION ALL
                 SELECT credit AS account, currency, -amount_minor AS amount FROM transfers
             ) AS sides
             GROUP BY account, currency
             ORDER BY account, currency",
        )
        .all()
        .await?;
    Ok(rows.into_iter().map(|(account, currency, amount)| Balance { account, currency, amount }).collect())
}
