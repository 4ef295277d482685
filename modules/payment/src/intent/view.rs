//! How an intent is shown.

use kernel::{Moment, Money};
use payment_api::{AttemptId, CaptureMethod, IntentId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Intent, IntentStatus};
use crate::attempt::{Attempt, AttemptStatus};

/// A payment intent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IntentView {
    /// Its id.
    pub(crate) id: IntentId,
    /// The order it pays for.
    pub(crate) order_id: String,
    /// How far it is.
    pub(crate) status: IntentStatus,
    /// What is due.
    pub(crate) amount: Money,
    /// Promised and neither captured nor given up.
    pub(crate) authorized: Money,
    /// Taken.
    pub(crate) captured: Money,
    /// Given back.
    pub(crate) refunded: Money,
    /// Of what was taken, what payers dispute.
    pub(crate) disputed: Money,
    /// Of what is promised, on its way to being taken.
    pub(crate) pending_capture: Money,
    /// Of what is promised, on its way to being given up.
    pub(crate) pending_void: Money,
    /// Of what was taken, on its way back.
    pub(crate) pending_refund: Money,
    /// When the money is taken.
    pub(crate) capture: CaptureMethod,
    /// Who is asked.
    pub(crate) provider: String,
    /// Since when.
    pub(crate) created_at: Moment,
    /// Changed last.
    pub(crate) updated_at: Moment,
    /// The sends to the provider, oldest first; only when one intent is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) attempts: Vec<AttemptView>,
}

/// One send to a provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttemptView {
    /// Its id, under which the provider knows it.
    pub(crate) id: AttemptId,
    /// How it went.
    pub(crate) status: AttemptStatus,
    /// Why it was declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decline_code: Option<String>,
    /// The provider's own name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
    /// When it was sent.
    pub(crate) created_at: Moment,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            id: attempt.id,
            status: attempt.status,
            decline_code: attempt.decline_code,
            reference: attempt.reference,
            created_at: attempt.created_at,
        }
    }
}

impl From<Intent> for IntentView {
    fn from(intent: Intent) -> Self {
        let money = |amount| Money::new(amount, intent.currency);
        Self {
            id: intent.id,
            status: intent.status,
            amount: money(intent.amount),
            authorized: money(intent.amounts.authorized),
            captured: money(intent.amounts.captured),
            refunded: money(intent.amounts.refunded),
            disputed: money(intent.amounts.disputed),
            pending_capture: money(intent.amounts.pending_capture),
            pending_void: money(intent.amounts.pending_void),
            pending_refund: money(intent.amounts.pending_refund),
            capture: intent.capture,
            provider: intent.provider,
            order_id: intent.order_id,
            created_at: intent.created_at,
            updated_at: intent.updated_at,
            attempts: Vec::new(),
        }
    }
}
