//! A payment module that keeps everything in memory, to start another module with.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kernel::{Call, Clock};
use uuid::Uuid;

use crate::{
    CancelPayment, CaptureMethod, FindPayments, PayOrder, Payment, PaymentOutcome, PaymentSummaries,
    Payments, PaymentsError, ResolvePayment,
};

/// Takes money that does not exist. The token says what becomes of a payment: `approve`, `decline`, or `unknown`,
/// which is approved when it is asked about. It says no events, and has no summaries to show.
pub struct Till {
    clock: Clock,
    kept: Mutex<HashMap<Uuid, Kept>>,
}

struct Kept {
    order: PayOrder,
    payment: Payment,
}

impl Till {
    /// An empty one.
    pub fn new(clock: Clock) -> Self {
        Self { clock, kept: Mutex::default() }
    }

    /// How all payments stand, by their orders.
    pub fn payments(&self) -> Vec<(String, PaymentOutcome)> {
        let kept = self.kept();
        kept.values().map(|kept| (kept.order.order_id.clone(), kept.payment.outcome.clone())).collect()
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Uuid, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn approved(order: &PayOrder) -> PaymentOutcome {
    match order.capture {
        CaptureMethod::Automatic => PaymentOutcome::Captured,
        CaptureMethod::Manual => PaymentOutcome::Authorized,
    }
}

#[kernel::macros::async_trait]
impl Payments for Till {
    async fn pay(&self, _: &Call, order: PayOrder) -> Result<Payment, PaymentsError> {
        let mut kept = self.kept();
        if let Some(before) = kept.get(&order.key) {
            let is_same = before.order.order_id == order.order_id && before.order.amount == order.amount;
            return if is_same { Ok(before.payment.clone()) } else { Err(PaymentsError::KeyReused) };
        }
        if order.amount.amount <= 0 {
            return Err(PaymentsError::InvalidAmount);
        }
        let outcome = match order.token.as_str() {
            "approve" => approved(&order),
            "decline" => PaymentOutcome::Declined { decline_code: "card_declined".to_owned() },
            "unknown" => PaymentOutcome::Unknown,
            _ => return Err(PaymentsError::InvalidToken),
        };
        let payment = Payment { intent_id: self.clock.id(), outcome };
        kept.insert(order.key, Kept { order, payment: payment.clone() });
        Ok(payment)
    }

    async fn resolve(&self, _: &Call, asked: ResolvePayment) -> Result<Payment, PaymentsError> {
        let mut kept = self.kept();
        let found = kept.get_mut(&asked.key).ok_or(PaymentsError::NotFound)?;
        if found.payment.outcome == PaymentOutcome::Unknown {
            found.payment.outcome = approved(&found.order);
        }
        Ok(found.payment.clone())
    }

    async fn cancel(&self, _: &Call, asked: CancelPayment) -> Result<Payment, PaymentsError> {
        let mut kept = self.kept();
        let found = kept.get_mut(&asked.key).ok_or(PaymentsError::NotFound)?;
        if matches!(found.payment.outcome, PaymentOutcome::Authorized | PaymentOutcome::Captured) {
            found.payment.outcome = PaymentOutcome::Canceled;
        }
        Ok(found.payment.clone())
    }

    async fn payments(&self, _: &Call, _: FindPayments) -> Result<PaymentSummaries, PaymentsError> {
        Ok(PaymentSummaries { payments: Vec::new() })
    }
}
