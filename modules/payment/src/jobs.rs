//! The module's jobs: whatever needs the provider and is not waited for.

use std::time::Duration;

use platform::Db;
use platform::jobs::{Job, JobError, Worker};
use uuid::Uuid;

use crate::intent::service::{IntentError, Intents};
use crate::intent::{Amounts, store};
use crate::listen::{END, End, GIVE_BACK, GiveBack};
use crate::movement::MovementKind;
use crate::movement::service::{MovementError, Movements, Wish};
use crate::webhook::service::{APPLY, Foretold, SEND, Webhooks};

/// How soon it is looked again whether a payment can be ended.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// Does the payment module's jobs.
pub(crate) struct Till {
    pub(crate) db: Db,
    pub(crate) intents: Intents,
    pub(crate) movements: Movements,
    pub(crate) webhooks: Webhooks,
}

#[kernel::macros::async_trait]
impl Worker for Till {
    async fn work(&self, job: &Job) -> Result<(), JobError> {
        let told = |error: &dyn std::error::Error| JobError(error.to_string());
        match job.kind.as_str() {
            END => self.end(job.payload()?).await,
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
    /// Ends a payment. While something is on its way whose outcome nobody knows, it is looked at again and again: this
    /// job has done what it could, and leaves another behind.
    async fn end(&self, end: End) -> Result<(), JobError> {
        let told = |error: IntentError| JobError(error.to_string());
        match self.intents.end(end.key, end.refund).await {
            Err(IntentError::NotFound) => return Ok(()),
            ended => ended.map_err(told)?,
        };
        if self.intents.is_ended(end.key, end.refund).await.map_err(told)? {
            return Ok(());
        }
        let Some(intent) = store::find_by_key(&self.db, end.key).await? else { return Ok(()) };
        if intent.amounts.is_moving() || intent.amounts == Amounts::default() {
            let mut tx = self.db.begin().await?;
            tx.enqueue(END, &end, self.db.clock().now().plus(LOOK_AGAIN)).await?;
            return Ok(tx.commit().await?);
        }
        Err(JobError("the provider refuses to give the money up".into()))
    }

    /// Gives a part of a payment back. What was promised and not taken is left to be captured or voided by staff.
    async fn give_back(&self, back: GiveBack) -> Result<(), JobError> {
        let Some(intent) = store::find_by_key(&self.db, back.key).await? else { return Ok(()) };
        if intent.amounts.captured == 0 {
            return Ok(());
        }
        let wish = Wish {
            id: back.refund_id,
            intent_id: intent.id,
            kind: MovementKind::Refund,
            amount: Some(back.amount),
            // The reason of a cancellation is whatever staff wrote there; the money does not depend on it.
            reason: format!("items of {} canceled", intent.order_id),
        };
        let given = match self.movements.carry_out(wish.clone()).await {
            // Staff refunded by hand in the meantime: what is left goes back.
            Err(MovementError::Exceeds { left, .. }) if left.amount > 0 => {
                self.movements.carry_out(Wish { amount: Some(left), ..wish }).await
            }
            other => other,
        };
        match given {
            Ok(_) => Ok(()),
            Err(MovementError::Exceeds { left, .. }) if left.amount == 0 => Ok(()),
            Err(error) => Err(JobError(error.to_string())),
        }
    }
}
