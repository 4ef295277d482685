//! How ways of shipping are kept.

use kernel::{Currency, Moment, Money};
use order_api::ShippingOptionId;
use platform::db::{Db, DbError, Tx};

use super::ShippingOption;

#[derive(sqlx::FromRow)]
struct ShippingOptionRow {
    id: ShippingOptionId,
    name: String,
    currency: Currency,
    price_minor: i64,
    created_at: Moment,
}

impl From<ShippingOptionRow> for ShippingOption {
    fn from(row: ShippingOptionRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            price: Money::new(row.price_minor, row.currency),
            created_at: row.created_at,
        }
    }
}

/// All that are offered, cheapest first within a currency.
pub(crate) async fn list(db: &Db) -> Result<Vec<ShippingOption>, DbError> {
    let rows: Vec<ShippingOptionRow> = db
        .query(
            "SELECT id, name, currency, price_minor, created_at
             FROM shipping_options
             ORDER BY currency, price_minor, id",
        )
        .all()
        .await?;
    Ok(rows.into_iter().map(ShippingOption::from).collect())
}

/// Stores a new one. Storing the same id again changes nothing.
pub(crate) async fn insert(tx: &mut Tx, option: &ShippingOption) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO shipping_options (id, name, currency, price_minor, created_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
    )
    .bind(option.id)
    .bind(option.name.clone())
    .bind(option.price.currency)
    .bind(option.price.amount)
    .bind(option.created_at)
    .run()
    .await
    .map(|_| ())
}

/// Takes one away. Returns whether it was there.
pub(crate) async fn delete(tx: &mut Tx, id: ShippingOptionId) -> Result<bool, DbError> {
    let deleted = tx.query("DELETE FROM shipping_options WHERE id = $1").bind(id).run().await?;
    Ok(deleted == 1)
}
