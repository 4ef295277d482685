//! The module's contract: what the checkout and composed answers ask of it.

use kernel::{Call, CallFailure, FailureReason, Money};
use payment_api::{
    CancelPayment, FindPayments, PayOrder, Payment, PaymentSummaries, PaymentSummary, Payments,
    PaymentsError, ResolvePayment,
};

use crate::Module;
use crate::attempt::service::AttemptError;
use crate::intent::service::IntentError;
use crate::intent::{Intent, store};

/// Orders in one question at the most.
const BATCH: usize = 100;

#[kernel::macros::async_trait]
impl Payments for Module {
    async fn pay(&self, _: &Call, request: PayOrder) -> Result<Payment, PaymentsError> {
        Ok(self.intents.pay(request).await?)
    }

    async fn resolve(&self, _: &Call, request: ResolvePayment) -> Result<Payment, PaymentsError> {
        Ok(self.intents.resolve(request.key).await?)
    }

    async fn cancel(&self, _: &Call, request: CancelPayment) -> Result<Payment, PaymentsError> {
        Ok(self.intents.end(request.key, true).await?)
    }

    async fn payments(&self, _: &Call, request: FindPayments) -> Result<PaymentSummaries, PaymentsError> {
        if request.order_ids.len() > BATCH {
            // No error of its own: a new kind would not be understood by those who call the released contract.
            return Err(CallFailure::not_executed(FailureReason::Incompatible).into());
        }
        let intents = store::find_of_orders(&self.db, request.order_ids).await.map_err(|error| {
            tracing::error!(error = %error, "payments cannot be read");
            CallFailure::internal()
        })?;
        let summary = |intent: Intent| {
            let money = |amount| Money::new(amount, intent.currency);
            PaymentSummary {
                id: intent.id,
                status: intent.status.as_str().to_owned(),
                amount: money(intent.amount),
                authorized: money(intent.amounts.authorized),
                captured: money(intent.amounts.captured),
                refunded: money(intent.amounts.refunded),
                order_id: intent.order_id,
            }
        };
        Ok(PaymentSummaries { payments: intents.into_iter().map(summary).collect() })
    }
}

impl From<IntentError> for PaymentsError {
    fn from(error: IntentError) -> Self {
        match error {
            IntentError::Attempt(AttemptError::UnknownProvider(provider)) => {
                Self::UnknownProvider { provider }
            }
            IntentError::InvalidToken => Self::InvalidToken,
            IntentError::InvalidAmount => Self::InvalidAmount,
            IntentError::KeyReused => Self::KeyReused,
            IntentError::NotFound => Self::NotFound,
            IntentError::Db(error) | IntentError::Attempt(AttemptError::Db(error)) => {
                error.to_caller().into()
            }
            other => {
                tracing::error!(error = %other, "a payment could not be looked after");
                CallFailure::internal().into()
            }
        }
    }
}
