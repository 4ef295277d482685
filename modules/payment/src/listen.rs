//! What the payment module hears: that orders were canceled. Money goes back by jobs, since that needs the provider.

use kernel::event::EventData as _;
use kernel::{Event, Money};
use order_api::{OrderCanceled, OrderItemsCanceled};
use platform::Tx;
use platform::events::{Hears, Listener, ListenerError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What this module hears.
pub(crate) const HEARS: Hears = Hears {
    name: "payment.cancellations",
    source: "order",
    types: &[OrderCanceled::TYPE, OrderItemsCanceled::TYPE],
};

/// The job that ends a payment.
pub(crate) const END: &str = "payment.end";
/// The job that gives a part of it back.
pub(crate) const GIVE_BACK: &str = "payment.give-back";

/// Turns cancellations into jobs.
pub(crate) struct Cancellations;

/// A payment that is to be ended.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) key: Uuid,
    pub(crate) refund: bool,
}

/// A part of a payment that is to go back.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct GiveBack {
    pub(crate) key: Uuid,
    pub(crate) refund_id: Uuid,
    pub(crate) amount: Money,
}

#[kernel::macros::async_trait]
impl Listener for Cancellations {
    fn hears(&self) -> Hears {
        HEARS
    }

    async fn apply(&self, tx: &mut Tx, event: &Event) -> Result<(), ListenerError> {
        let now = tx.db().clock().now();
        if let Some(canceled) = event.read::<OrderCanceled>()?
            && let Some(key) = canceled.payment_key
        {
            tx.enqueue(END, &End { key, refund: canceled.refund }, now).await?;
        }
        if let Some(canceled) = event.read::<OrderItemsCanceled>()?
            && let Some(amount) = canceled.refund
        {
            let back = GiveBack { key: canceled.payment_key, refund_id: canceled.cancellation_id, amount };
            tx.enqueue(GIVE_BACK, &back, now).await?;
        }
        Ok(())
    }
}
