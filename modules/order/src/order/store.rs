//! How orders are kept.

use kernel::{Address, Currency, Moment, Money, Page, PageRequest};
use order_api::{CartId, OrderId};
use platform::db::{Db, DbError, Json, Tx};
use uuid::Uuid;

use super::{FulfillmentStatus, Order, OrderItem, OrderStatus, Paid, PaymentStatus, item};
use crate::pricing::Totals;

#[derive(sqlx::FromRow)]
struct OrderRow {
    id: OrderId,
    number: Option<String>,
    #[sqlx(try_from = "String")]
    status: OrderStatus,
    #[sqlx(try_from = "String")]
    payment_status: PaymentStatus,
    #[sqlx(try_from = "String")]
    fulfillment_status: FulfillmentStatus,
    cart_id: CartId,
    customer_id: Option<Uuid>,
    token_hash: Vec<u8>,
    email: String,
    currency: Currency,
    subtotal_minor: i64,
    discount_minor: i64,
    shipping_minor: i64,
    tax_minor: i64,
    total_minor: i64,
    authorized_minor: i64,
    captured_minor: i64,
    refunded_minor: i64,
    shipping_address: Option<Json<Address>>,
    billing_address: Option<Json<Address>>,
    shipping_name: Option<String>,
    tax_basis_points: i64,
    payment_key: Uuid,
    reservation_key: Uuid,
    cancel_reason: Option<String>,
    placed_at: Option<Moment>,
    canceled_at: Option<Moment>,
    version: i64,
    created_at: Moment,
    updated_at: Moment,
}

impl OrderRow {
    fn with(self, items: Vec<OrderItem>) -> Order {
        let money = |amount| Money::new(amount, self.currency);
        Order {
            id: self.id,
            number: self.number,
            status: self.status,
            payment_status: self.payment_status,
            fulfillment_status: self.fulfillment_status,
            cart_id: self.cart_id,
            customer_id: self.customer_id,
            token_hash: self.token_hash,
            email: self.email,
            currency: self.currency,
            totals: Totals {
                subtotal: money(self.subtotal_minor),
                discount: money(self.discount_minor),
                shipping: money(self.shipping_minor),
                tax: money(self.tax_minor),
                total: money(self.total_minor),
            },
            shipping_address: self.shipping_address.map(|json| json.0),
            billing_address: self.billing_address.map(|json| json.0),
            shipping_name: self.shipping_name,
            tax_basis_points: self.tax_basis_points,
            paid: Paid {
                authorized: self.authorized_minor,
                captured: self.captured_minor,
                refunded: self.refunded_minor,
            },
            payment_key: self.payment_key,
            reservation_key: self.reservation_key,
            cancel_reason: self.cancel_reason,
            placed_at: self.placed_at,
            canceled_at: self.canceled_at,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            items,
        }
    }
}

/// Finds an order by its id.
pub(crate) async fn find(db: &Db, id: OrderId) -> Result<Option<Order>, DbError> {
    Ok(find_all(db, &[id]).await?.pop())
}

/// Finds orders by their ids, in the order of their ids; unknown ones are left out.
pub(crate) async fn find_all(db: &Db, ids: &[OrderId]) -> Result<Vec<Order>, DbError> {
    let rows: Vec<OrderRow> = db
        .query(
            "SELECT id, number, status, payment_status, fulfillment_status, cart_id, customer_id, token_hash, email,
                 currency, subtotal_minor, discount_minor, shipping_minor, tax_minor, total_minor, authorized_minor,
                 captured_minor, refunded_minor, shipping_address, billing_address, shipping_name, tax_basis_points,
                 payment_key, reservation_key, cancel_reason, placed_at, canceled_at, version, created_at, updated_at
             FROM orders
             WHERE id IN {list}
             ORDER BY id",
        )
        .list(ids.iter().copied())
        .all()
        .await?;
    let mut items = item::store::list(db, rows.iter().map(|row| row.id)).await?.into_iter().peekable();
    let mut orders = Vec::with_capacity(rows.len());
    for row in rows {
        let mut own = Vec::new();
        while let Some((_, item)) = items.next_if(|(order, _)| *order == row.id) {
            own.push(item);
        }
        orders.push(row.with(own));
    }
    Ok(orders)
}

/// How an order and its money stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    /// The order.
    pub id: OrderId,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// What it comes to.
    pub total: Money,
    /// How the money stands.
    pub paid: Paid,
}

#[derive(sqlx::FromRow)]
struct StandingRow {
    id: OrderId,
    #[sqlx(try_from = "String")]
    status: OrderStatus,
    currency: Currency,
    total_minor: i64,
    authorized_minor: i64,
    captured_minor: i64,
    refunded_minor: i64,
}

/// How the order of a payment stands, inside a transaction.
pub(crate) async fn standing(tx: &mut Tx, payment_key: Uuid) -> Result<Option<Standing>, DbError> {
    let row: Option<StandingRow> = tx
        .query(
            "SELECT id, status, currency, total_minor, authorized_minor, captured_minor, refunded_minor
             FROM orders
             WHERE payment_key = $1",
        )
        .bind(payment_key)
        .maybe()
        .await?;
    Ok(row.map(|row| Standing {
        id: row.id,
        status: row.status,
        total: Money::new(row.total_minor, row.currency),
        paid: Paid {
            authorized: row.authorized_minor,
            captured: row.captured_minor,
            refunded: row.refunded_minor,
        },
    }))
}

/// Which orders a list shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct OrderFilter {
    /// Only of this customer.
    pub customer_id: Option<Uuid>,
    /// Only with one of these; all when empty.
    pub statuses: Vec<OrderStatus>,
    /// Only with one of these; all when empty.
    pub payment_statuses: Vec<PaymentStatus>,
    /// Only with one of these; all when empty.
    pub fulfillment_statuses: Vec<FulfillmentStatus>,
}

/// A page of orders, newest first.
pub(crate) async fn list(
    db: &Db,
    filter: &OrderFilter,
    page: &PageRequest<Uuid>,
) -> Result<Page<Order>, DbError> {
    // An empty filter lists every status, so that one statement serves all filters.
    let statuses = if filter.statuses.is_empty() { OrderStatus::ALL } else { &filter.statuses };
    let payments =
        if filter.payment_statuses.is_empty() { PaymentStatus::ALL } else { &filter.payment_statuses };
    let fulfillments = if filter.fulfillment_statuses.is_empty() {
        FulfillmentStatus::ALL
    } else {
        &filter.fulfillment_statuses
    };
    let rows: Vec<(OrderId,)> = db
        .query(
            "SELECT id
             FROM orders
             WHERE id < $1
                 AND (CAST($2 AS UUID) IS NULL OR customer_id = $2)
                 AND status IN {list}
                 AND payment_status IN {list}
                 AND fulfillment_status IN {list}
             ORDER BY id DESC
             LIMIT $3",
        )
        .bind(page.after.unwrap_or(Uuid::max()))
        .bind(filter.customer_id)
        .bind(i64::from(page.limit) + 1)
        .list(statuses.iter().map(|status| status.as_str()))
        .list(payments.iter().map(|status| status.as_str()))
        .list(fulfillments.iter().map(|status| status.as_str()))
        .all()
        .await?;
    let ids: Vec<OrderId> = rows.into_iter().map(|(id,)| id).collect();
    let mut orders = find_all(db, &ids).await?;
    orders.reverse();
    Ok(Page::cut(orders, page.limit))
}

/// Stores a new order with its lines.
pub(crate) fn insert(tx: &mut Tx, order: &Order) {
    tx.query(
        "INSERT INTO orders
             (id, number, status, payment_status, fulfillment_status, cart_id, customer_id, token_hash, email,
              currency, subtotal_minor, discount_minor, shipping_minor, tax_minor, total_minor, authorized_minor,
              captured_minor, refunded_minor, shipping_address, billing_address, shipping_name, tax_basis_points,
              payment_key, reservation_key, version, created_at, updated_at)
         VALUES ($1, NULL, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, 0, 0, $15, $16, $17, $18, $19,
             $20, $21, $22, $23)",
    )
    .bind(order.id)
    .bind(order.status.as_str())
    .bind(order.payment_status.as_str())
    .bind(order.fulfillment_status.as_str())
    .bind(order.cart_id)
    .bind(order.customer_id)
    .bind(order.token_hash.clone())
    .bind(order.email.clone())
    .bind(order.currency)
    .bind(order.totals.subtotal.amount)
    .bind(order.totals.discount.amount)
    .bind(order.totals.shipping.amount)
    .bind(order.totals.tax.amount)
    .bind(order.totals.total.amount)
    .bind(order.shipping_address.clone().map(Json))
    .bind(order.billing_address.clone().map(Json))
    .bind(order.shipping_name.clone())
    .bind(order.tax_basis_points)
    .bind(order.payment_key)
    .bind(order.reservation_key)
    .bind(order.version)
    .bind(order.created_at)
    .bind(order.updated_at)
    .later();
    item::store::insert(tx, order.id, &order.items);
}

/// Places an order that waits for its payment. If it does not wait, the commit answers [`DbError::Missing`]; if its
/// number is taken, [`DbError::Unique`].
pub(crate) fn place(tx: &mut Tx, order: &Order) {
    tx.query(
        "UPDATE orders
         SET status = 'placed', number = $1, payment_status = $2, authorized_minor = $3, captured_minor = $4,
             placed_at = $5, updated_at = $5, version = version + 1
         WHERE id = $6 AND status = 'pendingPayment'",
    )
    .bind(order.number.clone())
    .bind(order.payment_status.as_str())
    .bind(order.paid.authorized)
    .bind(order.paid.captured)
    .bind(order.placed_at)
    .bind(order.id)
    .later_changing_one();
}

/// Cancels an order in this status. Returns whether it did.
pub(crate) async fn cancel(
    tx: &mut Tx,
    id: OrderId,
    from: OrderStatus,
    payment_status: PaymentStatus,
    reason: &str,
    now: Moment,
) -> Result<bool, DbError> {
    let canceled = tx
        .query(
            "UPDATE orders
             SET status = 'canceled', payment_status = $1, fulfillment_status = 'canceled', cancel_reason = $2,
                 canceled_at = $3, updated_at = $3, version = version + 1
             WHERE id = $4 AND status = $5",
        )
        .bind(payment_status.as_str())
        .bind(reason.to_owned())
        .bind(now)
        .bind(id)
        .bind(from.as_str())
        .run()
        .await?;
    Ok(canceled == 1)
}

/// Stores what follows from the lines: how far it is shipped, and whether that completes it.
pub(crate) async fn update_shipping(
    tx: &mut Tx,
    order: &Order,
    status: OrderStatus,
    fulfillment: FulfillmentStatus,
    now: Moment,
) -> Result<bool, DbError> {
    let updated = tx
        .query(
            "UPDATE orders
             SET status = $1, fulfillment_status = $2, updated_at = $3, version = version + 1
             WHERE id = $4 AND version = $5",
        )
        .bind(status.as_str())
        .bind(fulfillment.as_str())
        .bind(now)
        .bind(order.id)
        .bind(order.version)
        .run()
        .await?;
    Ok(updated == 1)
}

/// Stores how the money stands. Events come in order, so the last word is right.
pub(crate) async fn update_paid(
    tx: &mut Tx,
    id: OrderId,
    paid: Paid,
    status: PaymentStatus,
    now: Moment,
) -> Result<(), DbError> {
    tx.query(
        "UPDATE orders
         SET authorized_minor = $1, captured_minor = $2, refunded_minor = $3, payment_status = $4, updated_at = $5,
             version = version + 1
         WHERE id = $6",
    )
    .bind(paid.authorized)
    .bind(paid.captured)
    .bind(paid.refunded)
    .bind(status.as_str())
    .bind(now)
    .bind(id)
    .run()
    .await
    .map(|_| ())
}
