//! An attempt: one send to a provider, and what came of it.

pub(crate) mod service;
pub(crate) mod store;

use kernel::Moment;
use payment_api::{AttemptId, IntentId, PaymentOutcome};

use crate::intent::Intent;
use crate::provider::{Charge, Outcome};
use crate::status::status;

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

status! {
    /// How an attempt went.
    AttemptStatus {
        /// It is on its way, or we died before we heard the answer.
        Sent = "sent",
        /// No clear answer came.
        Unknown = "unknown",
        /// The payer has to do something.
        RequiresAction = "requiresAction",
        /// The money is promised.
        Authorized = "authorized",
        /// The money is taken.
        Captured = "captured",
        /// Refused.
        Declined = "declined",
        /// Given up before anything was promised.
        Voided = "voided",
    }
}

impl AttemptStatus {
    /// Whether the outcome is still to come.
    pub(crate) const fn is_open(self) -> bool {
        matches!(self, Self::Sent | Self::Unknown | Self::RequiresAction)
    }
}

impl Attempt {
    /// A new one, about to be sent.
    pub(crate) fn new(id: AttemptId, intent_id: IntentId, token: String, created_at: Moment) -> Self {
        Self {
            id,
            intent_id,
            token,
            status: AttemptStatus::Sent,
            reference: None,
            decline_code: None,
            action_url: None,
            asked: 0,
            created_at,
        }
    }

    /// The attempt after this was heard of it.
    pub(crate) fn after(&self, heard: &Outcome) -> Self {
        let after = Self { decline_code: None, action_url: None, asked: self.asked + 1, ..self.clone() };
        match heard {
            Outcome::Authorized(reference) => {
                Self { status: AttemptStatus::Authorized, reference: Some(reference.clone()), ..after }
            }
            Outcome::Captured(reference) => {
                Self { status: AttemptStatus::Captured, reference: Some(reference.clone()), ..after }
            }
            Outcome::Declined(code) => {
                Self { status: AttemptStatus::Declined, decline_code: Some((*code).to_owned()), ..after }
            }
            Outcome::RequiresAction(url) => {
                Self { status: AttemptStatus::RequiresAction, action_url: Some(url.clone()), ..after }
            }
            Outcome::Pending => Self { status: AttemptStatus::Unknown, ..after },
        }
    }

    /// How the payment stands that this is the latest attempt of.
    pub(crate) fn outcome(&self) -> PaymentOutcome {
        match (self.status, &self.action_url) {
            (AttemptStatus::RequiresAction, Some(url)) => PaymentOutcome::RequiresAction { url: url.clone() },
            (AttemptStatus::Sent | AttemptStatus::Unknown | AttemptStatus::RequiresAction, _) => {
                PaymentOutcome::Unknown
            }
            (AttemptStatus::Authorized, _) => PaymentOutcome::Authorized,
            (AttemptStatus::Captured, _) => PaymentOutcome::Captured,
            (AttemptStatus::Declined, _) => PaymentOutcome::Declined {
                decline_code: self.decline_code.clone().unwrap_or_else(|| "processing_error".into()),
            },
            (AttemptStatus::Voided, _) => PaymentOutcome::Canceled,
        }
    }

    /// What the provider is asked for.
    pub(crate) fn charge(&self, intent: &Intent) -> Charge {
        Charge {
            key: self.id.uuid(),
            amount: intent.money(intent.amount),
            capture: intent.capture,
            token: self.token.clone(),
            sent_at: self.created_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_survive_their_text() {
        for status in AttemptStatus::ALL {
            assert_eq!(AttemptStatus::try_from(status.as_str().to_owned()), Ok(*status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
