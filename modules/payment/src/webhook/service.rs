//! What one can do with webhooks: take them in, apply them, apply them again.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Money, Page, PageRequest};
use payment_api::{AttemptId, PaymentOutcome};
use platform::{Commands, Db, DbError, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{News, NewsKind, WebhookEvent, WebhookStatus, store};
use crate::intent::AttemptStatus;
use crate::intent::service::{IntentError, Intents};
use crate::provider::Outcome;
use crate::provider::test::TestProvider;
use crate::provider::webhook::{Signed, is_genuine, sign};

/// How long after the charge the test provider's webhook comes.
const LATE: Duration = Duration::from_millis(1_200);

/// The webhooks.
#[derive(Clone)]
pub(crate) struct Webhooks {
    db: Db,
    pub(super) commands: Commands,
    intents: Intents,
    secret: Arc<str>,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebhookError {
    /// Nobody of that name sends us webhooks.
    #[error("there is no payment provider `{0}`")]
    UnknownProvider(String),
    /// It is not signed with the secret, or not just now.
    #[error("the webhook's signature does not match these bytes, or it is not of these minutes")]
    Forged,
    /// There is no such webhook.
    #[error("there is no such webhook event")]
    NotFound,
    /// There is no such charge that waits for its payer.
    #[error("no charge of this name waits for its payer")]
    NothingWaits,
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A webhook that the test provider is going to send.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Foretold {
    pub(crate) id: String,
    pub(crate) news: News,
}

/// The job that applies a webhook.
pub(crate) const APPLY: &str = "webhook.apply";
/// The job that sends one, in the test provider's name.
pub(crate) const SEND: &str = "webhook.send";

/// Lets the test provider send the webhooks that its magic tokens promise.
pub(crate) async fn foretell(
    tx: &mut Tx,
    charge: AttemptId,
    token: &str,
    amount: Money,
) -> Result<(), DbError> {
    let times = match token {
        "late_webhook" => 1,
        "duplicate_webhook" => 2,
        _ => return Ok(()),
    };
    let at = tx.db().clock().now().plus(LATE);
    for _ in 0..times {
        let news = News { kind: NewsKind::Succeeded, charge, amount };
        tx.enqueue(SEND, &Foretold { id: format!("evt_{charge}"), news }, at).await?;
    }
    Ok(())
}

impl Webhooks {
    /// The webhooks in this database, signed with this secret, about these payments.
    pub(crate) fn new(db: Db, commands: Commands, intents: Intents, secret: String) -> Self {
        Self { db, commands, intents, secret: secret.into() }
    }

    /// Takes a webhook in: verified on its raw bytes, kept, and then applied by a job. The same id again does nothing.
    pub(crate) async fn receive(&self, provider: &str, webhook: Signed<'_>) -> Result<(), WebhookError> {
        if provider != TestProvider::NAME {
            return Err(WebhookError::UnknownProvider(provider.to_owned()));
        }
        let now = self.db.clock().now();
        if webhook.id.is_empty() || webhook.id.len() > 200 || !is_genuine(webhook, &self.secret, now) {
            return Err(WebhookError::Forged);
        }
        let event = WebhookEvent {
            id: self.db.clock().uuid(),
            provider: provider.to_owned(),
            event_id: webhook.id.to_owned(),
            body: webhook.body.to_vec(),
            status: WebhookStatus::Received,
            last_error: None,
            received_at: now,
        };
        let mut tx = self.db.begin().await?;
        if store::insert(&mut tx, &event).await? {
            tx.enqueue(APPLY, &event.id, now).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Sends a webhook as the test provider would, through the same door as any other.
    pub(crate) async fn send(&self, foretold: &Foretold) -> Result<(), WebhookError> {
        let body = serde_json::to_vec(&foretold.news).unwrap_or_default();
        let timestamp = self.db.clock().now().unix_seconds().to_string();
        let signature = sign(&foretold.id, &timestamp, &body, &self.secret);
        let webhook = Signed { id: &foretold.id, timestamp: &timestamp, signature: &signature, body: &body };
        self.receive(TestProvider::NAME, webhook).await
    }

    /// The payer decides at the test provider's page.
    pub(crate) async fn act(&self, charge: Uuid, approved: bool) -> Result<(), WebhookError> {
        let charge = AttemptId::from_uuid(charge);
        let found = self.intents.find_attempt(charge).await.map_err(|_| WebhookError::NothingWaits)?;
        let waiting = found.filter(|(_, attempt)| attempt.status == AttemptStatus::RequiresAction);
        let (intent, _) = waiting.ok_or(WebhookError::NothingWaits)?;
        let kind = if approved { NewsKind::Succeeded } else { NewsKind::Declined };
        let news = News { kind, charge, amount: intent.money(intent.amount) };
        self.send(&Foretold { id: format!("evt_action_{charge}"), news }).await
    }

    /// Applies a webhook that was kept. In whatever order they come, nothing goes backwards.
    pub(crate) async fn apply(&self, id: Uuid) -> Result<(), WebhookError> {
        let event = store::find(&self.db, id).await?.ok_or(WebhookError::NotFound)?;
        if event.status == WebhookStatus::Applied {
            return Ok(());
        }
        match self.news(&event).await {
            Ok(()) => Ok(store::update(&self.db, id, WebhookStatus::Applied, None).await?),
            Err(error) => {
                tracing::error!(webhook.id = %id, error = %error, "a webhook makes no sense here and is set aside");
                Ok(store::update(&self.db, id, WebhookStatus::Parked, Some(error)).await?)
            }
        }
    }

    async fn news(&self, event: &WebhookEvent) -> Result<(), String> {
        let told = |error: IntentError| error.to_string();
        let news: News =
            serde_json::from_slice(&event.body).map_err(|error| format!("not understood: {error}"))?;
        let found = self.intents.find_attempt(news.charge).await.map_err(told)?;
        let (intent, attempt) = found.ok_or("there is no such charge")?;
        if news.amount != intent.money(intent.amount) {
            return Err(format!(
                "it is about {}, the charge about {}",
                news.amount,
                intent.money(intent.amount)
            ));
        }
        match (news.kind, attempt.status) {
            (NewsKind::Succeeded, open) if open.is_open() => {
                let heard = match intent.capture {
                    payment_api::CaptureMethod::Automatic => Outcome::Captured,
                    payment_api::CaptureMethod::Manual => Outcome::Authorized,
                };
                self.intents.settle(&intent, &attempt, heard).await.map_err(told)?;
            }
            (NewsKind::Declined, open) if open.is_open() => {
                let outcome =
                    self.intents.settle(&intent, &attempt, Outcome::Declined("card_declined")).await;
                debug_assert!(!matches!(outcome, Ok(payment) if payment.outcome == PaymentOutcome::Captured));
            }
            // The attempt was given up and the money came all the same.
            (NewsKind::Succeeded, AttemptStatus::Voided | AttemptStatus::Declined) => {
                self.intents.late_money(&intent, &attempt).await.map_err(told)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Lets a webhook be applied again.
    pub(crate) async fn replay(&self, id: Uuid) -> Result<WebhookEvent, WebhookError> {
        self.apply(id).await?;
        store::find(&self.db, id).await?.ok_or(WebhookError::NotFound)
    }

    /// A page of webhooks, newest first.
    pub(crate) async fn list(&self, page: &PageRequest<Uuid>) -> Result<Page<WebhookEvent>, WebhookError> {
        Ok(store::list(&self.db, page).await?)
    }
}
