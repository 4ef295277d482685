//! How parcels are kept.

use kernel::Moment;
use order_api::{FulfillmentId, OrderId};
use platform::db::{Db, DbError, Json, Tx};

use super::{FulfilledItem, Fulfillment};

#[derive(sqlx::FromRow)]
struct FulfillmentRow {
    id: FulfillmentId,
    order_id: OrderId,
    tracking_number: Option<String>,
    tracking_url: Option<String>,
    items: Json<Vec<FulfilledItem>>,
    created_at: Moment,
}

impl From<FulfillmentRow> for Fulfillment {
    fn from(row: FulfillmentRow) -> Self {
        Self {
            id: row.id,
            order_id: row.order_id,
            tracking_number: row.tracking_number,
            tracking_url: row.tracking_url,
            items: row.items.0,
            created_at: row.created_at,
        }
    }
}

/// The parcels of an order, oldest first.
pub(crate) async fn list(db: &Db, order: OrderId) -> Result<Vec<Fulfillment>, DbError> {
    let rows: Vec<FulfillmentRow> = db
        .query(
            "SELECT id, order_id, tracking_number, tracking_url, items, created_at
             FROM fulfillments
             WHERE order_id = $1
             ORDER BY id",
        )
        .bind(order)
        .all()
        .await?;
    Ok(rows.into_iter().map(Fulfillment::from).collect())
}

/// Stores a new parcel. Returns whether it is new.
pub(crate) async fn insert(tx: &mut Tx, parcel: &Fulfillment) -> Result<bool, DbError> {
    let inserted = tx
        .query(
            "INSERT INTO fulfillments (id, order_id, tracking_number, tracking_url, items, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT DO NOTHING",
        )
        .bind(parcel.id)
        .bind(parcel.order_id)
        .bind(parcel.tracking_number.clone())
        .bind(parcel.tracking_url.clone())
        .bind(Json(parcel.items.clone()))
        .bind(parcel.created_at)
        .run()
        .await?;
    Ok(inserted == 1)
}

/// Counts so many of a line as shipped, if so many are still to be. Returns whether they were.
pub(crate) async fn ship(tx: &mut Tx, order: OrderId, item: FulfilledItem) -> Result<bool, DbError> {
    let shipped = tx
        .query(
            "UPDATE order_items
             SET fulfilled = fulfilled + $1
             WHERE id = $2 AND order_id = $3 AND fulfilled + canceled + $1 <= quantity",
        )
        .bind(item.quantity)
        .bind(item.order_item_id)
        .bind(order)
        .run()
        .await?;
    Ok(shipped == 1)
}
