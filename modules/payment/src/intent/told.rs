//! What is told about an intent.

use kernel::Money;
use kernel::event::EventData;
use payment_api::{
    IntentId, PaymentAuthorized, PaymentCaptured, PaymentDeclined, PaymentUnknown, PaymentVoided,
    RefundFailed, RefundSucceeded,
};
use uuid::Uuid;

use super::Intent;
use super::store::Change;

/// An event about an intent whose amounts have just changed by this much.
pub(crate) fn told<E: EventData + From<Told>>(intent: &Intent, amount: i64, by: Change) -> E {
    E::from(Told {
        intent_id: intent.id,
        key: intent.key,
        order_id: intent.order_id.clone(),
        amount: intent.money(amount),
        authorized: intent.amounts.authorized + by.authorized,
        captured: intent.amounts.captured + by.captured,
        refunded: intent.amounts.refunded + by.refunded,
    })
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
    RefundFailed
);
