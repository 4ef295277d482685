//! Who moves the money: a provider, asked by keys that it recognises when they are repeated.

pub(crate) mod providers;
pub(crate) mod test;
pub(crate) mod webhook;

use kernel::{Moment, Money};
use payment_api::CaptureMethod;
use uuid::Uuid;

pub(crate) use providers::{Provider, Providers};

/// A charge, as it is asked for and asked about.
#[derive(Debug, Clone)]
pub(crate) struct Charge {
    /// Its identity: the attempt's id.
    pub(crate) key: Uuid,
    /// What is due.
    pub(crate) amount: Money,
    /// When it is taken.
    pub(crate) capture: CaptureMethod,
    /// The payer's means of payment.
    pub(crate) token: String,
    /// When it was first sent.
    pub(crate) sent_at: Moment,
}

/// How a charge went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The money is promised.
    Authorized,
    /// The money is taken.
    Captured,
    /// Refused, with a unified code.
    Declined(&'static str),
    /// The payer has to do something there first.
    RequiresAction(String),
    /// It will be told later.
    Pending,
}

/// Why a provider gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProviderError {
    /// No clear answer came; the work may have been done.
    #[error("the provider gave no clear answer")]
    Unknown,
    /// It answered that it will not.
    #[error("the provider refused")]
    Refused,
}
