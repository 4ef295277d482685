//! A bank of a simulation's own where a provider would be. Only with the feature `sim`; nothing else uses it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kernel::Money;
use payment_api::CaptureMethod;
use platform::{Db, Tasks};
use uuid::Uuid;

use crate::movement::MovementKind;
use crate::provider::test::TestProvider;
use crate::provider::{Charge, Instruction, Outcome, Provider, ProviderError, Providers};
use crate::{Module, WebhookSecret};

/// How long the bank has for an answer. A simulation does not wait: it says that there was none.
const LIMIT: Duration = Duration::from_secs(10);

/// What the bank says about a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// The money is promised.
    Promised,
    /// The money is taken.
    Taken,
    /// It is refused.
    Refused,
    /// The payer has to go there first.
    Payer(String),
    /// It will be told later.
    Later,
    /// It never came here.
    NeverCame,
    /// Nothing. Whether the work was done is not known.
    Silence,
}

/// Moves money, as a provider does. Keys are chosen by the shop.
#[kernel::macros::async_trait]
pub trait Bank: Send + Sync + 'static {
    /// Asks for a charge.
    async fn charge(&self, key: Uuid, amount: Money, taken_at_once: bool, token: &str) -> Word;

    /// Asks how a charge went.
    async fn ask(&self, key: Uuid) -> Word;

    /// Asks to `capture`, `void` or `refund` so much of a charge. `None` is silence, `false` a refusal.
    async fn carry_out(&self, key: Uuid, what: &'static str, charge: Uuid, amount: i64) -> Option<bool>;
}

impl Module {
    /// The module with this bank instead of the providers of its settings.
    pub fn with_bank(db: Db, tasks: &Tasks, bank: Arc<dyn Bank>, secret: WebhookSecret) -> Self {
        let provider: Arc<dyn Provider> = Arc::new(Simulated(bank));
        let secrets = HashMap::from([(TestProvider::NAME.to_owned(), secret)]);
        Self::with(db, tasks, Providers::new([provider], LIMIT), secrets)
    }
}

struct Simulated(Arc<dyn Bank>);

fn outcome(word: Word, key: Uuid) -> Result<Option<Outcome>, ProviderError> {
    let reference = format!("bank_{}", key.simple());
    Ok(Some(match word {
        Word::Promised => Outcome::Authorized(reference),
        Word::Taken => Outcome::Captured(reference),
        Word::Refused => Outcome::Declined("card_declined"),
        Word::Payer(url) => Outcome::RequiresAction(url),
        Word::Later => Outcome::Pending,
        Word::NeverCame => return Ok(None),
        Word::Silence => return Err(ProviderError::Unknown),
    }))
}

#[kernel::macros::async_trait]
impl Provider for Simulated {
    fn name(&self) -> &'static str {
        // So that its webhooks find their door.
        TestProvider::NAME
    }

    fn knows(&self, _: &str) -> bool {
        true
    }

    async fn authorize(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        let at_once = charge.capture == CaptureMethod::Automatic;
        let word = self.0.charge(charge.key, charge.amount, at_once, &charge.token).await;
        outcome(word, charge.key)?.ok_or(ProviderError::Unknown)
    }

    async fn query(&self, charge: &Charge) -> Result<Option<Outcome>, ProviderError> {
        outcome(self.0.ask(charge.key).await, charge.key)
    }

    async fn carry_out(&self, instruction: &Instruction) -> Result<(), ProviderError> {
        let Instruction { key, kind, charge, amount } = instruction;
        let what = match kind {
            MovementKind::Capture => "capture",
            MovementKind::Void => "void",
            MovementKind::Refund => "refund",
        };
        match self.0.carry_out(*key, what, charge.key, amount.amount).await {
            Some(true) => Ok(()),
            Some(false) => Err(ProviderError::Refused),
            None => Err(ProviderError::Unknown),
        }
    }
}
