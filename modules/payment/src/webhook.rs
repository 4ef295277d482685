//! What providers tell us: kept before they are thanked, applied afterwards, in whatever order it came.

pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;

use kernel::{Moment, Money};
use payment_api::AttemptId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::status::status;

/// A webhook that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebhookEvent {
    /// Our id for it.
    pub(crate) id: Uuid,
    /// Who sent it.
    pub(crate) provider: String,
    /// The sender's id for it.
    pub(crate) event_id: String,
    /// What was sent, byte for byte.
    pub(crate) body: Vec<u8>,
    /// How far it is.
    pub(crate) status: WebhookStatus,
    /// Why it was set aside.
    pub(crate) last_error: Option<String>,
    /// When it came.
    pub(crate) received_at: Moment,
}

status! {
    /// How far a webhook is.
    WebhookStatus {
        /// Kept, to be applied.
        Received = "received",
        /// Applied.
        Applied = "applied",
        /// It makes no sense here; somebody should look.
        Parked = "parked",
    }
}

/// What a provider says in a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Report {
    /// What happened to the charge.
    #[serde(rename = "type")]
    pub(crate) kind: ReportKind,
    /// The charge.
    pub(crate) charge: AttemptId,
    /// The provider's own name for it.
    pub(crate) reference: String,
    /// How much it was about.
    pub(crate) amount: Money,
}

/// What happened to a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ReportKind {
    /// It was made.
    #[serde(rename = "charge.succeeded")]
    Succeeded,
    /// It was refused.
    #[serde(rename = "charge.declined")]
    Declined,
    /// The payer disputes it, or a part of it.
    #[serde(rename = "dispute.opened")]
    DisputeOpened,
    /// That was decided for the shop.
    #[serde(rename = "dispute.won")]
    DisputeWon,
}
