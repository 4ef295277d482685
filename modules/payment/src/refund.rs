//! Money on its way back.

pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;

use kernel::{Moment, Money};
use payment_api::{IntentId, RefundId};

use crate::intent::TransferStatus;

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refund {
    /// Its id, under which the provider knows it.
    pub(crate) id: RefundId,
    /// Its intent.
    pub(crate) intent_id: IntentId,
    /// How much.
    pub(crate) amount: Money,
    /// Why.
    pub(crate) reason: String,
    /// Whether it went through.
    pub(crate) status: TransferStatus,
    /// Since when.
    pub(crate) created_at: Moment,
}

/// Why it cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RefundRefusal {
    /// Nothing, or less.
    #[error("an amount to refund is larger than zero")]
    InvalidAmount,
    /// The reason is missing or too long.
    #[error("a reason has 1 to 200 characters")]
    InvalidReason,
    /// The reason holds what looks like a card number.
    #[error("card numbers do not belong here")]
    CardData,
}

impl Refund {
    /// A refund that is to be made, if it can be one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn new(
        id: RefundId,
        intent_id: IntentId,
        amount: Money,
        reason: String,
        created_at: Moment,
    ) -> Result<Self, RefundRefusal> {
        if amount.amount <= 0 {
            return Err(RefundRefusal::InvalidAmount);
        }
        if reason.trim().is_empty() || reason.chars().count() > 200 {
            return Err(RefundRefusal::InvalidReason);
        }
        if kernel::card::looks_like_one(&reason) {
            return Err(RefundRefusal::CardData);
        }
        Ok(Self { id, intent_id, amount, reason, status: TransferStatus::Pending, created_at })
    }
}
