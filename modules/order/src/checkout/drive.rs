//! Drives a checkout: carries out what its state asks for, decides, and stores the decision with what follows from it.

use kernel::Call;
use order_api::{OrderCanceled, OrderPlaced};
use payment_api::{
    CancelPayment, CaptureMethod, PayOrder, Payment, PaymentOutcome, PaymentsError, ResolvePayment,
};
use platform::http::Answer;
use platform::{DbError, Tx, fault, idempotency};
use product_api::{ProductsError, ReleaseStock, ReserveStock, ReservedItem, VariantId};

use super::begin::LEASE;
use super::service::Checkouts;
use super::store::{self, Checkout, LogEntry};
use super::{Act, Effect, Input, Reason, State, Step, Wake, answer, step};
use crate::cart;
use crate::order::{self, Order, OrderStatus, Paid, payment_status};

/// How often an order's number is drawn again when it is taken.
const NUMBERS: u32 = 5;

/// A checkout and its order, held by whoever drives them.
#[derive(Debug, Clone)]
pub(super) struct Driven {
    pub(super) checkout: Checkout,
    pub(super) order: Order,
}

impl Checkouts {
    /// Drives a checkout until it comes to an end or has to wait, or until somebody else drives it.
    pub(super) async fn drive(&self, call: &Call, mut driven: Driven) -> Result<Driven, DbError> {
        loop {
            let now = self.db.clock().now();
            let Some(effect) = driven.checkout.state.effect(now) else { return Ok(driven) };
            fault!("saga.step.before_effect");
            let input = self.carry_out(call, effect, &mut driven).await;
            fault!("saga.step.after_effect_before_commit", DbError::Busy);
            let go_on = self.decide(&mut driven, input).await?;
            if !go_on {
                return Ok(driven);
            }
        }
    }

    /// Decides on an input and stores the step. Returns whether the next effect is due at once.
    pub(super) async fn decide(&self, driven: &mut Driven, input: Input) -> Result<bool, DbError> {
        let now = self.db.clock().now();
        let taken = step(driven.checkout.state.clone(), input.clone(), now, driven.checkout.lease_ends);
        for attempt in 0..NUMBERS {
            match self.store(driven, &taken, &input, attempt).await {
                // Another order has this number; the whole transaction is undone and done again with the next.
                Err(DbError::Unique(_)) if taken.act == Act::Place => {}
                Err(error) => return Err(error),
                Ok(stored) => return Ok(stored && taken.wake == Wake::Now),
            }
        }
        Err(DbError::Aborted)
    }

    /// Stores a step with everything that follows from it, in one transaction. Returns whether it was ours to store.
    async fn store(
        &self,
        driven: &mut Driven,
        taken: &Step,
        input: &Input,
        attempt: u32,
    ) -> Result<bool, DbError> {
        let now = self.db.clock().now();
        let (mut checkout, mut order) = (driven.checkout.clone(), driven.order.clone());
        checkout.state = taken.state.clone();
        checkout.updated_at = now;
        checkout.log.push(LogEntry { at: now, input: describe(input), state: taken.state.name().to_owned() });
        (checkout.wake_at, checkout.leased_until) = match taken.wake {
            Wake::Now => (Some(now), Some(now.plus(LEASE))),
            Wake::At(moment) => (Some(moment), None),
            Wake::Never => (None, None),
        };

        let mut tx = self.db.begin().await?;
        let told = match &taken.act {
            Act::Place => Some(self.place(&mut tx, &mut order, &checkout, attempt).await?),
            Act::Cancel(reason) => Some(self.cancel(&mut tx, &mut order, &checkout, reason).await?),
            Act::Note => match &taken.state {
                State::AwaitingAction { url, .. } => {
                    Some(answer::requires_action(checkout.id, checkout.order_id, url.clone()))
                }
                _ => None,
            },
        };
        if let Some(told) = told {
            let told = told.to_parts();
            if let Some((key, fence)) = &checkout.request {
                idempotency::answer(&mut tx, key, *fence, told.clone()).later();
            }
            checkout.answer = Some(told);
        }
        store::advance(&mut tx, &checkout).later_changing_one();
        before_commit(&taken.act).await?;
        match tx.commit().await {
            Ok(()) => after_commit(&taken.act).await,
            Err(DbError::Missing) => {
                let newer = store::find(&self.db, checkout.id).await?;
                driven.checkout =
                    newer.filter(|newer| newer.version > checkout.version).ok_or(DbError::Missing)?;
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        checkout.version += 1;
        *driven = Driven { checkout, order };
        Ok(true)
    }

    /// The pivot: from here on everything goes forwards.
    async fn place(
        &self,
        tx: &mut Tx,
        order: &mut Order,
        checkout: &Checkout,
        attempt: u32,
    ) -> Result<Answer, DbError> {
        let now = checkout.updated_at;
        let total = order.totals.total;
        order.paid = match checkout.payment.capture {
            CaptureMethod::Automatic => Paid { captured: total.amount, ..Paid::default() },
            CaptureMethod::Manual => Paid { authorized: total.amount, ..Paid::default() },
        };
        order.payment_status = payment_status(total, order.paid, false);
        let number = self.settings.numbers.number(order.id.uuid(), attempt);
        order.number = Some(number.clone());
        order.status = OrderStatus::Placed;
        order.placed_at = Some(now);
        order.updated_at = now;
        order.version += 1;
        order::store::place(tx, order);
        cart::store::complete(tx, order.cart_id, order.id, now);
        tx.publish(&OrderPlaced { order_id: order.id, number, reservation_key: order.reservation_key })
            .await?;
        Ok(answer::placed(order.clone(), checkout.payment.guest_salt.as_deref()))
    }

    /// Backwards: the order is not to be, and the cart can be changed again.
    async fn cancel(
        &self,
        tx: &mut Tx,
        order: &mut Order,
        checkout: &Checkout,
        reason: &Reason,
    ) -> Result<Answer, DbError> {
        let now = checkout.updated_at;
        let problem = answer::failed(reason);
        order.payment_status = payment_status(order.totals.total, order.paid, true);
        order.status = OrderStatus::Canceled;
        let from = OrderStatus::PendingPayment;
        if !order::store::cancel(tx, order.id, from, order.payment_status, problem.code(), now).await? {
            return Err(DbError::Missing);
        }
        cart::store::reopen(tx, order.cart_id, order.id, now);
        // The checkout itself ends the payment and releases the stock; nobody else has anything to do.
        tx.publish(&OrderCanceled {
            order_id: order.id,
            payment_key: None,
            refund: false,
            restock: Vec::new(),
            reason: problem.code().to_owned(),
        })
        .await?;
        Ok(Answer::from(problem))
    }

    /// Asks whoever has to be asked, with no transaction open.
    async fn carry_out(&self, call: &Call, effect: Effect, driven: &mut Driven) -> Input {
        let (order, payment) = (&driven.order, &driven.checkout.payment);
        let key = order.payment_key;
        match effect {
            Effect::Pay if order.totals.total.amount == 0 => Input::Payment(PaymentOutcome::Captured),
            Effect::Pay => {
                let request = PayOrder {
                    key,
                    order_id: order.id.to_string(),
                    customer_id: order.customer_id,
                    amount: order.totals.total,
                    capture: payment.capture,
                    provider: payment.provider.clone(),
                    token: payment.token.clone(),
                };
                paid(self.payments.pay(call, request).await)
            }
            Effect::Resolve => paid(self.payments.resolve(call, ResolvePayment { key }).await),
            Effect::EndPayment => paid(self.payments.cancel(call, CancelPayment { key }).await),
            Effect::Release => {
                fault!("compensate.release.before");
                let released = self.products.release(call, ReleaseStock { key: order.reservation_key }).await;
                fault!("compensate.release.after");
                match released {
                    Err(ProductsError::Failed(failure)) => {
                        Input::NoAnswer { maybe_executed: failure.maybe_executed }
                    }
                    Ok(_) | Err(_) => Input::Released,
                }
            }
            Effect::Secure => {
                let items = order.items.iter().map(|item| ReservedItem {
                    variant_id: VariantId::from_uuid(item.variant_id),
                    quantity: item.quantity,
                });
                let request = ReserveStock {
                    key: order.reservation_key,
                    items: items.collect(),
                    lease_seconds: self.settings.lease.as_secs() as u32,
                };
                match self.products.reserve(call, request).await {
                    Ok(reservation) => {
                        driven.checkout.lease_ends = reservation.expires_at;
                        Input::Secured
                    }
                    Err(ProductsError::Failed(failure)) => {
                        Input::NoAnswer { maybe_executed: failure.maybe_executed }
                    }
                    Err(_) => Input::StockGone,
                }
            }
            Effect::GiveUp => Input::End,
        }
    }
}

/// The fault points of the pivot and of the way back, each of which is its own.
async fn before_commit(act: &Act) -> Result<(), DbError> {
    match act {
        Act::Place => fault!("confirm.before_commit", DbError::Busy),
        Act::Cancel(_) => fault!("compensate.cancel.before_commit", DbError::Busy),
        Act::Note => fault!("saga.step.before_commit", DbError::Busy),
    }
    Ok(())
}

async fn after_commit(act: &Act) {
    match act {
        Act::Place => fault!("confirm.after_commit"),
        Act::Cancel(_) => fault!("compensate.cancel.after_commit"),
        Act::Note => fault!("saga.step.after_commit"),
    }
}

fn paid(answer: Result<Payment, PaymentsError>) -> Input {
    match answer {
        Ok(payment) => Input::Payment(payment.outcome),
        Err(PaymentsError::Failed(failure)) => Input::NoAnswer { maybe_executed: failure.maybe_executed },
        Err(PaymentsError::NotFound) => Input::NoSuchPayment,
        Err(refusal) => Input::Refused(code(&refusal)),
    }
}

/// The refusal's stable code, as its contract writes it.
fn code(refusal: &PaymentsError) -> String {
    let written = serde_json::to_value(refusal).unwrap_or_default();
    written.get("code").and_then(serde_json::Value::as_str).unwrap_or("payment_refused").to_owned()
}

/// An input in the log: its name, without what a provider or a payer said.
fn describe(input: &Input) -> String {
    let name = match input {
        Input::Payment(PaymentOutcome::Authorized) => "payment authorized",
        Input::Payment(PaymentOutcome::Captured) => "payment captured",
        Input::Payment(PaymentOutcome::RequiresAction { .. }) => "payment requires action",
        Input::Payment(PaymentOutcome::Declined { decline_code }) => {
            return format!("payment declined: {decline_code}");
        }
        Input::Payment(PaymentOutcome::Unknown) => "payment unknown",
        Input::Payment(PaymentOutcome::Canceled) => "payment canceled",
        Input::Refused(error) => return format!("payment refused: {error}"),
        Input::NoSuchPayment => "no such payment",
        Input::NoAnswer { maybe_executed: true } => "no answer, perhaps done",
        Input::NoAnswer { maybe_executed: false } => "no answer, not done",
        Input::Secured => "stock secured",
        Input::StockGone => "stock gone",
        Input::Released => "stock released",
        Input::End => "ended",
    };
    name.to_owned()
}
