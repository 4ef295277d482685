//! What the order module hears: how the money of its orders stands.

use kernel::Event;
use kernel::event::EventData as _;
use order_api::OrderId;
use payment_api::{
    DisputeWon, PaymentAuthorized, PaymentCaptured, PaymentOutcome, PaymentVoided, RefundSucceeded,
};
use platform::Tx;
use platform::events::{Hears, Listener, ListenerError};
use serde::Deserialize;
use uuid::Uuid;

use crate::checkout::{self, Input, State, Wake, step};
use crate::order::{OrderStatus, Paid, payment_status, store};

/// What this module hears.
pub(crate) const HEARS: Hears = Hears {
    name: "order.payment-news",
    source: "payment",
    types: &[
        PaymentAuthorized::TYPE,
        PaymentCaptured::TYPE,
        PaymentVoided::TYPE,
        RefundSucceeded::TYPE,
        DisputeWon::TYPE,
    ],
};

/// Keeps the amounts of orders in step with their payments, and wakes checkouts that wait for news.
pub(crate) struct PaymentNews;

/// What all events about a payment have in common.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct News {
    key: Uuid,
    authorized: i64,
    captured: i64,
    refunded: i64,
}

#[kernel::macros::async_trait]
impl Listener for PaymentNews {
    fn hears(&self) -> Hears {
        HEARS
    }

    async fn apply(&self, tx: &mut Tx, event: &Event) -> Result<(), ListenerError> {
        let news = News::deserialize(&event.data)?;
        let Some(standing) = store::standing(tx, news.key).await? else { return Ok(()) };
        let paid = Paid { authorized: news.authorized, captured: news.captured, refunded: news.refunded };
        if paid != standing.paid {
            let canceled = standing.status == OrderStatus::Canceled;
            let status = payment_status(standing.total, paid, canceled);
            let now = tx.db().clock().now();
            store::update_paid(tx, standing.id, paid, status, now).await?;
        }
        let moved =
            [PaymentAuthorized::TYPE, PaymentCaptured::TYPE, DisputeWon::TYPE].contains(&&*event.kind);
        if moved && matches!(standing.status, OrderStatus::PendingPayment | OrderStatus::Canceled) {
            wake(tx, standing.id).await?;
        }
        Ok(())
    }
}

/// Lets the order's checkout know that money moved. One that is over has to give it back.
async fn wake(tx: &mut Tx, order: OrderId) -> Result<(), ListenerError> {
    let Some(mut checkout) = checkout::store::find_by_order(tx, order).await? else { return Ok(()) };
    let now = tx.db().clock().now();
    match &checkout.state {
        State::Unknown { .. } | State::AwaitingAction { .. } => {
            checkout::store::wake(tx, checkout.id, now).await?;
        }
        State::Failed { .. } => {
            let input = Input::Payment(PaymentOutcome::Captured);
            let next = step(checkout.state.clone(), input, now, checkout.lease_ends);
            checkout.state = next.state;
            checkout.wake_at = (next.wake == Wake::Now).then_some(now);
            checkout.updated_at = now;
            checkout::store::advance(tx, &checkout).later();
        }
        _ => {}
    }
    Ok(())
}
