//! What is told about an intent.

use kernel::Money;
use kernel::event::EventData;
use payment_api::{
    DisputeOpened, DisputeWon, IntentId, PaymentAuthorized, PaymentCaptured, PaymentDeclined, PaymentUnknown,
    PaymentVoided, RefundFailed, RefundSucceeded,
};
use uuid::Uuid;

use super::Intent;

impl Intent {
    /// An event about it, as it stands now that this much has moved.
    pub(crate) fn told<E: EventData + From<Told>>(&self, amount: i64) -> E {
        E::from(Told {
            intent_id: self.id,
            key: self.key,
            order_id: self.order_id.clone(),
            amount: self.money(amount),
            authorized: self.amounts.authorized,
            captured: self.amounts.captured,
            refunded: self.amounts.refunded,
        })
    }
}

/// What all events about an intent say.
pub(crate) struct Told {
    intent_id: IntentId,
    key: Uuid,
    order_id: String,
    amount: Money,
    authorized: i64,
    captured: i64,
    refunded: i64,
}

macro_rules! told {
    ($($Event:ty),+) => {
        $(impl From<Told> for $Event {
            fn from(told: Told) -> Self {
                Self {
                    intent_id: told.intent_id,
                    key: told.key,
                    order_id: told.order_id,
                    amount: told.amount,
                    authorized: told.authorized,
                    captured: told.captured,
                    refunded: told.refunded,
                }
            }
        })+
    };
}

told!(
    PaymentAuthorized,
    PaymentCaptured,
    PaymentDeclined,
    PaymentUnknown,
    PaymentVoided,
    RefundSucceeded,
    RefundFailed,
    DisputeOpened,
    DisputeWon
);
