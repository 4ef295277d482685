//! How intents, attempts and captures are kept. Every guard on an amount is one conditional update.

use kernel::{Currency, Moment, Page, PageRequest};
use payment_api::{AttemptId, CaptureId, CaptureMethod, IntentId, PayOrder};
use platform::db::{Db, DbError, Tx};
use uuid::Uuid;

use super::{Amounts, Attempt, AttemptStatus, Capture, Intent, IntentStatus, TransferStatus};

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
    pending_capture: i64,
    pending_refund: i64,
    version: i64,
    created_at: Moment,
    updated_at: Moment,
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
                pending_capture: row.pending_capture,
                pending_refund: row.pending_refund,
            },
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

#[derive(sqlx::FromRow)]
struct AttemptRow {
    id: AttemptId,
    intent_id: IntentId,
    token: String,
    #[sqlx(try_from = "String")]
    status: AttemptStatus,
    reference: Option<String>,
    decline_code: Option<String>,
    action_url: Option<String>,
    asked: i64,
    created_at: Moment,
}

impl From<AttemptRow> for Attempt {
    fn from(row: AttemptRow) -> Self {
        Self {
            id: row.id,
            intent_id: row.intent_id,
            token: row.token,
            status: row.status,
            reference: row.reference,
            decline_code: row.decline_code,
            action_url: row.action_url,
            asked: row.asked,
            created_at: row.created_at,
        }
    }
}

#[derive(sqlx::FromRow)]
struct CaptureRow {
    id: CaptureId,
    intent_id: IntentId,
    amount_minor: i64,
    #[sqlx(try_from = "String")]
    status: TransferStatus,
}

impl From<CaptureRow> for Capture {
    fn from(row: CaptureRow) -> Self {
        Self { id: row.id, intent_id: row.intent_id, amount: row.amount_minor, status: row.status }
    }
}

/// Finds an intent.
pub(crate) async fn find(db: &Db, id: IntentId) -> Result<Option<Intent>, DbError> {
    let row: Option<IntentRow> = db
        .query(
            "SELECT id, key, order_id, currency, amount_minor, capture, provider, status, authorized, captured,
                 refunded, pending_capture, pending_refund, version, created_at, updated_at
             FROM intents
             WHERE id = $1",
        )
        .bind(id)
        .maybe()
        .await?;
    Ok(row.map(Intent::from))
}

/// Finds an intent as this transaction sees it.
pub(crate) async fn find_in(tx: &mut Tx, id: IntentId) -> Result<Option<Intent>, DbError> {
    let row: Option<IntentRow> = tx
        .query(
            "SELECT id, key, order_id, currency, amount_minor, capture, provider, status, authorized, captured,
                 refunded, pending_capture, pending_refund, version, created_at, updated_at
             FROM intents
             WHERE id = $1",
        )
        .bind(id)
        .maybe()
        .await?;
    Ok(row.map(Intent::from))
}

/// Finds the intent of a checkout's key.
pub(crate) async fn find_by_key(db: &Db, key: Uuid) -> Result<Option<Intent>, DbError> {
    let row: Option<IntentRow> = db
        .query(
            "SELECT id, key, order_id, currency, amount_minor, capture, provider, status, authorized, captured,
                 refunded, pending_capture, pending_refund, version, created_at, updated_at
             FROM intents
             WHERE key = $1",
        )
        .bind(key)
        .maybe()
        .await?;
    Ok(row.map(Intent::from))
}

/// A page of intents, newest first: of one order, or with one status, or all.
pub(crate) async fn list(
    db: &Db,
    order: Option<&str>,
    status: Option<IntentStatus>,
    page: &PageRequest<Uuid>,
) -> Result<Page<Intent>, DbError> {
    let rows: Vec<IntentRow> = db
        .query(
            "SELECT id, key, order_id, currency, amount_minor, capture, provider, status, authorized, captured,
                 refunded, pending_capture, pending_refund, version, created_at, updated_at
             FROM intents
             WHERE id < $1
                 AND (CAST($2 AS TEXT) IS NULL OR order_id = $2)
                 AND (CAST($3 AS TEXT) IS NULL OR status = $3)
             ORDER BY id DESC
             LIMIT $4",
        )
        .bind(page.after.unwrap_or(Uuid::max()))
        .bind(order.map(str::to_owned))
        .bind(status.map(IntentStatus::as_str))
        .bind(i64::from(page.limit) + 1)
        .all()
        .await?;
    Ok(Page::cut(rows.into_iter().map(Intent::from).collect(), page.limit))
}

/// The attempts of an intent, oldest first.
pub(crate) async fn attempts(db: &Db, intent: IntentId) -> Result<Vec<Attempt>, DbError> {
    let rows: Vec<AttemptRow> = db
        .query(
            "SELECT id, intent_id, token, status, reference, decline_code, action_url, asked, created_at
             FROM attempts
             WHERE intent_id = $1
             ORDER BY id",
        )
        .bind(intent)
        .all()
        .await?;
    Ok(rows.into_iter().map(Attempt::from).collect())
}

/// Finds an attempt.
pub(crate) async fn find_attempt(db: &Db, id: AttemptId) -> Result<Option<Attempt>, DbError> {
    let row: Option<AttemptRow> = db
        .query(
            "SELECT id, intent_id, token, status, reference, decline_code, action_url, asked, created_at
             FROM attempts
             WHERE id = $1",
        )
        .bind(id)
        .maybe()
        .await?;
    Ok(row.map(Attempt::from))
}

/// The attempts whose outcome is to be asked about.
pub(crate) async fn to_ask_about(db: &Db, now: Moment, limit: i64) -> Result<Vec<Attempt>, DbError> {
    let rows: Vec<AttemptRow> = db
        .query(
            "SELECT id, intent_id, token, status, reference, decline_code, action_url, asked, created_at
             FROM attempts
             WHERE ask_at <= $1
             ORDER BY ask_at
             LIMIT $2",
        )
        .bind(now)
        .bind(limit)
        .all()
        .await?;
    Ok(rows.into_iter().map(Attempt::from).collect())
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
                  captured, refunded, pending_capture, pending_refund, version, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'processing', 0, 0, 0, 0, 0, 1, $9, $9)
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

/// Stores a new attempt as sent: this commits before it is.
pub(crate) async fn insert_attempt(
    tx: &mut Tx,
    id: AttemptId,
    intent: IntentId,
    token: &str,
    ask_at: Moment,
) -> Result<(), DbError> {
    let now = tx.db().clock().now();
    tx.query(
        "INSERT INTO attempts (id, intent_id, token, status, asked, ask_at, created_at, updated_at)
         VALUES ($1, $2, $3, 'sent', 0, $4, $5, $5)",
    )
    .bind(id)
    .bind(intent)
    .bind(token.to_owned())
    .bind(ask_at)
    .bind(now)
    .run()
    .await
    .map(|_| ())
}

/// What became known of an attempt.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// Why it was declined.
    pub(crate) decline_code: Option<String>,
    /// Where the payer has to go.
    pub(crate) action_url: Option<String>,
    /// When to ask again; never when absent.
    pub(crate) ask_at: Option<Moment>,
}

/// Stores what became of an attempt, if it still was as it was. Returns whether it was: of two that heard the
/// outcome one writes it.
pub(crate) async fn update_attempt(
    tx: &mut Tx,
    attempt: &Attempt,
    status: AttemptStatus,
    known: Known,
) -> Result<bool, DbError> {
    let now = tx.db().clock().now();
    let updated = tx
        .query(
            "UPDATE attempts
             SET status = $1, decline_code = $2, action_url = $3, ask_at = $4, asked = asked + 1, updated_at = $5
             WHERE id = $6 AND status = $7",
        )
        .bind(status.as_str())
        .bind(known.decline_code)
        .bind(known.action_url)
        .bind(known.ask_at)
        .bind(now)
        .bind(attempt.id)
        .bind(attempt.status.as_str())
        .run()
        .await?;
    Ok(updated == 1)
}

/// A change of an intent's amounts, each added to what is there.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Change {
    /// Promised.
    pub(crate) authorized: i64,
    /// Taken.
    pub(crate) captured: i64,
    /// Given back.
    pub(crate) refunded: i64,
    /// On its way to being taken.
    pub(crate) pending_capture: i64,
    /// On its way back.
    pub(crate) pending_refund: i64,
}

/// Changes an intent's amounts within their bounds. Returns whether they allowed it.
pub(crate) async fn change(tx: &mut Tx, id: IntentId, by: Change) -> Result<bool, DbError> {
    let now = tx.db().clock().now();
    let changed = tx
        .query(
            "UPDATE intents
             SET authorized = authorized + $1, captured = captured + $2, refunded = refunded + $3,
                 pending_capture = pending_capture + $4, pending_refund = pending_refund + $5,
                 status = CASE
                     WHEN authorized + $1 > 0 AND captured + $2 > 0 THEN 'partiallyCaptured'
                     WHEN authorized + $1 > 0 THEN 'requiresCapture'
                     WHEN captured + $2 > 0 THEN 'succeeded'
                     ELSE 'canceled'
                 END,
                 version = version + 1, updated_at = $6
             WHERE id = $7
                 AND authorized + captured + $1 + $2 <= amount_minor
                 AND pending_capture + $4 <= authorized + $1
                 AND refunded + pending_refund + $3 + $5 <= captured + $2",
        )
        .bind(by.authorized)
        .bind(by.captured)
        .bind(by.refunded)
        .bind(by.pending_capture)
        .bind(by.pending_refund)
        .bind(now)
        .bind(id)
        .run()
        .await?;
    Ok(changed == 1)
}

/// Stores a status that does not follow from amounts.
pub(crate) async fn update_status(tx: &mut Tx, id: IntentId, status: IntentStatus) -> Result<(), DbError> {
    let now = tx.db().clock().now();
    tx.query("UPDATE intents SET status = $1, version = version + 1, updated_at = $2 WHERE id = $3")
        .bind(status.as_str())
        .bind(now)
        .bind(id)
        .run()
        .await
        .map(|_| ())
}

/// Finds a capture.
pub(crate) async fn find_capture(db: &Db, id: CaptureId) -> Result<Option<Capture>, DbError> {
    let row: Option<CaptureRow> = db
        .query("SELECT id, intent_id, amount_minor, status FROM captures WHERE id = $1")
        .bind(id)
        .maybe()
        .await?;
    Ok(row.map(Capture::from))
}

/// Captures whose outcome is not known since then.
pub(crate) async fn stale_captures(db: &Db, before: Moment, limit: i64) -> Result<Vec<Capture>, DbError> {
    let rows: Vec<CaptureRow> = db
        .query(
            "SELECT id, intent_id, amount_minor, status
             FROM captures
             WHERE status = 'pending' AND updated_at < $1
             ORDER BY updated_at
             LIMIT $2",
        )
        .bind(before)
        .bind(limit)
        .all()
        .await?;
    Ok(rows.into_iter().map(Capture::from).collect())
}

/// Stores a new capture. Returns whether it is new.
pub(crate) async fn insert_capture(tx: &mut Tx, capture: &Capture) -> Result<bool, DbError> {
    let now = tx.db().clock().now();
    let inserted = tx
        .query(
            "INSERT INTO captures (id, intent_id, amount_minor, status, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $5)
             ON CONFLICT DO NOTHING",
        )
        .bind(capture.id)
        .bind(capture.intent_id)
        .bind(capture.amount)
        .bind(capture.status.as_str())
        .bind(now)
        .run()
        .await?;
    Ok(inserted == 1)
}

/// Stores how a pending capture went. Returns whether it was pending.
pub(crate) async fn settle_capture(
    tx: &mut Tx,
    id: CaptureId,
    status: TransferStatus,
) -> Result<bool, DbError> {
    let now = tx.db().clock().now();
    let settled = tx
        .query("UPDATE captures SET status = $1, updated_at = $2 WHERE id = $3 AND status = 'pending'")
        .bind(status.as_str())
        .bind(now)
        .bind(id)
        .run()
        .await?;
    Ok(settled == 1)
}
