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
