//! A provider to try things with. What happens to a charge follows from its token alone, so it can be asked about
//! after a crash and gives the same answer again.

use std::time::Duration;

use kernel::Clock;
use payment_api::CaptureMethod;
use uuid::Uuid;

use super::{Charge, Instruction, Outcome, Provider, ProviderError};
use crate::movement::MovementKind;

/// The magic tokens, and what each does.
pub(crate) const TOKENS: [(&str, &str); 14] = [
    ("approve", "charged"),
    ("decline", "declined: card_declined"),
    ("decline_insufficient_funds", "declined: insufficient_funds"),
    ("decline_expired_card", "declined: expired_card"),
    ("decline_lost_card", "declined: lost_card"),
    ("decline_do_not_honor", "declined: do_not_honor"),
    (
        "requires_action",
        "the payer has to confirm at a page; post {\"outcome\":\"approve\"} or \"refuse\" there",
    ),
    ("timeout_but_charged", "the call times out, and the charge was made"),
    ("timeout_not_charged", "the call times out, and no charge was made"),
    ("late_webhook", "the outcome comes by webhook, a second later"),
    ("duplicate_webhook", "charged, and the same webhook comes twice"),
    ("dispute", "charged, and a second later the payer disputes it at the bank"),
    ("refund_fails", "charged, and refunds are refused"),
    ("refund_times_out", "charged, and the first call of each refund times out though the money went back"),
];

/// How long a call takes that times out.
const TIMEOUT: Duration = Duration::from_millis(200);
/// After this time a charge whose webhook was lost is known by asking.
const LATE: Duration = Duration::from_secs(10);

/// The test provider.
pub(crate) struct TestProvider {
    clock: Clock,
}

impl TestProvider {
    pub(crate) const NAME: &str = "test";

    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock }
    }

    /// Its own name for a charge.
    pub(crate) fn reference(charge: Uuid) -> String {
        format!("test_{}", charge.simple())
    }

    /// What became of a charge, as the provider knows it.
    fn fate(&self, charge: &Charge) -> Option<Outcome> {
        let taken = match charge.capture {
            CaptureMethod::Automatic => Outcome::Captured(Self::reference(charge.key)),
            CaptureMethod::Manual => Outcome::Authorized(Self::reference(charge.key)),
        };
        Some(match charge.token.as_str() {
            "decline" => Outcome::Declined("card_declined"),
            "decline_insufficient_funds" => Outcome::Declined("insufficient_funds"),
            "decline_expired_card" => Outcome::Declined("expired_card"),
            "decline_lost_card" => Outcome::Declined("lost_card"),
            "decline_do_not_honor" => Outcome::Declined("do_not_honor"),
            "requires_action" => Outcome::RequiresAction(format!("/v1/webhooks/test/actions/{}", charge.key)),
            "timeout_not_charged" => return None,
            "late_webhook" if self.clock.now().since(charge.sent_at) < LATE => Outcome::Pending,
            _ => taken,
        })
    }
}

#[kernel::macros::async_trait]
impl Provider for TestProvider {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn knows(&self, token: &str) -> bool {
        TOKENS.iter().any(|(known, _)| *known == token)
    }

    async fn authorize(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        if charge.token.starts_with("timeout_") {
            tokio::time::sleep(TIMEOUT).await;
            return Err(ProviderError::Unknown);
        }
        self.fate(charge).ok_or(ProviderError::Unknown)
    }

    async fn query(&self, charge: &Charge) -> Result<Option<Outcome>, ProviderError> {
        Ok(self.fate(charge))
    }

    async fn carry_out(&self, instruction: &Instruction) -> Result<(), ProviderError> {
        let charge = &instruction.charge;
        tracing::debug!(movement.id = %instruction.key, "the test provider is asked to move money");
        match (instruction.kind, charge.token.as_str()) {
            _ if instruction.amount.amount > charge.amount.amount => Err(ProviderError::Refused),
            (MovementKind::Refund, "refund_fails") => Err(ProviderError::Refused),
            // Told apart by time, so that asking again under the same key brings the answer.
            (MovementKind::Refund, "refund_times_out") if self.clock.now().since(charge.sent_at) < LATE => {
                Err(ProviderError::Unknown)
            }
            _ => Ok(()),
        }
    }
}
