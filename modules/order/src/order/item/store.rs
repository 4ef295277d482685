//! How the lines of orders are kept.

use order_api::{OrderId, OrderItemId};
use platform::db::{Db, DbError, Tx};
use uuid::Uuid;

use super::OrderItem;

#[derive(sqlx::FromRow)]
struct OrderItemRow {
    id: OrderItemId,
    order_id: OrderId,
    variant_id: Uuid,
    product_id: Uuid,
    sku: Option<String>,
    title: String,
    variant_title: String,
    requires_shipping: bool,
    quantity: i64,
    fulfilled: i64,
    canceled: i64,
    unit_price_minor: i64,
    total_minor: i64,
    tax_minor: i64,
}

impl From<OrderItemRow> for OrderItem {
    fn from(row: OrderItemRow) -> Self {
        Self {
            id: row.id,
            variant_id: row.variant_id,
            product_id: row.product_id,
            sku: row.sku,
            title: row.title,
            variant_title: row.variant_title,
            requires_shipping: row.requires_shipping,
            quantity: row.quantity,
            fulfilled: row.fulfilled,
            canceled: row.canceled,
            unit_price: row.unit_price_minor,
            total: row.total_minor,
            tax: row.tax_minor,
        }
    }
}

/// The lines of these orders, each with its order's id: order by order as their ids sort, and in the order they have
/// there.
pub(crate) async fn list(
    db: &Db,
    orders: impl IntoIterator<Item = OrderId>,
) -> Result<Vec<(OrderId, OrderItem)>, DbError> {
    let rows: Vec<OrderItemRow> = db
        .query(
            "SELECT id, order_id, variant_id, product_id, sku, title, variant_title, requires_shipping, quantity,
                 fulfilled, canceled, unit_price_minor, total_minor, tax_minor
             FROM order_items
             WHERE order_id IN {list}
             ORDER BY order_id, place",
        )
        .list(orders)
        .all()
        .await?;
    Ok(rows.into_iter().map(|row| (row.order_id, row.into())).collect())
}

/// Stores the lines of a new order.
pub(crate) fn insert(tx: &mut Tx, order: OrderId, items: &[OrderItem]) {
    tx.query(
        "INSERT INTO order_items
             (id, order_id, place, variant_id, product_id, sku, title, variant_title, requires_shipping, quantity,
              fulfilled, canceled, unit_price_minor, total_minor, tax_minor)
         VALUES {rows}",
    )
    .rows(items.iter().enumerate(), |row, (place, item)| {
        row.bind(item.id)
            .bind(order)
            .bind(place as i64)
            .bind(item.variant_id)
            .bind(item.product_id)
            .bind(item.sku.clone())
            .bind(item.title.clone())
            .bind(item.variant_title.clone())
            .bind(item.requires_shipping)
            .bind(item.quantity)
            .bind(item.fulfilled)
            .bind(item.canceled)
            .bind(item.unit_price)
            .bind(item.total)
            .bind(item.tax)
    })
    .later();
}

/// Counts so many of a line as canceled, if so many are still open. Returns whether they were.
pub(crate) async fn cancel(
    tx: &mut Tx,
    order: OrderId,
    item: OrderItemId,
    quantity: i64,
) -> Result<bool, DbError> {
    let canceled = tx
        .query(
            "UPDATE order_items
             SET canceled = canceled + $1
             WHERE id = $2 AND order_id = $3 AND fulfilled + canceled + $1 <= quantity",
        )
        .bind(quantity)
        .bind(item)
        .bind(order)
        .run()
        .await?;
    Ok(canceled == 1)
}

/// Counts so many of a line as shipped, if so many are still to be. Returns whether they were.
pub(crate) async fn ship(
    tx: &mut Tx,
    order: OrderId,
    item: OrderItemId,
    quantity: i64,
) -> Result<bool, DbError> {
    let shipped = tx
        .query(
            "UPDATE order_items
             SET fulfilled = fulfilled + $1
             WHERE id = $2 AND order_id = $3 AND fulfilled + canceled + $1 <= quantity",
        )
        .bind(quantity)
        .bind(item)
        .bind(order)
        .run()
        .await?;
    Ok(shipped == 1)
}
