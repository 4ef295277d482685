//! What one can do with webhooks: take them in, apply them, apply them again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Money, Page, PageRequest};
use payment_api::{AttemptId, CaptureMethod};
use platform::{Commands, Db, DbError, Tx, fault};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Report, ReportKind, WebhookEvent, WebhookStatus, store};
use crate::attempt::service::AttemptError;
use crate::attempt::{Attempt, AttemptStatus};
use crate::intent::Intent;
use crate::intent::service::{IntentError, Intents};
use crate::movement::service::MovementError;
use crate::provider::Outcome;
use crate::provider::test::TestProvider;
use crate::provider::webhook::{Signed, WebhookSecret, is_genuine, sign};

/// How long after the charge the test provider's webhook comes.
const LATE: Duration = Duration::from_millis(1_200);

/// The webhooks.
#[derive(Clone)]
pub(crate) struct Webhooks {
    db: Db,
    pub(super) commands: Commands,
    intents: Intents,
    /// What each provider signs with.
    secrets: Arc<HashMap<String, WebhookSecret>>,
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

/// Why a webhook was not applied.
enum HearError {
    /// It makes no sense here.
    Senseless(String),
    /// The store failed; it is tried again.
    Db(DbError),
}

impl From<IntentError> for HearError {
    fn from(error: IntentError) -> Self {
        match error {
            IntentError::Db(error)
            | IntentError::Attempt(AttemptError::Db(error))
            | IntentError::Movement(MovementError::Db(error)) => Self::Db(error),
            other => Self::Senseless(other.to_string()),
        }
    }
}

impl From<DbError> for HearError {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

/// A webhook that the test provider is going to send.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Foretold {
    pub(crate) id: String,
    pub(crate) report: Report,
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
    let (kind, times) = match token {
        "late_webhook" => (ReportKind::Succeeded, 1),
        "duplicate_webhook" => (ReportKind::Succeeded, 2),
        "dispute" => (ReportKind::DisputeOpened, 1),
        _ => return Ok(()),
    };
    let at = tx.db().clock().now().plus(LATE);
    for _ in 0..times {
        let report = report(kind, charge, amount);
        tx.enqueue(SEND, &Foretold { id: format!("evt_{charge}"), report }, at).await?;
    }
    Ok(())
}

/// What the test provider says of one of its charges.
fn report(kind: ReportKind, charge: AttemptId, amount: Money) -> Report {
    Report { kind, charge, reference: TestProvider::reference(charge.uuid()), amount }
}

/// What a report says about an attempt, if that is news. Late, twice or in another order it never leads back.
fn heard(report: &Report, intent: &Intent, attempt: &Attempt) -> Option<Outcome> {
    let reference = report.reference.clone();
    match (report.kind, attempt.status) {
        // Whatever was given up or refused: the money came all the same.
        (ReportKind::Succeeded, status)
            if status.is_open() || matches!(status, AttemptStatus::Voided | AttemptStatus::Declined) =>
        {
            Some(match intent.capture {
                CaptureMethod::Automatic => Outcome::Captured(reference),
                CaptureMethod::Manual => Outcome::Authorized(reference),
            })
        }
        (ReportKind::Declined, status) if status.is_open() => Some(Outcome::Declined("card_declined")),
        _ => None,
    }
}

impl Webhooks {
    /// The webhooks in this database, signed with each provider's secret, about these payments.
    pub(crate) fn new(
        db: Db,
        commands: Commands,
        intents: Intents,
        secrets: HashMap<String, WebhookSecret>,
    ) -> Self {
        Self { db, commands, intents, secrets: Arc::new(secrets) }
    }

    fn secret(&self, provider: &str) -> Result<&WebhookSecret, WebhookError> {
        self.secrets.get(provider).ok_or_else(|| WebhookError::UnknownProvider(provider.to_owned()))
    }

    /// Takes a webhook in: verified on its raw bytes, kept, and then applied by a job. The same id again does nothing.
    pub(crate) async fn receive(&self, provider: &str, webhook: Signed<'_>) -> Result<(), WebhookError> {
        let secret = self.secret(provider)?;
        let now = self.db.clock().now();
        if webhook.id.is_empty() || webhook.id.len() > 200 || !is_genuine(webhook, secret, now) {
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
        fault!("wh.after_verify", DbError::Busy);
        let mut tx = self.db.begin().await?;
        if store::insert(&mut tx, &event).await? {
            tx.enqueue(APPLY, &event.id, now).await?;
            tx.commit().await?;
        } else {
            // Nobody is thanked for what is not kept yet.
            tx.rollback().await?;
        }
        fault!("wh.after_store_before_200");
        Ok(())
    }

    /// Sends a webhook as the test provider would, through the same door as any other.
    pub(crate) async fn send(&self, foretold: &Foretold) -> Result<(), WebhookError> {
        let body = serde_json::to_vec(&foretold.report).unwrap_or_default();
        let timestamp = self.db.clock().now().unix_seconds().to_string();
        let signature = sign(&foretold.id, &timestamp, &body, self.secret(TestProvider::NAME)?);
        let webhook = Signed { id: &foretold.id, timestamp: &timestamp, signature: &signature, body: &body };
        self.receive(TestProvider::NAME, webhook).await
    }

    /// The payer decides at the test provider's page.
    pub(crate) async fn act(&self, charge: Uuid, approved: bool) -> Result<(), WebhookError> {
        let charge = AttemptId::from_uuid(charge);
        let found = self.intents.find_attempt(charge).await.map_err(|_| WebhookError::NothingWaits)?;
        // The page is the test provider's; what another asks of a payer is not decided here.
        let waiting = found.filter(|(intent, attempt)| {
            intent.provider == TestProvider::NAME && attempt.status == AttemptStatus::RequiresAction
        });
        let (intent, _) = waiting.ok_or(WebhookError::NothingWaits)?;
        let kind = if approved { ReportKind::Succeeded } else { ReportKind::Declined };
        let report = report(kind, charge, intent.money(intent.amount));
        self.send(&Foretold { id: format!("evt_action_{charge}"), report }).await
    }

    /// Applies a webhook that was kept. In whatever order they come, nothing goes backwards.
    pub(crate) async fn apply(&self, id: Uuid) -> Result<(), WebhookError> {
        fault!("wh.after_200_before_apply", DbError::Busy);
        let event = store::find(&self.db, id).await?.ok_or(WebhookError::NotFound)?;
        if event.status == WebhookStatus::Applied {
            return Ok(());
        }
        match self.hear(&event).await {
            Ok(()) => Ok(()),
            Err(HearError::Db(error)) => Err(error.into()),
            Err(HearError::Senseless(why)) => {
                tracing::error!(webhook.id = %id, error = %why, "a webhook makes no sense here and is set aside");
                let mut tx = self.db.begin().await?;
                store::update(&mut tx, id, WebhookStatus::Parked, Some(why)).await?;
                Ok(tx.commit().await?)
            }
        }
    }

    async fn hear(&self, event: &WebhookEvent) -> Result<(), HearError> {
        let report: Report = serde_json::from_slice(&event.body)
            .map_err(|error| HearError::Senseless(format!("not understood: {error}")))?;
        let found = self.intents.find_attempt(report.charge).await?;
        let (intent, attempt) =
            found.ok_or_else(|| HearError::Senseless("there is no such charge".to_owned()))?;
        if intent.provider != event.provider {
            return Err(HearError::Senseless("it is about a charge of another provider".to_owned()));
        }
        if let ReportKind::DisputeOpened | ReportKind::DisputeWon = report.kind {
            let intent = self.taken(intent, attempt, &report).await?;
            return self.dispute(event, &intent, &report).await;
        }
        let charged = intent.money(intent.amount);
        if report.amount != charged {
            return Err(HearError::Senseless(format!(
                "it is about {}, the charge about {charged}",
                report.amount
            )));
        }
        if let Some(heard) = heard(&report, &intent, &attempt) {
            self.intents.attempts.settle(&intent, attempt, heard).await.map_err(IntentError::from)?;
        }
        fault!("wh.after_effect_before_applied", DbError::Busy);
        let mut tx = self.db.begin().await?;
        store::update(&mut tx, event.id, WebhookStatus::Applied, None).await?;
        Ok(tx.commit().await?)
    }

    /// What a payer disputes was taken, also where whoever asked for it has not heard so yet.
    async fn taken(&self, intent: Intent, attempt: Attempt, report: &Report) -> Result<Intent, HearError> {
        if !attempt.status.is_open() || intent.capture != CaptureMethod::Automatic {
            return Ok(intent);
        }
        let charged = Outcome::Captured(report.reference.clone());
        self.intents.attempts.settle(&intent, attempt, charged).await.map_err(IntentError::from)?;
        Ok(self.intents.find(intent.id).await?.intent)
    }

    /// A dispute changes an amount each time it is applied, so that and the memory of it are one transaction.
    async fn dispute(&self, event: &WebhookEvent, intent: &Intent, report: &Report) -> Result<(), HearError> {
        if report.amount.currency != intent.currency || report.amount.amount <= 0 {
            let why = format!("it is about {}, the payment in {}", report.amount, intent.currency);
            return Err(HearError::Senseless(why));
        }
        let won = report.kind == ReportKind::DisputeWon;
        let mut tx = self.db.begin().await?;
        if !store::update(&mut tx, event.id, WebhookStatus::Applied, None).await? {
            return Ok(tx.rollback().await?);
        }
        self.intents.dispute(&mut tx, intent, report.amount.amount, won).await?;
        fault!("wh.dispute.before_commit", DbError::Busy);
        Ok(tx.commit().await?)
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
