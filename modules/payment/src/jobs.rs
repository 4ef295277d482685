//! The module's jobs: whatever needs the provider and is not waited for.

use kernel::Id;
use payment_api::PaymentOutcome;
use platform::Db;
use platform::jobs::{Job, JobError, Worker};
use uuid::Uuid;

use crate::intent::service::{IntentError, Intents};
use crate::intent::store;
use crate::listen::{END, End, GIVE_BACK, GiveBack};
use crate::refund::service::{RefundError, Refunds};
use crate::webhook::service::{APPLY, Foretold, SEND, Webhooks};

/// Does the payment module's jobs.
pub(crate) struct Till {
    pub(crate) db: Db,
    pub(crate) intents: Intents,
    pub(crate) refunds: Refunds,
    pub(crate) webhooks: Webhooks,
}

#[kernel::macros::async_trait]
impl Worker for Till {
    async fn work(&self, job: &Job) -> Result<(), JobError> {
        let told = |error: &dyn std::error::Error| JobError(error.to_string());
        match job.kind.as_str() {
            END => {
                let end: End = job.payload()?;
                match self.intents.end(end.key, end.refund).await {
                    Ok(payment) if payment.outcome == PaymentOutcome::Unknown => {
                        Err(JobError("the outcome of the payment is not known yet".into()))
                    }
                    Ok(_) | Err(IntentError::NotFound) => Ok(()),
                    Err(error) => Err(told(&error)),
                }
            }
            GIVE_BACK => self.give_back(job.payload()?).await,
            SEND => {
                let foretold: Foretold = job.payload()?;
                self.webhooks.send(&foretold).await.map_err(|error| told(&error))
            }
            APPLY => {
                let id: Uuid = job.payload()?;
                self.webhooks.apply(id).await.map_err(|error| told(&error))
            }
            other => Err(JobError(format!("nobody does jobs of the kind `{other}`"))),
        }
    }
}

impl Till {
    /// Gives a part of a payment back. What was promised and not taken is left to be captured or voided by staff.
    async fn give_back(&self, back: GiveBack) -> Result<(), JobError> {
        let Some(intent) = store::find_by_key(&self.db, back.key).await? else { return Ok(()) };
        if intent.amounts.captured == 0 {
            return Ok(());
        }
        // The reason of a cancellation is whatever staff wrote there; the money does not depend on it.
        let reason = format!("items of {} canceled", intent.order_id);
        let id = Id::from_uuid(back.refund_id);
        let given = match self.refunds.create(id, intent.id, back.amount, reason.clone()).await {
            // Staff refunded by hand in the meantime: what is left goes back.
            Err(RefundError::ExceedsCaptured { left }) if left.amount > 0 => {
                self.refunds.create(id, intent.id, left, reason).await
            }
            other => other,
        };
        match given {
            Ok(_) => Ok(()),
            Err(RefundError::ExceedsCaptured { left }) if left.amount == 0 => Ok(()),
            Err(error) => Err(JobError(error.to_string())),
        }
    }
}
