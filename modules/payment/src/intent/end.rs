//! Ends payments that are not wanted: what is promised is given up, what was taken given back.

use payment_api::{IntentId, Payment, PaymentOutcome};
use uuid::Uuid;

use super::life::News;
use super::service::{IntentError, IntentWithAttempts, Intents};
use super::{Amounts, Intent, IntentStatus, store};
use crate::attempt::AttemptStatus;
use crate::movement::service::{MovementError, Wish};
use crate::movement::{MovementKind, MovementStatus};

/// The reason of what is moved here.
const REASON: &str = "the payment was ended";
/// How often a refund that the provider refuses is tried. After that staff see it and decide.
const REFUNDS: usize = 3;

impl Intents {
    /// Ends a payment that is no longer wanted: gives up what is promised and, if so wanted, gives back what was taken.
    /// Repeated, it goes on where it was. While something is on its way whose outcome is not known, that part waits.
    pub(crate) async fn end(&self, key: Uuid, refund: bool) -> Result<Payment, IntentError> {
        let found = self.settled(self.find_by_key(key).await?).await?;
        if found.payment().outcome == PaymentOutcome::Unknown {
            return Ok(found.payment());
        }
        let intent = found.intent;
        if MovementKind::Void.left(&intent.amounts) > 0 {
            self.give(&intent, MovementKind::Void).await?;
        }
        let intent = self.reread(intent.id).await?;
        if refund && intent.amounts.refundable() > 0 && self.may_refund(&intent).await? {
            self.give(&intent, MovementKind::Refund).await?;
        }
        Ok(self.find(intent.id).await?.payment())
    }

    /// Whether nothing is left to be done of that.
    pub(crate) async fn is_ended(&self, key: Uuid, refund: bool) -> Result<bool, IntentError> {
        let IntentWithAttempts { intent, attempts } = self.find_by_key(key).await?;
        let open = attempts.last().is_some_and(|attempt| attempt.status.is_open());
        let amounts = intent.amounts;
        let kept = refund && amounts.refundable() > 0 && self.may_refund(&intent).await?;
        Ok(!open && !amounts.is_moving() && amounts.authorized == 0 && !kept)
    }

    /// Gives up what is promised, for staff. What was taken is refunded on purpose or not at all. Of a payment that is
    /// canceled it says so again.
    pub(crate) async fn cancel(&self, void: Uuid, id: IntentId) -> Result<Intent, IntentError> {
        let intent = self.settled(self.find(id).await?).await?.intent;
        match intent.status {
            IntentStatus::Canceled => Ok(intent),
            _ if intent.amounts.pending_void > 0 => Ok(intent),
            IntentStatus::Processing | IntentStatus::RequiresAction | IntentStatus::RequiresPaymentMethod => {
                Err(IntentError::OutcomeUnknown(intent.status))
            }
            IntentStatus::RequiresCapture | IntentStatus::PartiallyCaptured | IntentStatus::Succeeded => {
                let (kind, reason) = (MovementKind::Void, "canceled by staff".to_owned());
                self.move_now(Wish { id: void, intent_id: id, kind, amount: None, reason }).await
            }
        }
    }

    /// Brings an end to what has not begun: an attempt nobody has an answer to is asked about, one that waits for the
    /// payer is given up, and one that was refused is the last.
    async fn settled(&self, found: IntentWithAttempts) -> Result<IntentWithAttempts, IntentError> {
        let id = found.intent.id;
        match found.attempts.last() {
            Some(attempt) if attempt.status == AttemptStatus::RequiresAction => {
                self.attempts.abandon(&found.intent, attempt.clone()).await?;
            }
            Some(attempt) if attempt.status.is_open() => {
                let asked = self.ask(found).await?;
                if asked.intent.status == IntentStatus::RequiresPaymentMethod {
                    self.close(id).await?;
                }
            }
            _ if found.intent.status == IntentStatus::RequiresPaymentMethod => self.close(id).await?,
            _ => return Ok(found),
        }
        self.find(id).await
    }

    /// An intent of which nothing is promised is over, unless money comes late at this very moment.
    async fn close(&self, id: IntentId) -> Result<(), IntentError> {
        let mut tx = self.db.begin().await?;
        match store::advance(&mut tx, id, Amounts::default(), &[News::Abandoned]).await? {
            Some(_) => tx.commit().await?,
            None => tx.rollback().await?,
        }
        Ok(())
    }

    /// Moves all there is, unless somebody else was faster and it is on its way already.
    async fn give(&self, intent: &Intent, kind: MovementKind) -> Result<(), IntentError> {
        let id = self.db.clock().uuid();
        let wish = Wish { id, intent_id: intent.id, kind, amount: None, reason: REASON.into() };
        match self.movements.carry_out(wish).await {
            Ok(_) | Err(MovementError::Exceeds { .. } | MovementError::InvalidTransition { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn may_refund(&self, intent: &Intent) -> Result<bool, IntentError> {
        let refunds = self.movements.list(intent.id, MovementKind::Refund).await?;
        let refused = refunds.iter().filter(|refund| refund.status == MovementStatus::Failed);
        let refused = refused.filter(|refund| refund.reason == REASON).count();
        if refused >= REFUNDS {
            tracing::error!(intent.id = %intent.id, "money that should go back is refused; somebody should look");
        }
        Ok(refused < REFUNDS)
    }
}
