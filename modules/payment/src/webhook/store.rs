//! How webhooks are kept.

use kernel::{Moment, Page, PageRequest};
use platform::db::{Db, DbError, Tx};
use uuid::Uuid;

use super::{WebhookEvent, WebhookStatus};

#[derive(sqlx::FromRow)]
struct WebhookRow {
    id: Uuid,
    provider: String,
    event_id: String,
    body: Vec<u8>,
    #[sqlx(try_from = "String")]
    status: WebhookStatus,
    last_error: Option<String>,
    received_at: Moment,
}

/// The columns of a [`WebhookRow`], for `concat!`, which takes no constants.
macro_rules! columns {
    () => {
        "id, provider, event_id, body, status, last_error, received_at"
    };
}

impl From<WebhookRow> for WebhookEvent {
    fn from(row: WebhookRow) -> Self {
        Self {
            id: row.id,
            provider: row.provider,
            event_id: row.event_id,
            body: row.body,
            status: row.status,
            last_error: row.last_error,
            received_at: row.received_at,
        }
    }
}

/// Finds a webhook.
pub(crate) async fn find(db: &Db, id: Uuid) -> Result<Option<WebhookEvent>, DbError> {
    let row: Option<WebhookRow> = db
        .query(concat!("SELECT ", columns!(), " FROM webhook_events WHERE id = $1"))
        .bind(id)
        .maybe()
        .await?;
    Ok(row.map(WebhookEvent::from))
}

/// A page of webhooks, newest first.
pub(crate) async fn list(db: &Db, page: &PageRequest<Uuid>) -> Result<Page<WebhookEvent>, DbError> {
    let rows: Vec<WebhookRow> = db
        .query(concat!(
            "SELECT ",
            columns!(),
            " FROM webhook_events
                 WHERE id < $1
                 ORDER BY id DESC
                 LIMIT $2"
        ))
        .bind(page.after.unwrap_or(Uuid::max()))
        .bind(i64::from(page.limit) + 1)
        .all()
        .await?;
    Ok(Page::cut(rows.into_iter().map(WebhookEvent::from).collect(), page.limit))
}

/// Keeps a webhook. Returns whether its id is new; the first to use an id wins.
pub(crate) async fn insert(tx: &mut Tx, event: &WebhookEvent) -> Result<bool, DbError> {
    let inserted = tx
        .query(
            "INSERT INTO webhook_events (id, provider, event_id, body, status, received_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT DO NOTHING",
        )
        .bind(event.id)
        .bind(event.provider.clone())
        .bind(event.event_id.clone())
        .bind(event.body.clone())
        .bind(event.status.as_str())
        .bind(event.received_at)
        .run()
        .await?;
    Ok(inserted == 1)
}

/// Stores how far a webhook is, unless it was applied. Returns whether it was not: of two that apply it one does.
pub(crate) async fn update(
    tx: &mut Tx,
    id: Uuid,
    status: WebhookStatus,
    error: Option<String>,
) -> Result<bool, DbError> {
    let now = tx.db().clock().now();
    let updated = tx
        .query(
            "UPDATE webhook_events
             SET status = $1, last_error = $2, applied_at = $3
             WHERE id = $4 AND status <> 'applied'",
        )
        .bind(status.as_str())
        .bind(error)
        .bind(now)
        .bind(id)
        .run()
        .await?;
    Ok(updated == 1)
}

/// The secret that a provider's webhooks are signed with, made now if there is none.
pub(crate) async fn secret(db: &Db, provider: &str, made: String) -> Result<String, DbError> {
    let mut tx = db.begin().await?;
    tx.query("INSERT INTO provider_secrets (provider, secret) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(provider.to_owned())
        .bind(made)
        .run()
        .await?;
    let (secret,): (String,) = tx
        .query("SELECT secret FROM provider_secrets WHERE provider = $1")
        .bind(provider.to_owned())
        .one()
        .await?;
    tx.commit().await?;
    Ok(secret)
}
