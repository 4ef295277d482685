//! How carts are kept.

use kernel::{Address, Currency, Moment};
use order_api::{CartId, OrderId, ShippingOptionId};
use platform::db::{Db, DbError, Json, Tx};
use uuid::Uuid;

use super::{Cart, CartItem, CartStatus};

#[derive(sqlx::FromRow)]
struct CartRow {
    id: CartId,
    #[sqlx(try_from = "String")]
    status: CartStatus,
    currency: Currency,
    customer_id: Option<Uuid>,
    token_hash: Vec<u8>,
    email: Option<String>,
    shipping_address: Option<Json<Address>>,
    billing_address: Option<Json<Address>>,
    shipping_option_id: Option<ShippingOptionId>,
    items: Json<Vec<CartItem>>,
    order_id: Option<OrderId>,
    version: i64,
    created_at: Moment,
    updated_at: Moment,
}

impl From<CartRow> for Cart {
    fn from(row: CartRow) -> Self {
        Self {
            id: row.id,
            status: row.status,
            currency: row.currency,
            customer_id: row.customer_id,
            token_hash: row.token_hash,
            email: row.email,
            shipping_address: row.shipping_address.map(|json| json.0),
            billing_address: row.billing_address.map(|json| json.0),
            shipping_option_id: row.shipping_option_id,
            items: row.items.0,
            order_id: row.order_id,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Finds a cart.
pub(crate) async fn find(db: &Db, id: CartId) -> Result<Option<Cart>, DbError> {
    let row: Option<CartRow> = db
        .query(
            "SELECT id, status, currency, customer_id, token_hash, email, shipping_address, billing_address,
                 shipping_option_id, items, order_id, version, created_at, updated_at
             FROM carts
             WHERE id = $1",
        )
        .bind(id)
        .maybe()
        .await?;
    Ok(row.map(Cart::from))
}

/// Stores a new cart. The same id again is another attempt of a request that was never answered, so that nobody knows
/// what the first one stored, and the token it was for is lost: what is new takes its place.
pub(crate) fn insert(tx: &mut Tx, cart: &Cart) {
    tx.query(
        "INSERT INTO carts
             (id, status, currency, customer_id, token_hash, email, shipping_address, billing_address,
              shipping_option_id, items, order_id, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (id) DO UPDATE
         SET token_hash = excluded.token_hash, items = excluded.items, created_at = excluded.created_at,
             updated_at = excluded.updated_at
         WHERE carts.version = excluded.version AND carts.status = 'open'",
    )
    .bind(cart.id)
    .bind(cart.status.as_str())
    .bind(cart.currency)
    .bind(cart.customer_id)
    .bind(cart.token_hash.clone())
    .bind(cart.email.clone())
    .bind(cart.shipping_address.clone().map(Json))
    .bind(cart.billing_address.clone().map(Json))
    .bind(cart.shipping_option_id)
    .bind(Json(cart.items.clone()))
    .bind(cart.order_id)
    .bind(cart.version)
    .bind(cart.created_at)
    .bind(cart.updated_at)
    .later();
}

/// Stores an open cart's changes, unless somebody else changed it since it was read. Returns whether it did.
pub(crate) async fn update(tx: &mut Tx, cart: &Cart) -> Result<bool, DbError> {
    let updated = tx
        .query(
            "UPDATE carts
             SET email = $1, shipping_address = $2, billing_address = $3, shipping_option_id = $4, items = $5,
                 customer_id = $6, updated_at = $7, version = version + 1
             WHERE id = $8 AND version = $9 AND status = 'open'",
        )
        .bind(cart.email.clone())
        .bind(cart.shipping_address.clone().map(Json))
        .bind(cart.billing_address.clone().map(Json))
        .bind(cart.shipping_option_id)
        .bind(Json(cart.items.clone()))
        .bind(cart.customer_id)
        .bind(cart.updated_at)
        .bind(cart.id)
        .bind(cart.version)
        .run()
        .await?;
    Ok(updated == 1)
}

/// Locks an open cart for an order. Unless it is open and unchanged, the commit answers [`DbError::Missing`].
pub(crate) fn lock(tx: &mut Tx, cart: &Cart, order: OrderId, now: Moment) {
    tx.query(
        "UPDATE carts
         SET status = 'completing', order_id = $1, updated_at = $2
         WHERE id = $3 AND version = $4 AND status = 'open'",
    )
    .bind(order)
    .bind(now)
    .bind(cart.id)
    .bind(cart.version)
    .later_changing_one();
}

/// Its order is placed: the cart has done its work.
pub(crate) fn complete(tx: &mut Tx, id: CartId, order: OrderId, now: Moment) {
    tx.query("UPDATE carts SET status = 'completed', updated_at = $1 WHERE id = $2 AND order_id = $3")
        .bind(now)
        .bind(id)
        .bind(order)
        .later();
}

/// Its order came to nothing: the cart can be changed again. The version rises, so that the next attempt reserves
/// under a key of its own.
pub(crate) fn reopen(tx: &mut Tx, id: CartId, order: OrderId, now: Moment) {
    tx.query(
        "UPDATE carts
         SET status = 'open', order_id = NULL, updated_at = $1, version = version + 1
         WHERE id = $2 AND order_id = $3 AND status = 'completing'",
    )
    .bind(now)
    .bind(id)
    .bind(order)
    .later();
}
