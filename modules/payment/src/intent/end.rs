//! Ending payments that are not wanted, and finding out about those that nobody has an answer to.

use std::time::Duration;

use kernel::Id;
use payment_api::{Payment, PaymentOutcome};
use platform::DbError;
use uuid::Uuid;

use super::service::{IntentError, Intents};
use super::store::{self, Known};
use super::{Attempt, AttemptStatus, Intent, IntentStatus};

/// After this time whatever has no answer is asked about, whoever sent it.
pub(super) const ASK_AFTER: Duration = Duration::from_secs(3);
/// Rows that are settled in one go.
const BATCH: i64 = 50;

impl Intents {
    /// Ends a payment that is no longer wanted: voids what is promised and, if so wanted, refunds what was taken.
    pub(crate) async fn end(&self, key: Uuid, refund: bool) -> Result<Payment, IntentError> {
        let intent = store::find_by_key(&self.db, key).await?.ok_or(IntentError::NotFound)?;
        let attempts = store::attempts(&self.db, intent.id).await?;
        match attempts.last() {
            // The payer was asked to act and has not; whatever they do now is late money.
            Some(attempt) if attempt.status == AttemptStatus::RequiresAction => {
                self.abandon(&intent, attempt).await?;
            }
            Some(attempt) if attempt.status.is_open() => {
                let heard = self.ask(&intent, attempt).await?;
                if heard.outcome == PaymentOutcome::Unknown {
                    return Ok(heard);
                }
            }
            _ => {}
        }
        self.void(intent.id).await?;
        let intent = self.reread(intent.id).await?;
        if refund && intent.refundable() > 0 {
            // The refund of a whole payment is made once: its identity is the intent's own.
            let id = Id::from_uuid(intent.id.uuid());
            let rest = intent.money(intent.refundable());
            self.refunds.create(id, intent.id, rest, "the order was canceled".into()).await?;
        }
        let intent = self.reread(intent.id).await?;
        if intent.amounts.captured == 0 && intent.status != IntentStatus::Canceled {
            let mut tx = self.db.begin().await?;
            store::update_status(&mut tx, intent.id, IntentStatus::Canceled).await?;
            tx.commit().await?;
        }
        self.stands(intent.id).await
    }

    async fn abandon(&self, intent: &Intent, attempt: &Attempt) -> Result<(), IntentError> {
        let mut tx = self.db.begin().await?;
        if store::update_attempt(&mut tx, attempt, AttemptStatus::Voided, Known::default()).await? {
            store::update_status(&mut tx, intent.id, IntentStatus::Canceled).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Asks about whatever nobody has an answer to: attempts, captures and refunds. `true` says that there is more.
    pub(crate) async fn recover(&self) -> Result<bool, DbError> {
        let now = self.db.clock().now();
        let attempts = store::to_ask_about(&self.db, now, BATCH).await?;
        let captures = store::stale_captures(&self.db, now.minus(ASK_AFTER), BATCH).await?;
        for attempt in attempts {
            let asked = async {
                let intent = store::find(&self.db, attempt.intent_id).await?.ok_or(IntentError::NotFound)?;
                self.ask(&intent, &attempt).await
            };
            if let Err(error) = asked.await {
                tracing::warn!(attempt.id = %attempt.id, error = %error, "an attempt could not be asked about");
            }
        }
        for capture in captures {
            if let Err(error) = self.finish_capture(capture.id).await {
                tracing::warn!(capture.id = %capture.id, error = %error, "a capture could not be finished");
            }
        }
        self.refunds.recover(now.minus(ASK_AFTER), BATCH).await?;
        // What still has no answer waits for the next look rather than being asked about without a pause.
        Ok(false)
    }
}
