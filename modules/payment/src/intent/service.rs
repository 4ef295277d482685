//! What one can do with an intent: pay, ask how it stands, take or give up what is promised.

use kernel::{Money, Page, PageRequest, card};
use payment_api::{AttemptId, DisputeOpened, DisputeWon, IntentId, PayOrder, Payment};
use platform::{Commands, Db, DbError, Tx, fault};
use uuid::Uuid;

use super::{Amounts, Intent, IntentStatus, store};
use crate::attempt::service::{AttemptError, Attempts};
use crate::attempt::{self, Attempt};
use crate::ledger;
use crate::movement::MovementKind;
use crate::movement::MovementStatus;
use crate::movement::service::{MovementError, Movements, Wish};
use crate::provider::test::TestProvider;
use crate::webhook;

/// The payments.
#[derive(Clone)]
pub(crate) struct Intents {
    pub(super) db: Db,
    pub(super) commands: Commands,
    pub(crate) attempts: Attempts,
    pub(crate) movements: Movements,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntentError {
    /// There is no such intent.
    #[error("there is no such payment intent")]
    NotFound,
    /// The token is not one of the provider's.
    #[error("the payment token is not one this provider knows")]
    InvalidToken,
    /// Nothing, or less, is due.
    #[error("an amount to pay is larger than zero")]
    InvalidAmount,
    /// The key belongs to another payment.
    #[error("the key was used for another payment")]
    KeyReused,
    /// It is not known whether the provider has charged.
    #[error("a payment that is {} cannot be canceled before its outcome is known; send it again then", .0.as_str())]
    OutcomeUnknown(IntentStatus),
    /// What is disputed is more than was taken and is still there.
    #[error("{0} is more than was taken and is still there")]
    DisputeExceeds(Money),
    /// Its attempt is in the way.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// Its money could not be moved.
    #[error(transparent)]
    Movement(#[from] MovementError),
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// An intent with everything that belongs to it.
pub(crate) struct IntentWithAttempts {
    pub(crate) intent: Intent,
    pub(crate) attempts: Vec<Attempt>,
}

impl IntentWithAttempts {
    /// How the payment stands, for its order.
    pub(super) fn payment(&self) -> Payment {
        Payment { intent_id: self.intent.id, outcome: self.intent.outcome(self.attempts.last()) }
    }
}

impl Intents {
    /// The payments in this database, with their attempts and movements.
    pub(crate) fn new(db: Db, commands: Commands, attempts: Attempts, movements: Movements) -> Self {
        Self { db, commands, attempts, movements }
    }

    /// Pays. The attempt is stored as sent before it is sent, so that a crash in between leaves a question to ask and
    /// not a charge that nobody knows of.
    pub(crate) async fn pay(&self, order: PayOrder) -> Result<Payment, IntentError> {
        if order.amount.amount <= 0 {
            return Err(IntentError::InvalidAmount);
        }
        let provider = self.attempts.provider(&order.provider)?;
        if card::looks_like_one(&order.token) || !provider.knows(&order.token) {
            return Err(IntentError::InvalidToken);
        }
        let clock = self.db.clock().clone();
        let (id, now) = (clock.id(), clock.now());
        let attempt = Attempt::new(clock.id(), id, order.token.clone(), now);

        let mut tx = self.db.begin().await?;
        if !store::insert(&mut tx, id, &order, now).await? {
            tx.rollback().await?;
            return self.pay_again(&order).await;
        }
        self.attempts.write(&mut tx, &attempt).await?;
        if order.provider == TestProvider::NAME {
            webhook::service::foretell(&mut tx, attempt.id, &order.token, order.amount).await?;
        }
        fault!("auth.before_commit", DbError::Busy);
        tx.commit().await?;

        fault!("auth.before_call");
        let intent = Intent::new(id, order, now);
        let attempt = self.attempts.send(&intent, attempt).await?;
        Ok(Payment { intent_id: id, outcome: attempt.outcome() })
    }

    /// The key is known: how does it stand?
    async fn pay_again(&self, order: &PayOrder) -> Result<Payment, IntentError> {
        let intent = store::find_by_key(&self.db, order.key).await?.ok_or(IntentError::NotFound)?;
        if intent.order_id != order.order_id || intent.money(intent.amount) != order.amount {
            return Err(IntentError::KeyReused);
        }
        self.resolve(order.key).await
    }

    /// How a payment stands. An open attempt is asked about first.
    pub(crate) async fn resolve(&self, key: Uuid) -> Result<Payment, IntentError> {
        let mut found = self.find_by_key(key).await?;
        if found.attempts.last().is_some_and(|attempt| attempt.status.is_open()) {
            found = self.ask(found).await?;
        }
        Ok(found.payment())
    }

    /// Asks the provider about the latest attempt, and reads what is known then.
    pub(super) async fn ask(&self, found: IntentWithAttempts) -> Result<IntentWithAttempts, IntentError> {
        let IntentWithAttempts { intent, mut attempts } = found;
        if let Some(latest) = attempts.pop() {
            self.attempts.ask(&intent, latest).await?;
        }
        self.find(intent.id).await
    }

    /// Captures promised money: all that is left, or a part.
    pub(crate) async fn capture(
        &self,
        id: Uuid,
        intent_id: IntentId,
        amount: Option<Money>,
    ) -> Result<Intent, IntentError> {
        let (kind, reason) = (MovementKind::Capture, "captured by staff".to_owned());
        self.move_now(Wish { id, intent_id, kind, amount, reason }).await
    }

    /// Moves money and says how the intent stands then.
    pub(super) async fn move_now(&self, wish: Wish) -> Result<Intent, IntentError> {
        let intent = wish.intent_id;
        let movement = self.movements.carry_out(wish).await.map_err(not_found)?;
        if movement.status == MovementStatus::Failed {
            return Err(MovementError::Refused.into());
        }
        self.reread(intent).await
    }

    /// A payer disputes a charge, or a dispute is won: the money is back at the provider, or here. In the caller's
    /// transaction, with whatever remembers that this was heard.
    pub(crate) async fn dispute(
        &self,
        tx: &mut Tx,
        intent: &Intent,
        amount: i64,
        won: bool,
    ) -> Result<(), IntentError> {
        let by = Amounts { disputed: if won { -amount } else { amount }, ..Amounts::default() };
        let now = store::change(tx, intent.id, by).await?;
        let now = now.ok_or(IntentError::DisputeExceeds(intent.money(amount)))?;
        if won {
            ledger::store::enter(tx, &now, &[ledger::dispute_won(&now.provider, amount)]).await?;
            tx.publish(&now.told::<DisputeWon>(amount)).await?;
        } else {
            ledger::store::enter(tx, &now, &[ledger::dispute(&now.provider, amount)]).await?;
            tx.publish(&now.told::<DisputeOpened>(amount)).await?;
        }
        Ok(())
    }

    /// A page of intents, newest first.
    pub(crate) async fn list(
        &self,
        order: Option<&str>,
        status: Option<IntentStatus>,
        page: &PageRequest<Uuid>,
    ) -> Result<Page<Intent>, IntentError> {
        Ok(store::list(&self.db, order, status, page).await?)
    }

    /// One intent with its attempts.
    pub(crate) async fn find(&self, id: IntentId) -> Result<IntentWithAttempts, IntentError> {
        let intent = self.reread(id).await?;
        let attempts = attempt::store::list(&self.db, id).await?;
        Ok(IntentWithAttempts { intent, attempts })
    }

    /// The intent of a checkout's key, with its attempts.
    pub(super) async fn find_by_key(&self, key: Uuid) -> Result<IntentWithAttempts, IntentError> {
        let intent = store::find_by_key(&self.db, key).await?.ok_or(IntentError::NotFound)?;
        let attempts = attempt::store::list(&self.db, intent.id).await?;
        Ok(IntentWithAttempts { intent, attempts })
    }

    /// An attempt with its intent.
    pub(crate) async fn find_attempt(&self, id: AttemptId) -> Result<Option<(Intent, Attempt)>, IntentError> {
        let Some(attempt) = attempt::store::find(&self.db, id).await? else { return Ok(None) };
        let intent = self.reread(attempt.intent_id).await?;
        Ok(Some((intent, attempt)))
    }

    pub(super) async fn reread(&self, id: IntentId) -> Result<Intent, IntentError> {
        store::find(&self.db, id).await?.ok_or(IntentError::NotFound)
    }
}

/// Whoever names an intent in the path is told that it is not there.
fn not_found(error: MovementError) -> IntentError {
    match error {
        MovementError::NoSuchIntent => IntentError::NotFound,
        other => other.into(),
    }
}
