//! The module's contract: what the checkout asks of it.

use kernel::{Call, CallFailure};
use payment_api::{CancelPayment, PayOrder, Payment, Payments, PaymentsError, ResolvePayment};

use crate::Module;
use crate::attempt::service::AttemptError;
use crate::intent::service::IntentError;

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
            other => {
                tracing::error!(error = %other, "a payment could not be looked after");
                CallFailure::internal().into()
            }
        }
    }
}
