//! How checkouts are kept: one row each, with the log of how it got where it is.

use std::time::Duration;

use kernel::{Moment, Page, PageRequest};
use order_api::{CartId, CheckoutId, OrderId};
use payment_api::CaptureMethod;
use platform::db::{Db, DbError, Json, Query, Sql, Tx};
use platform::http::{IdempotencyKey, StoredAnswer};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::State;

/// A checkout, as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Checkout {
    /// Its id.
    pub id: CheckoutId,
    /// The cart it began with.
    pub cart_id: CartId,
    /// The order it is to become.
    pub order_id: OrderId,
    /// Where it is.
    pub state: State,
    /// How it got there.
    pub log: Vec<LogEntry>,
    /// How it is paid.
    pub payment: PaymentChoice,
    /// When the lease on its stock ends.
    pub lease_ends: Moment,
    /// The request that is to be answered, with the fence it was claimed under.
    pub request: Option<(IdempotencyKey, i64)>,
    /// The answer to whoever asks how it went.
    pub answer: Option<StoredAnswer>,
    /// When it goes on.
    pub wake_at: Option<Moment>,
    /// Until when somebody drives it.
    pub leased_until: Option<Moment>,
    /// Rises with every step, so that of two drivers one stops.
    pub version: i64,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
}

/// How an order is paid.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentChoice {
    /// Whom to ask.
    pub provider: String,
    /// The provider's token for the payer's means of payment.
    pub token: String,
    /// When the money is taken.
    pub capture: CaptureMethod,
    /// The salt of the token that a guest gets with the answer, when the cart was made in the same request.
    pub guest_salt: Option<String>,
}

/// A line of a checkout's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// When.
    pub at: Moment,
    /// What happened.
    pub input: String,
    /// Where it led.
    pub state: String,
}

/// What a [`CheckoutRow`] is read from.
const CHECKOUT: &str = "id, cart_id, order_id, detail, log, payment, lease_ends, idempotency, answer,
     wake_at, leased_until, version, created_at, updated_at";

#[derive(sqlx::FromRow)]
struct CheckoutRow {
    id: CheckoutId,
    cart_id: CartId,
    order_id: OrderId,
    detail: Json<State>,
    log: Json<Vec<LogEntry>>,
    payment: Json<PaymentChoice>,
    lease_ends: Moment,
    idempotency: Option<Json<(IdempotencyKey, i64)>>,
    answer: Option<Json<StoredAnswer>>,
    wake_at: Option<Moment>,
    leased_until: Option<Moment>,
    version: i64,
    created_at: Moment,
    updated_at: Moment,
}

impl From<CheckoutRow> for Checkout {
    fn from(row: CheckoutRow) -> Self {
        Self {
            id: row.id,
            cart_id: row.cart_id,
            order_id: row.order_id,
            state: row.detail.0,
            log: row.log.0,
            payment: row.payment.0,
            lease_ends: row.lease_ends,
            request: row.idempotency.map(|json| json.0),
            answer: row.answer.map(|json| json.0),
            wake_at: row.wake_at,
            leased_until: row.leased_until,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Finds a checkout.
pub(crate) async fn find(db: &Db, id: CheckoutId) -> Result<Option<Checkout>, DbError> {
    let row: Option<CheckoutRow> = db
        .query(
            "SELECT {columns}
             FROM checkouts
             WHERE id = $1",
        )
        .columns(CHECKOUT)
        .bind(id)
        .maybe()
        .await?;
    Ok(row.map(Checkout::from))
}

/// Finds a cart's latest checkout.
pub(crate) async fn find_by_cart(db: &Db, cart: CartId) -> Result<Option<Checkout>, DbError> {
    let row: Option<CheckoutRow> = db
        .query(
            "SELECT {columns}
             FROM checkouts
             WHERE cart_id = $1
             ORDER BY id DESC
             LIMIT 1",
        )
        .columns(CHECKOUT)
        .bind(cart)
        .maybe()
        .await?;
    Ok(row.map(Checkout::from))
}

/// Finds an order's checkout, inside a transaction.
pub(crate) async fn find_by_order(tx: &mut Tx, order: OrderId) -> Result<Option<Checkout>, DbError> {
    let row: Option<CheckoutRow> = tx
        .query(
            "SELECT {columns}
             FROM checkouts
             WHERE order_id = $1",
        )
        .columns(CHECKOUT)
        .bind(order)
        .maybe()
        .await?;
    Ok(row.map(Checkout::from))
}

/// A page of checkouts, newest first: those in one state, or those that have not come to an end.
pub(crate) async fn list(
    db: &Db,
    state: Option<&str>,
    page: &PageRequest<Uuid>,
) -> Result<Page<Checkout>, DbError> {
    let rows: Vec<CheckoutRow> = db
        .query(
            "SELECT {columns}
             FROM checkouts
             WHERE id < $1
                 AND (state = $2 OR (CAST($2 AS TEXT) IS NULL AND wake_at IS NOT NULL))
             ORDER BY id DESC
             LIMIT $3",
        )
        .columns(CHECKOUT)
        .bind(page.after.unwrap_or(Uuid::max()))
        .bind(state.map(str::to_owned))
        .bind(i64::from(page.limit) + 1)
        .all()
        .await?;
    Ok(Page::cut(rows.into_iter().map(Checkout::from).collect(), page.limit))
}

/// Stores a new checkout.
pub(crate) fn insert(tx: &mut Tx, checkout: &Checkout) {
    tx.query(
        "INSERT INTO checkouts
             (id, cart_id, order_id, state, detail, log, payment, lease_ends, idempotency, answer, wake_at,
              leased_until, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(checkout.id)
    .bind(checkout.cart_id)
    .bind(checkout.order_id)
    .bind(checkout.state.name())
    .bind(Json(checkout.state.clone()))
    .bind(Json(checkout.log.clone()))
    .bind(Json(checkout.payment.clone()))
    .bind(checkout.lease_ends)
    .bind(checkout.request.clone().map(Json))
    .bind(checkout.answer.clone().map(Json))
    .bind(checkout.wake_at)
    .bind(checkout.leased_until)
    .bind(checkout.version)
    .bind(checkout.created_at)
    .bind(checkout.updated_at)
    .later();
}

/// Stores a step. When somebody else drove it on since it was read, this changes nothing.
pub(crate) fn advance<'t>(tx: &'t mut Tx, checkout: &Checkout) -> Query<&'t mut Tx> {
    tx.query(
        "UPDATE checkouts
         SET state = $1, detail = $2, log = $3, lease_ends = $4, answer = $5, wake_at = $6, leased_until = $7,
             updated_at = $8, version = version + 1
         WHERE id = $9 AND version = $10",
    )
    .bind(checkout.state.name())
    .bind(Json(checkout.state.clone()))
    .bind(Json(checkout.log.clone()))
    .bind(checkout.lease_ends)
    .bind(checkout.answer.clone().map(Json))
    .bind(checkout.wake_at)
    .bind(checkout.leased_until)
    .bind(checkout.updated_at)
    .bind(checkout.id)
    .bind(checkout.version)
}

/// Whether any checkout is due and nobody drives it.
pub(crate) async fn any_due(db: &Db, now: Moment) -> Result<bool, DbError> {
    let (due,): (bool,) = db
        .query(
            "SELECT EXISTS (
                 SELECT 1 FROM checkouts WHERE wake_at <= $1 AND (leased_until IS NULL OR leased_until < $1)
             )",
        )
        .bind(now)
        .one()
        .await?;
    Ok(due)
}

/// Takes checkouts that are due and that nobody drives. Whoever drove them before is fenced off.
pub(crate) async fn claim_due(
    tx: &mut Tx,
    now: Moment,
    lease: Duration,
    limit: i64,
) -> Result<Vec<Checkout>, DbError> {
    let rows: Vec<CheckoutRow> = tx
        .query(Sql::each(
            "UPDATE checkouts
             SET leased_until = $2, version = version + 1
             WHERE id IN (
                 SELECT id FROM checkouts
                 WHERE wake_at <= $1 AND (leased_until IS NULL OR leased_until < $1)
                 ORDER BY wake_at
                 LIMIT $3
             )
             RETURNING {columns}",
            "UPDATE checkouts
             SET leased_until = $2, version = version + 1
             WHERE id IN (
                 SELECT id FROM checkouts
                 WHERE wake_at <= $1 AND (leased_until IS NULL OR leased_until < $1)
                 ORDER BY wake_at
                 LIMIT $3
                 FOR UPDATE SKIP LOCKED
             )
             RETURNING {columns}",
        ))
        .columns(CHECKOUT)
        .bind(now)
        .bind(now.plus(lease))
        .bind(limit)
        .all()
        .await?;
    Ok(rows.into_iter().map(Checkout::from).collect())
}

/// Lets a checkout that waits go on at once: there is news.
pub(crate) async fn wake(tx: &mut Tx, id: CheckoutId, now: Moment) -> Result<bool, DbError> {
    let woken = tx
        .query("UPDATE checkouts SET wake_at = $1, leased_until = NULL WHERE id = $2 AND wake_at > $1")
        .bind(now)
        .bind(id)
        .run()
        .await?;
    Ok(woken == 1)
}
