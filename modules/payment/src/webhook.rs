//! What providers tell us: kept before they are thanked, applied afterwards, in whatever order it came.

pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;

use kernel::{Moment, Money};
use payment_api::AttemptId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

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

/// How far a webhook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum WebhookStatus {
    /// Kept, to be applied.
    Received,
    /// Applied.
    Applied,
    /// It makes no sense here; somebody should look.
    Parked,
}

impl WebhookStatus {
    /// As it is stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Applied => "applied",
            Self::Parked => "parked",
        }
    }
}

impl TryFrom<String> for WebhookStatus {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known =
            [Self::Received, Self::Applied, Self::Parked].into_iter().find(|status| status.as_str() == text);
        known.ok_or_else(|| format!("`{text}` is no status of a webhook"))
    }
}

/// What the test provider says in a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct News {
    /// What happened to the charge.
    #[serde(rename = "type")]
    pub(crate) kind: NewsKind,
    /// The charge.
    pub(crate) charge: AttemptId,
    /// How much it was about.
    pub(crate) amount: Money,
}

/// What happened to a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum NewsKind {
    /// It was made.
    #[serde(rename = "charge.succeeded")]
    Succeeded,
    /// It was refused.
    #[serde(rename = "charge.declined")]
    Declined,
}
