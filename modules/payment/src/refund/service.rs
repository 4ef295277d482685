//! What one can do with refunds. What was captured bounds them, however many come at once.

use kernel::{Moment, Money};
use payment_api::{IntentId, RefundFailed, RefundId, RefundSucceeded};
use platform::{Commands, Db, DbError};

use super::{Refund, RefundRefusal, store};
use crate::intent::TransferStatus;
use crate::intent::service::charge;
use crate::intent::store::{self as intents, Change};
use crate::intent::told::told;
use crate::ledger;
use crate::provider::{ProviderError, Providers};

/// The refunds.
#[derive(Clone)]
pub(crate) struct Refunds {
    db: Db,
    pub(super) commands: Commands,
    providers: Providers,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RefundError {
    /// It cannot be a refund like that.
    #[error(transparent)]
    Refused(#[from] RefundRefusal),
    /// There is no such refund.
    #[error("there is no such refund")]
    NotFound,
    /// There is no such intent.
    #[error("there is no such payment intent")]
    NoSuchIntent,
    /// The amount is in another currency.
    #[error("the payment is in {0}")]
    OtherCurrency(kernel::Currency),
    /// There is less to give back.
    #[error("only {left} can be refunded")]
    ExceedsCaptured {
        /// What can.
        left: Money,
    },
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Refunds {
    /// The refunds in this database, through these providers.
    pub(crate) fn new(db: Db, commands: Commands, providers: Providers) -> Self {
        Self { db, commands, providers }
    }

    /// Gives money back. Its amount is set aside before the provider is asked; the same id again is the same refund.
    pub(crate) async fn create(
        &self,
        id: RefundId,
        intent: IntentId,
        amount: Money,
        reason: String,
    ) -> Result<Refund, RefundError> {
        let refund = Refund::new(id, intent, amount, reason, self.db.clock().now())?;
        let intent = intents::find(&self.db, intent).await?.ok_or(RefundError::NoSuchIntent)?;
        if amount.currency != intent.currency {
            return Err(RefundError::OtherCurrency(intent.currency));
        }
        let by = Change { pending_refund: amount.amount, ..Change::default() };
        let mut tx = self.db.begin().await?;
        if store::insert(&mut tx, &refund).await? && !intents::change(&mut tx, intent.id, by).await? {
            tx.rollback().await?;
            let now = intents::find(&self.db, intent.id).await?.ok_or(RefundError::NoSuchIntent)?;
            return Err(RefundError::ExceedsCaptured { left: now.money(now.refundable()) });
        }
        tx.commit().await?;
        self.finish(id).await
    }

    /// Asks the provider for a refund that is pending, under the same key as before, and stores how it went.
    async fn finish(&self, id: RefundId) -> Result<Refund, RefundError> {
        let refund = store::find(&self.db, id).await?.ok_or(RefundError::NotFound)?;
        if refund.status != TransferStatus::Pending {
            return Ok(refund);
        }
        let intent = intents::find(&self.db, refund.intent_id).await?.ok_or(RefundError::NoSuchIntent)?;
        let attempts = intents::attempts(&self.db, intent.id).await?;
        let (Some(attempt), Some(provider)) = (attempts.last(), self.providers.find(&intent.provider)) else {
            return Ok(refund);
        };
        let amount = refund.amount.amount;
        let (status, by) = match provider.refund(id.uuid(), &charge(&intent, attempt), refund.amount).await {
            Ok(()) => (
                TransferStatus::Succeeded,
                Change { refunded: amount, pending_refund: -amount, ..Change::default() },
            ),
            Err(ProviderError::Refused) => {
                (TransferStatus::Failed, Change { pending_refund: -amount, ..Change::default() })
            }
            // Asked again later, under the same key.
            Err(ProviderError::Unknown) => return Ok(refund),
        };
        let mut tx = self.db.begin().await?;
        if store::settle(&mut tx, id, status).await? && intents::change(&mut tx, intent.id, by).await? {
            let now = intents::find_in(&mut tx, intent.id).await?.ok_or(RefundError::NoSuchIntent)?;
            if status == TransferStatus::Succeeded {
                ledger::store::enter(&mut tx, &intent, &[ledger::refund(&intent.provider, amount)]).await?;
                tx.publish(&told::<RefundSucceeded>(&now, amount, Change::default())).await?;
            } else {
                tx.publish(&told::<RefundFailed>(&now, amount, Change::default())).await?;
            }
            tx.commit().await?;
        }
        store::find(&self.db, id).await?.ok_or(RefundError::NotFound)
    }

    /// Finishes refunds whose outcome is not known since then. `true` says that there is more.
    pub(crate) async fn recover(&self, before: Moment, limit: i64) -> Result<bool, DbError> {
        let stale = store::stale(&self.db, before, limit).await?;
        let more = stale.len() as i64 == limit;
        for id in stale {
            if let Err(error) = self.finish(id).await {
                tracing::warn!(refund.id = %id, error = %error, "a refund could not be finished");
            }
        }
        Ok(more)
    }

    /// The refunds of an intent, oldest first.
    pub(crate) async fn list(&self, intent: IntentId) -> Result<Vec<Refund>, RefundError> {
        Ok(store::list(&self.db, intent).await?)
    }

    /// One refund.
    pub(crate) async fn find(&self, id: RefundId) -> Result<Refund, RefundError> {
        store::find(&self.db, id).await?.ok_or(RefundError::NotFound)
    }
}
