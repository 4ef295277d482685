//! A payment intent: what is to be paid for one order, and how far that is.

mod capture;
mod end;
pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;
pub(crate) mod told;

use kernel::{Currency, Moment, Money};
use payment_api::{AttemptId, CaptureId, CaptureMethod, IntentId, PaymentOutcome};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

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
    /// How far it is; follows from the amounts and the attempt.
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

/// How an intent's money stands, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Amounts {
    /// Promised and neither captured nor given up.
    pub(crate) authorized: i64,
    /// Taken.
    pub(crate) captured: i64,
    /// Given back.
    pub(crate) refunded: i64,
    /// Of what is promised, on its way to being taken.
    pub(crate) pending_capture: i64,
    /// Of what was taken, on its way back.
    pub(crate) pending_refund: i64,
}

/// How far an intent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum IntentStatus {
    /// Nothing is promised; another means of payment may be tried.
    RequiresPaymentMethod,
    /// The payer has to do something.
    RequiresAction,
    /// It was sent and no clear answer came yet.
    Processing,
    /// Promised, to be captured by staff.
    RequiresCapture,
    /// Some of it is captured and the rest still promised.
    PartiallyCaptured,
    /// The money was taken.
    Succeeded,
    /// It is over and nothing was taken, or all of it went back.
    Canceled,
}

impl IntentStatus {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::RequiresPaymentMethod,
        Self::RequiresAction,
        Self::Processing,
        Self::RequiresCapture,
        Self::PartiallyCaptured,
        Self::Succeeded,
        Self::Canceled,
    ];

    /// As it is stored and shown.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requiresPaymentMethod",
            Self::RequiresAction => "requiresAction",
            Self::Processing => "processing",
            Self::RequiresCapture => "requiresCapture",
            Self::PartiallyCaptured => "partiallyCaptured",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

impl TryFrom<String> for IntentStatus {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|status| status.as_str() == text);
        known.ok_or_else(|| format!("`{text}` is no status of an intent"))
    }
}

/// One send to a provider.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Attempt {
    /// Its id, under which the provider knows it.
    pub(crate) id: AttemptId,
    /// Its intent.
    pub(crate) intent_id: IntentId,
    /// The payer's means of payment, as the provider named it.
    pub(crate) token: String,
    /// How it went.
    pub(crate) status: AttemptStatus,
    /// The provider's own name for it.
    pub(crate) reference: Option<String>,
    /// Why it was declined.
    pub(crate) decline_code: Option<String>,
    /// Where the payer has to go.
    pub(crate) action_url: Option<String>,
    /// How often the provider was asked about it.
    pub(crate) asked: i64,
    /// When it was sent.
    pub(crate) created_at: Moment,
}

/// How an attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum AttemptStatus {
    /// It is on its way, or we died before we heard the answer.
    Sent,
    /// No clear answer came.
    Unknown,
    /// The payer has to do something.
    RequiresAction,
    /// The money is promised.
    Authorized,
    /// The money is taken.
    Captured,
    /// Refused.
    Declined,
    /// Given up before anything was taken.
    Voided,
}

impl AttemptStatus {
    const ALL: [Self; 7] = [
        Self::Sent,
        Self::Unknown,
        Self::RequiresAction,
        Self::Authorized,
        Self::Captured,
        Self::Declined,
        Self::Voided,
    ];

    /// As it is stored and shown.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::RequiresAction => "requiresAction",
            Self::Authorized => "authorized",
            Self::Captured => "captured",
            Self::Declined => "declined",
            Self::Voided => "voided",
        }
    }

    /// Whether the outcome is still to come.
    pub(crate) const fn is_open(self) -> bool {
        matches!(self, Self::Sent | Self::Unknown | Self::RequiresAction)
    }
}

impl TryFrom<String> for AttemptStatus {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|status| status.as_str() == text);
        known.ok_or_else(|| format!("`{text}` is no status of an attempt"))
    }
}

/// A capture of authorised money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Capture {
    /// Its id, under which the provider knows it.
    pub(crate) id: CaptureId,
    /// Its intent.
    pub(crate) intent_id: IntentId,
    /// How much.
    pub(crate) amount: i64,
    /// Whether it went through.
    pub(crate) status: TransferStatus,
}

/// How moving money at a provider went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum TransferStatus {
    /// Its amount is set aside and the provider is asked.
    Pending,
    /// The money moved.
    Succeeded,
    /// The provider refused; nothing moved.
    Failed,
}

impl TransferStatus {
    /// As it is stored and shown.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

impl TryFrom<String> for TransferStatus {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known =
            [Self::Pending, Self::Succeeded, Self::Failed].into_iter().find(|status| status.as_str() == text);
        known.ok_or_else(|| format!("`{text}` is no status of a transfer"))
    }
}

impl Intent {
    /// An amount in its currency.
    pub(crate) fn money(&self, amount: i64) -> Money {
        Money::new(amount, self.currency)
    }

    /// What may still be captured.
    pub(crate) fn capturable(&self) -> i64 {
        self.amounts.authorized - self.amounts.pending_capture
    }

    /// What may still be refunded.
    pub(crate) fn refundable(&self) -> i64 {
        self.amounts.captured - self.amounts.refunded - self.amounts.pending_refund
    }
}

/// How a payment stands, for the order, from the intent and its latest attempt.
pub(crate) fn outcome(intent: &Intent, attempt: Option<&Attempt>) -> PaymentOutcome {
    let declined = |code: Option<String>| PaymentOutcome::Declined {
        decline_code: code.unwrap_or_else(|| "processing_error".into()),
    };
    match intent.status {
        IntentStatus::Canceled => PaymentOutcome::Canceled,
        IntentStatus::Succeeded if intent.amounts.refunded == intent.amounts.captured => {
            PaymentOutcome::Canceled
        }
        IntentStatus::Succeeded => PaymentOutcome::Captured,
        IntentStatus::RequiresCapture | IntentStatus::PartiallyCaptured => PaymentOutcome::Authorized,
        IntentStatus::RequiresPaymentMethod => {
            declined(attempt.and_then(|attempt| attempt.decline_code.clone()))
        }
        IntentStatus::Processing => PaymentOutcome::Unknown,
        IntentStatus::RequiresAction => match attempt.and_then(|attempt| attempt.action_url.clone()) {
            Some(url) => PaymentOutcome::RequiresAction { url },
            None => PaymentOutcome::Unknown,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_survive_their_text() {
        for status in IntentStatus::ALL {
            assert_eq!(IntentStatus::try_from(status.as_str().to_owned()), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for status in AttemptStatus::ALL {
            assert_eq!(AttemptStatus::try_from(status.as_str().to_owned()), Ok(status));
        }
    }
}
