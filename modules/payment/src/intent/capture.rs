//! Taking authorised money, and giving it up.

use kernel::Money;
use payment_api::{CaptureId, IntentId, PaymentCaptured, PaymentVoided};

use super::service::{IntentError, Intents};
use super::store::{self, Change};
use super::told::told;
use super::{Capture, Intent, TransferStatus};
use crate::ledger;
use crate::provider::ProviderError;

impl Intents {
    /// Captures authorised money: all that is left, or a part. The amount is set aside before the provider is asked.
    pub(crate) async fn capture(
        &self,
        id: CaptureId,
        intent: IntentId,
        amount: Option<Money>,
    ) -> Result<Intent, IntentError> {
        let intent = store::find(&self.db, intent).await?.ok_or(IntentError::NotFound)?;
        if store::find_capture(&self.db, id).await?.is_none() {
            let wanted = amount.unwrap_or_else(|| intent.money(intent.capturable()));
            if wanted.currency != intent.currency {
                return Err(IntentError::OtherCurrency(intent.currency));
            }
            if intent.amounts.authorized == 0 {
                return Err(IntentError::InvalidTransition { from: intent.status, wanted: "captured" });
            }
            if wanted.amount <= 0 {
                return Err(IntentError::InvalidAmount);
            }
            let capture =
                Capture { id, intent_id: intent.id, amount: wanted.amount, status: TransferStatus::Pending };
            let by = Change { pending_capture: wanted.amount, ..Change::default() };
            let mut tx = self.db.begin().await?;
            if store::insert_capture(&mut tx, &capture).await?
                && !store::change(&mut tx, intent.id, by).await?
            {
                tx.rollback().await?;
                let now = store::find(&self.db, intent.id).await?.ok_or(IntentError::NotFound)?;
                return Err(IntentError::ExceedsAuthorized { left: now.money(now.capturable()) });
            }
            tx.commit().await?;
        }
        self.finish_capture(id).await?;
        store::find(&self.db, intent.id).await?.ok_or(IntentError::NotFound)
    }

    /// Asks the provider for a capture that is pending, under the same key as before, and stores how it went.
    pub(super) async fn finish_capture(&self, id: CaptureId) -> Result<(), IntentError> {
        let capture = store::find_capture(&self.db, id).await?.ok_or(IntentError::NotFound)?;
        if capture.status != TransferStatus::Pending {
            return Ok(());
        }
        let (intent, charge) = self.charged(capture.intent_id).await?;
        let unknown = || IntentError::UnknownProvider(intent.provider.clone());
        let provider = self.providers.find(&intent.provider).ok_or_else(unknown)?;
        let amount = capture.amount;
        let (status, by) = match provider.capture(id.uuid(), charge.key, intent.money(amount)).await {
            Ok(()) => (
                TransferStatus::Succeeded,
                Change {
                    authorized: -amount,
                    captured: amount,
                    pending_capture: -amount,
                    ..Change::default()
                },
            ),
            Err(ProviderError::Refused) => {
                (TransferStatus::Failed, Change { pending_capture: -amount, ..Change::default() })
            }
            // Asked again later, under the same key.
            Err(ProviderError::Unknown) => return Ok(()),
        };
        let mut tx = self.db.begin().await?;
        if !store::settle_capture(&mut tx, id, status).await? {
            return Ok(());
        }
        if status == TransferStatus::Succeeded {
            self.moved(
                &mut tx,
                &intent,
                by,
                &[ledger::release(amount), ledger::capture(&intent.provider, amount)],
            )
            .await?;
            let now = store::find_in(&mut tx, intent.id).await?.ok_or(IntentError::NotFound)?;
            tx.publish(&told::<PaymentCaptured>(&now, amount, Change::default())).await?;
        } else {
            store::change(&mut tx, intent.id, by).await?;
        }
        tx.commit().await?;
        if status == TransferStatus::Failed { Err(IntentError::Refused) } else { Ok(()) }
    }

    /// Gives up what is authorised and not on its way to being captured.
    pub(crate) async fn void(&self, id: IntentId) -> Result<Intent, IntentError> {
        let (intent, charge) = self.charged(id).await?;
        if intent.amounts.pending_capture > 0 {
            return Err(IntentError::InvalidTransition {
                from: intent.status,
                wanted: "voided while a capture runs",
            });
        }
        let amount = intent.amounts.authorized;
        if amount == 0 {
            return Ok(intent);
        }
        let unknown = || IntentError::UnknownProvider(intent.provider.clone());
        let provider = self.providers.find(&intent.provider).ok_or_else(unknown)?;
        provider.void(charge.key).await.map_err(|_| IntentError::Refused)?;
        let by = Change { authorized: -amount, ..Change::default() };
        let mut tx = self.db.begin().await?;
        // The bounds refuse it when a capture or another void was faster.
        if self.moved(&mut tx, &intent, by, &[ledger::release(amount)]).await.is_ok() {
            tx.publish(&told::<PaymentVoided>(&intent, amount, by)).await?;
            tx.commit().await?;
        }
        store::find(&self.db, id).await?.ok_or(IntentError::NotFound)
    }
}
