//! A payment intent: what is to be paid for one order, and how far that is.

mod end;
pub(crate) mod http;
pub(crate) mod life;
pub(crate) mod service;
pub(crate) mod store;
pub(crate) mod told;
mod view;

use kernel::{Currency, Moment, Money};
use payment_api::{CaptureMethod, IntentId, PayOrder, PaymentOutcome};
use uuid::Uuid;

use crate::attempt::Attempt;
use crate::status::status;

/// An intent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Intent {
    /// Its id.
    pub(crate) id: IntentId,
    /// The key the order's checkout chose.
    pub(crate) key: Uuid,
    /// The order.
    pub(crate) order_id: String,
    /// What it is paid in.
    pub(crate) currency: Currency,
    /// What is due.
    pub(crate) amount: i64,
    /// When the money is taken.
    pub(crate) capture: CaptureMethod,
    /// Whom we ask.
    pub(crate) provider: String,
    /// How far it is; `life.rs` says how it gets there.
    pub(crate) status: IntentStatus,
    /// How the money stands.
    pub(crate) amounts: Amounts,
    /// Rises with every change.
    pub(crate) version: i64,
    /// Since when.
    pub(crate) created_at: Moment,
    /// Changed last.
    pub(crate) updated_at: Moment,
}

/// How an intent's money stands, or by how much that changes, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Amounts {
    /// Promised and neither captured nor given up.
    pub(crate) authorized: i64,
    /// Taken.
    pub(crate) captured: i64,
    /// Given back.
    pub(crate) refunded: i64,
    /// Of what was taken, what payers dispute at their bank: the provider has it back.
    pub(crate) disputed: i64,
    /// Of what is promised, on its way to being taken.
    pub(crate) pending_capture: i64,
    /// Of what is promised, on its way to being given up.
    pub(crate) pending_void: i64,
    /// Of what was taken, on its way back.
    pub(crate) pending_refund: i64,
}

status! {
    /// How far an intent is.
    IntentStatus {
        /// Nothing is promised; another means of payment may be tried.
        RequiresPaymentMethod = "requiresPaymentMethod",
        /// The payer has to do something.
        RequiresAction = "requiresAction",
        /// It was sent and no clear answer came yet.
        Processing = "processing",
        /// Promised, to be captured by staff.
        RequiresCapture = "requiresCapture",
        /// Some of it is captured and the rest still promised.
        PartiallyCaptured = "partiallyCaptured",
        /// The money was taken.
        Succeeded = "succeeded",
        /// It is over and nothing was taken.
        Canceled = "canceled",
    }
}

impl Amounts {
    /// What may still be captured.
    pub(crate) fn capturable(&self) -> i64 {
        self.authorized - self.pending_capture - self.pending_void
    }

    /// What may still be refunded.
    pub(crate) fn refundable(&self) -> i64 {
        self.captured - self.refunded - self.disputed - self.pending_refund
    }

    /// Whether there is money on its way.
    pub(crate) fn is_moving(&self) -> bool {
        self.pending_capture + self.pending_void + self.pending_refund > 0
    }

    /// Whether all there was went back or is about to, be it that the payer fetched it at their bank.
    fn is_returned(&self) -> bool {
        self.authorized + self.captured > 0 && self.authorized == self.pending_void && self.refundable() == 0
    }
}

impl Intent {
    /// An amount in its currency.
    pub(crate) fn money(&self, amount: i64) -> Money {
        Money::new(amount, self.currency)
    }

    /// A new one, about to be paid.
    pub(crate) fn new(id: IntentId, order: PayOrder, now: Moment) -> Self {
        Self {
            id,
            key: order.key,
            order_id: order.order_id,
            currency: order.amount.currency,
            amount: order.amount.amount,
            capture: order.capture,
            provider: order.provider,
            status: IntentStatus::Processing,
            amounts: Amounts::default(),
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// How it stands for its order, with its latest attempt.
    pub(crate) fn outcome(&self, attempt: Option<&Attempt>) -> PaymentOutcome {
        match self.status {
            IntentStatus::Canceled => PaymentOutcome::Canceled,
            _ if self.amounts.is_returned() => PaymentOutcome::Canceled,
            IntentStatus::Succeeded => PaymentOutcome::Captured,
            IntentStatus::RequiresCapture | IntentStatus::PartiallyCaptured => PaymentOutcome::Authorized,
            IntentStatus::RequiresPaymentMethod | IntentStatus::RequiresAction | IntentStatus::Processing => {
                attempt.map_or(PaymentOutcome::Unknown, Attempt::outcome)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_survive_their_text() {
        for status in IntentStatus::ALL {
            assert_eq!(IntentStatus::try_from(status.as_str().to_owned()), Ok(*status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert!(IntentStatus::try_from("paid".to_owned()).is_err());
    }

    #[test]
    fn what_is_on_its_way_is_spoken_for() {
        let amounts = Amounts {
            authorized: 40,
            captured: 60,
            refunded: 5,
            disputed: 10,
            pending_capture: 15,
            pending_void: 20,
            pending_refund: 25,
        };
        assert_eq!((amounts.capturable(), amounts.refundable()), (5, 20));
    }

    #[test]
    fn all_there_was_is_returned_when_it_went_back_or_is_about_to() {
        let held = Amounts { authorized: 40, captured: 60, ..Amounts::default() };
        let half = Amounts { pending_void: 40, refunded: 20, ..held };
        assert!(!held.is_returned() && !half.is_returned() && !Amounts::default().is_returned());
        assert!(Amounts { pending_refund: 40, ..half }.is_returned());
        assert!(Amounts { disputed: 40, ..half }.is_returned());
    }
}
