//! How intents are kept. Every guard on an amount is one conditional update, and so is every step of a life.

use kernel::{Currency, Moment, Page, PageRequest};
use payment_api::{CaptureMethod, IntentId, PayOrder};
use platform::db::{Db, DbError, Query, Tx};
use uuid::Uuid;

use super::life::{News, Way, ways};
use super::{Amounts, Intent, IntentStatus};

#[derive(sqlx::FromRow)]
struct IntentRow {
    id: IntentId,
    key: Uuid,
    order_id: String,
    currency: Currency,
    amount_minor: i64,
    capture: String,
    provider: String,
    #[sqlx(try_from = "String")]
    status: IntentStatus,
    authorized: i64,
    captured: i64,
    refunded: i64,
    disputed: i64,
    pending_capture: i64,
    pending_void: i64,
    pending_refund: i64,
    version: i64,
    created_at: Moment,
    updated_at: Moment,
}

/// The columns of an [`IntentRow`], for `concat!`, which takes no constants.
macro_rules! columns {
    () => {
        "id, key, order_id, currency, amount_minor, capture, provider, status, authorized, captured, refunded, disputed,
             pending_capture, pending_void, pending_refund, version, created_at, updated_at"
    };
}

impl From<IntentRow> for Intent {
    fn from(row: IntentRow) -> Self {
        Self {
            id: row.id,
            key: row.key,
            order_id: row.order_id,
            currency: row.currency,
            amount: row.amount_minor,
            capture: if row.capture == "manual" { CaptureMethod::Manual } else { CaptureMethod::Automatic },
            provider: row.provider,
            status: row.status,
            amounts: Amounts {
                authorized: row.authorized,
                captured: row.captured,
                refunded: row.refunded,
                disputed: row.disputed,
                pending_capture: row.pending_capture,
                pending_void: row.pending_void,
                pending_refund: row.pending_refund,
            },
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Finds an intent.
pub(crate) async fn find(db: &Db, id: IntentId) -> Result<Option<Intent>, DbError> {
    let query = db.query(concat!("SELECT ", columns!(), " FROM intents WHERE id = $1"));
    Ok(query.bind(id).maybe::<IntentRow>().await?.map(Intent::from))
}

/// Finds the intent of a checkout's key.
pub(crate) async fn find_by_key(db: &Db, key: Uuid) -> Result<Option<Intent>, DbError> {
    let query = db.query(concat!("SELECT ", columns!(), " FROM intents WHERE key = $1"));
    Ok(query.bind(key).maybe::<IntentRow>().await?.map(Intent::from))
}

/// Finds the intents of these orders, the oldest first.
pub(crate) async fn find_of_orders(db: &Db, orders: Vec<String>) -> Result<Vec<Intent>, DbError> {
    let query =
        db.query(concat!("SELECT ", columns!(), " FROM intents WHERE order_id IN {list} ORDER BY id"));
    Ok(query.list(orders).all::<IntentRow>().await?.into_iter().map(Intent::from).collect())
}

/// A page of intents, newest first: of one order, or with one status, or all.
pub(crate) async fn list(
    db: &Db,
    order: Option<&str>,
    status: Option<IntentStatus>,
    page: &PageRequest<Uuid>,
) -> Result<Page<Intent>, DbError> {
    let rows: Vec<IntentRow> = db
        .query(concat!(
            "SELECT ",
            columns!(),
            " FROM intents
             WHERE id < $1
                 AND (CAST($2 AS TEXT) IS NULL OR order_id = $2)
                 AND (CAST($3 AS TEXT) IS NULL OR status = $3)
             ORDER BY id DESC
             LIMIT $4"
        ))
        .bind(page.after.unwrap_or(Uuid::max()))
        .bind(order.map(str::to_owned))
        .bind(status.map(IntentStatus::as_str))
        .bind(i64::from(page.limit) + 1)
        .all()
        .await?;
    Ok(Page::cut(rows.into_iter().map(Intent::from).collect(), page.limit))
}

/// Stores a new intent, processing. Returns whether its key is new.
pub(crate) async fn insert(
    tx: &mut Tx,
    id: IntentId,
    order: &PayOrder,
    now: Moment,
) -> Result<bool, DbError> {
    let capture = match order.capture {
        CaptureMethod::Automatic => "automatic",
        CaptureMethod::Manual => "manual",
    };
    let inserted = tx
        .query(
            "INSERT INTO intents
                 (id, key, order_id, customer_id, currency, amount_minor, capture, provider, status, authorized,
                  captured, refunded, disputed, pending_capture, pending_void, pending_refund, version, created_at,
                  updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'processing', 0, 0, 0, 0, 0, 0, 0, 1, $9, $9)
             ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(order.key)
        .bind(order.order_id.clone())
        .bind(order.customer_id)
        .bind(order.amount.currency)
        .bind(order.amount.amount)
        .bind(capture)
        .bind(order.provider.clone())
        .bind(now)
        .run()
        .await?;
    Ok(inserted == 1)
}

/// An update of the amounts within their bounds, with whatever else is to be set and to hold.
macro_rules! update {
    ($set:literal, $and:literal) => {
        concat!(
            "UPDATE intents
             SET authorized = authorized + $1, captured = captured + $2, refunded = refunded + $3,
                 disputed = disputed + $4, pending_capture = pending_capture + $5, pending_void = pending_void + $6,
                 pending_refund = pending_refund + $7, version = version + 1, updated_at = $8",
            $set,
            "
             WHERE id = $9
                 AND authorized + $1 >= 0
                 AND authorized + captured + $1 + $2 <= amount_minor
                 AND pending_capture + pending_void + $5 + $6 <= authorized + $1
                 AND disputed + $4 >= 0
                 AND refunded + disputed + pending_refund + $3 + $4 + $7 <= captured + $2",
            $and,
            "
             RETURNING ",
            columns!()
        )
    };
}

fn bind<T>(query: Query<T>, id: IntentId, by: Amounts, now: Moment) -> Query<T> {
    query
        .bind(by.authorized)
        .bind(by.captured)
        .bind(by.refunded)
        .bind(by.disputed)
        .bind(by.pending_capture)
        .bind(by.pending_void)
        .bind(by.pending_refund)
        .bind(now)
        .bind(id)
}

/// Changes an intent's amounts by so much. Returns it as it is now, or `None` when the bounds do not allow it.
pub(crate) async fn change(tx: &mut Tx, id: IntentId, by: Amounts) -> Result<Option<Intent>, DbError> {
    let now = tx.db().clock().now();
    let query = bind(tx.query(update!("", "")), id, by, now);
    Ok(query.maybe::<IntentRow>().await?.map(Intent::from))
}

/// Changes an intent's amounts by so much and takes it one step on in its life, by whichever of these pieces of news fits
/// the amounts. Returns it as it is now, or `None` when the bounds or its life do not allow it.
pub(crate) async fn advance(
    tx: &mut Tx,
    id: IntentId,
    by: Amounts,
    news: &[News],
) -> Result<Option<Intent>, DbError> {
    let now = tx.db().clock().now();
    // The way is looked up by a subquery and not joined: PostgreSQL, when it had to wait for somebody else's update, looks
    // again at the row but not for another partner of it.
    let query = tx.query(update!(
        ", status = (
                 SELECT column2
                 FROM (VALUES {rows}) AS ways
                 WHERE column1 = status AND column3 = (authorized + $1 > 0)
             )",
        "
                 AND (
                     SELECT column2
                     FROM (VALUES {rows}) AS ways
                     WHERE column1 = status AND column3 = (authorized + $1 > 0)
                 ) IS NOT NULL"
    ));
    let row: Option<IntentRow> =
        bind(query, id, by, now).rows(ways(news), way).rows(ways(news), way).maybe().await?;
    Ok(row.map(Intent::from))
}

fn way<T>(row: Query<T>, (from, news, to): Way) -> Query<T> {
    row.bind(from.as_str()).bind(to.as_str()).bind(news.leaves_a_promise())
}
