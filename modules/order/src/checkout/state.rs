//! Where a checkout can be, and what has to be done there.

use kernel::Moment;
use serde::{Deserialize, Serialize};

use super::Effect;

/// Where a checkout is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum State {
    /// The payment is asked for.
    Paying {
        /// How often nobody answered.
        tries: u32,
    },
    /// It was asked for and no clear answer came. It is asked about, never asked for again.
    Unknown {
        /// How often it was asked about.
        tries: u32,
    },
    /// The payer has to do something first.
    AwaitingAction {
        /// Where the payer goes on.
        url: String,
        /// When we stop waiting.
        until: Moment,
    },
    /// Paid, and the lease on the stock is nearly over: it is prolonged before the order is placed.
    Securing,
    /// It is not to be: what was done is undone.
    Ending {
        /// Why.
        reason: Reason,
        /// Whether the payment still has to be ended. After that the stock is released.
        payment: bool,
        /// How often nobody answered.
        tries: u32,
    },
    /// The order is placed.
    Placed,
    /// Nothing is taken and nothing is held.
    Failed {
        /// Why.
        reason: Reason,
    },
}

/// Why a checkout came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(crate) enum Reason {
    /// The provider or the bank refused.
    PaymentDeclined {
        /// The unified code.
        decline_code: String,
    },
    /// The payment could not even be asked for.
    PaymentRefused {
        /// The payment module's code.
        error: String,
    },
    /// The stock was gone when the money came.
    OutOfStock,
    /// The payer did not come back in time.
    PaymentAbandoned,
    /// The payment was canceled elsewhere.
    PaymentCanceled,
    /// An operator ended it.
    EndedByOperator,
}

impl State {
    /// Every name there is.
    pub(crate) const NAMES: [&str; 7] =
        ["paying", "unknown", "awaitingAction", "securing", "ending", "placed", "failed"];

    /// Whether nothing more can happen by itself.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Placed | Self::Failed { .. })
    }

    /// What has to be done outside to leave this state.
    pub(crate) fn effect(&self, now: Moment) -> Option<Effect> {
        match self {
            Self::Paying { .. } => Some(Effect::Pay),
            Self::AwaitingAction { until, .. } if now >= *until => Some(Effect::GiveUp),
            Self::Unknown { .. } | Self::AwaitingAction { .. } => Some(Effect::Resolve),
            Self::Securing => Some(Effect::Secure),
            Self::Ending { payment: true, .. } => Some(Effect::EndPayment),
            Self::Ending { payment: false, .. } => Some(Effect::Release),
            Self::Placed | Self::Failed { .. } => None,
        }
    }

    /// Its name, as it is stored in a column of its own and shown.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Paying { .. } => "paying",
            Self::Unknown { .. } => "unknown",
            Self::AwaitingAction { .. } => "awaitingAction",
            Self::Securing => "securing",
            Self::Ending { .. } => "ending",
            Self::Placed => "placed",
            Self::Failed { .. } => "failed",
        }
    }
}
