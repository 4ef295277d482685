//! Who moves the money: a provider, asked by keys that it recognises when they are repeated.

pub(crate) mod http;
pub(crate) mod providers;
pub(crate) mod test;
pub(crate) mod webhook;

use kernel::{Moment, Money};
use payment_api::CaptureMethod;
use uuid::Uuid;

use crate::movement::MovementKind;

pub(crate) use providers::{Patient, Provider, Providers};

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

/// What is to be done with the money of a charge.
#[derive(Debug, Clone)]
pub(crate) struct Instruction {
    /// Its identity: the movement's id.
    pub(crate) key: Uuid,
    /// What is to be done.
    pub(crate) kind: MovementKind,
    /// The charge.
    pub(crate) charge: Charge,
    /// How much of it.
    pub(crate) amount: Money,
}

/// How a charge went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The money is promised. With the provider's own name for the charge.
    Authorized(String),
    /// The money is taken. With the provider's own name for the charge.
    Captured(String),
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
