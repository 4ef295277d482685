//! Carries movements out: their amount is set aside, the provider asked, the answer stored.

use futures::future::join_all;
use kernel::{Currency, Money};
use payment_api::{IntentId, PaymentCaptured, PaymentVoided, RefundFailed, RefundSucceeded};
use platform::{Commands, Db, DbError, Tx, fault};
use uuid::Uuid;

use super::{Movement, MovementKind, MovementStatus, points, store};
use crate::intent::{self, Intent, IntentStatus};
use crate::pause::pause;
use crate::provider::{Instruction, Patient, ProviderError, Providers};
use crate::{attempt, ledger};

/// Movements that are asked about in one go.
const BATCH: i64 = 20;
/// The longest reason.
const LONGEST_REASON: usize = 200;

/// The movements.
#[derive(Clone)]
pub(crate) struct Movements {
    pub(super) db: Db,
    pub(super) commands: Commands,
    providers: Providers,
}

/// What is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// The identity of the movement: the same when it is wanted again.
    pub(crate) id: Uuid,
    /// Of which intent.
    pub(crate) intent_id: IntentId,
    /// What is to be done.
    pub(crate) kind: MovementKind,
    /// How much; all there is when absent.
    pub(crate) amount: Option<Money>,
    /// Why.
    pub(crate) reason: String,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MovementError {
    /// There is no such movement.
    #[error("there is no such refund")]
    NotFound,
    /// There is no such intent.
    #[error("there is no such payment intent")]
    NoSuchIntent,
    /// The provider is unknown or switched off.
    #[error("the payment provider `{0}` is switched off")]
    ProviderOff(String),
    /// Nothing, or less.
    #[error("an amount to {} is larger than zero", .0.as_str())]
    InvalidAmount(MovementKind),
    /// The reason is missing or too long.
    #[error("a reason has 1 to {LONGEST_REASON} characters")]
    InvalidReason,
    /// The reason holds what looks like a card number.
    #[error("card numbers do not belong here")]
    CardData,
    /// The amount is in another currency.
    #[error("the payment is in {1}")]
    OtherCurrency(MovementKind, Currency),
    /// There is not so much.
    #[error("there is only {left} to {}", .kind.as_str())]
    Exceeds {
        /// What was to be done.
        kind: MovementKind,
        /// How much there is.
        left: Money,
    },
    /// It is in a status from which that is not possible.
    #[error("{}", refusal(*.kind, *.from))]
    InvalidTransition {
        /// What was to be done.
        kind: MovementKind,
        /// Where it is.
        from: IntentStatus,
    },
    /// The provider refused.
    #[error("the provider refused")]
    Refused,
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

fn refusal(kind: MovementKind, from: IntentStatus) -> String {
    let from = from.as_str();
    match kind {
        MovementKind::Void if from == IntentStatus::Succeeded.as_str() => {
            "the money was taken; a payment that is succeeded cannot be canceled, refund it instead".into()
        }
        MovementKind::Void => {
            format!(
                "a payment that is {from} cannot be canceled now: nothing is promised, or it is on its way"
            )
        }
        MovementKind::Capture => format!("a payment that is {from} cannot be captured"),
        MovementKind::Refund => format!("a payment that is {from} cannot be refunded"),
    }
}

impl Movements {
    /// The movements in this database, through these providers.
    pub(crate) fn new(db: Db, commands: Commands, providers: Providers) -> Self {
        Self { db, commands, providers }
    }

    /// Moves money. The same id again is the same movement, and goes on where it was.
    pub(crate) async fn carry_out(&self, wish: Wish) -> Result<Movement, MovementError> {
        if let Some(known) = store::find(&self.db, wish.id).await? {
            return self.go_on(known).await;
        }
        let intent = self.intent(wish.intent_id).await?;
        // Whom nobody can ask, for nothing is set aside.
        self.provider(&intent)?;
        let movement = self.checked(wish, &intent)?;
        if self.set_aside(&movement).await? {
            return self.go_on(movement).await;
        }
        let known = store::find(&self.db, movement.id).await?.ok_or(MovementError::NotFound)?;
        self.go_on(known).await
    }

    /// The movement that is wanted, if it can be one.
    fn checked(&self, wish: Wish, intent: &Intent) -> Result<Movement, MovementError> {
        let Wish { id, intent_id, kind, amount, reason } = wish;
        let left = kind.left(&intent.amounts);
        if kind != MovementKind::Refund && intent.amounts.authorized == 0 {
            return Err(MovementError::InvalidTransition { kind, from: intent.status });
        }
        let amount = match amount {
            Some(amount) => amount,
            None if left == 0 => return Err(exceeds(kind, intent)),
            None => intent.money(left),
        };
        if amount.currency != intent.currency {
            return Err(MovementError::OtherCurrency(kind, intent.currency));
        }
        if amount.amount <= 0 {
            return Err(MovementError::InvalidAmount(kind));
        }
        if reason.trim().is_empty() || reason.chars().count() > LONGEST_REASON {
            return Err(MovementError::InvalidReason);
        }
        if kernel::card::looks_like_one(&reason) {
            return Err(MovementError::CardData);
        }
        let (status, created_at) = (MovementStatus::Processing, self.db.clock().now());
        Ok(Movement { id, intent_id, kind, amount, reason, status, asked: 0, created_at })
    }

    /// Stores a movement as sent and sets its amount aside, before anybody is asked. Of several that want the same
    /// money one gets it. `false` when it was stored already.
    async fn set_aside(&self, movement: &Movement) -> Result<bool, MovementError> {
        let (id, kind) = (movement.intent_id, movement.kind);
        let ask_at = movement.created_at.plus(self.providers.patience());
        let mut tx = self.db.begin().await?;
        if !store::insert(&mut tx, movement, ask_at).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        if intent::store::change(&mut tx, id, kind.set_aside(movement.amount.amount)).await?.is_some() {
            fault!("movement.before_set_aside", DbError::Busy);
            tx.commit().await?;
            return Ok(true);
        }
        tx.rollback().await?;
        Err(exceeds(kind, &self.intent(id).await?))
    }

    /// Asks the provider for an open movement, under the same key as before, and stores what it says.
    async fn go_on(&self, movement: Movement) -> Result<Movement, MovementError> {
        if !movement.status.is_open() {
            return Ok(movement);
        }
        let intent = self.intent(movement.intent_id).await?;
        let attempts = attempt::store::list(&self.db, intent.id).await?;
        let charge = attempts.last().ok_or(MovementError::NoSuchIntent)?.charge(&intent);
        let (key, kind, amount) = (movement.id, movement.kind, movement.amount);
        points::before_call(kind).await;
        let answer = self.provider(&intent)?.carry_out(&Instruction { key, kind, charge, amount }).await;
        points::after_call(kind).await?;
        self.settle(movement, &intent, answer).await
    }

    /// Stores an answer with all that follows from it, once.
    async fn settle(
        &self,
        movement: Movement,
        intent: &Intent,
        answer: Result<(), ProviderError>,
    ) -> Result<Movement, MovementError> {
        let again = self.db.clock().now().plus(pause(movement.id, movement.asked));
        let (status, ask_at) = match answer {
            Ok(()) => (MovementStatus::Succeeded, None),
            Err(ProviderError::Refused) => (MovementStatus::Failed, None),
            Err(ProviderError::Unknown) => (MovementStatus::Unknown, Some(again)),
        };
        let (id, kind, amount) = (movement.intent_id, movement.kind, movement.amount.amount);
        let mut tx = self.db.begin().await?;
        if !store::update(&mut tx, movement.id, status, ask_at).await? {
            tx.rollback().await?;
            return store::find(&self.db, movement.id).await?.ok_or(MovementError::NotFound);
        }
        let refused = MovementError::InvalidTransition { kind, from: intent.status };
        match status {
            MovementStatus::Succeeded => {
                let now = match kind.news() {
                    [] => intent::store::change(&mut tx, id, kind.moved(amount)).await?,
                    news => intent::store::advance(&mut tx, id, kind.moved(amount), news).await?,
                };
                let now = now.ok_or(refused)?;
                ledger::store::enter(&mut tx, &now, &kind.entries(&now.provider, amount)).await?;
                tell(&mut tx, &now, kind, amount).await?;
            }
            MovementStatus::Failed => {
                let now = intent::store::change(&mut tx, id, kind.set_aside(-amount)).await?;
                let now = now.ok_or(refused)?;
                if kind == MovementKind::Refund {
                    tx.publish(&now.told::<RefundFailed>(amount)).await?;
                }
            }
            MovementStatus::Processing | MovementStatus::Unknown => {}
        }
        tx.commit().await?;
        points::after_commit(kind).await;
        Ok(Movement { status, ..movement })
    }

    /// Goes on with the movements nobody has an answer to and whose time has come. `true` says that there may be more.
    pub(crate) async fn recover(&self) -> Result<bool, DbError> {
        let now = self.db.clock().now();
        if !store::any_due(&self.db, now).await? {
            return Ok(false);
        }
        let mut tx = self.db.begin().await?;
        let due = store::take_due(&mut tx, now, now.plus(self.providers.patience()), BATCH).await?;
        tx.commit().await?;
        fault!("movement.recover.after_claim");
        let more = due.len() as i64 == BATCH;
        // All at once, so that a provider that is silent holds up nobody else's.
        let stored = join_all(due.into_iter().map(|movement| self.recover_one(movement))).await;
        stored.into_iter().collect::<Result<(), DbError>>()?;
        Ok(more)
    }

    async fn recover_one(&self, movement: Movement) -> Result<(), DbError> {
        let (id, asked) = (movement.id, movement.asked);
        let Err(error) = self.go_on(movement).await else { return Ok(()) };
        tracing::warn!(movement.id = %id, error = %error, "money on its way could not be asked about");
        let again = self.db.clock().now().plus(pause(id, asked));
        let mut tx = self.db.begin().await?;
        store::update(&mut tx, id, MovementStatus::Unknown, Some(again)).await?;
        tx.commit().await
    }

    /// The movements of an intent's money of one kind, oldest first.
    pub(crate) async fn list(
        &self,
        intent: IntentId,
        kind: MovementKind,
    ) -> Result<Vec<Movement>, MovementError> {
        Ok(store::list(&self.db, intent, kind).await?)
    }

    /// One movement of this kind.
    pub(crate) async fn find(&self, id: Uuid, kind: MovementKind) -> Result<Movement, MovementError> {
        let found = store::find(&self.db, id).await?;
        found.filter(|movement| movement.kind == kind).ok_or(MovementError::NotFound)
    }

    async fn intent(&self, id: IntentId) -> Result<Intent, MovementError> {
        intent::store::find(&self.db, id).await?.ok_or(MovementError::NoSuchIntent)
    }

    fn provider(&self, intent: &Intent) -> Result<Patient<'_>, MovementError> {
        let provider = self.providers.find(&intent.provider);
        provider.ok_or_else(|| MovementError::ProviderOff(intent.provider.clone()))
    }
}

/// That there is not so much to move.
fn exceeds(kind: MovementKind, intent: &Intent) -> MovementError {
    match kind {
        MovementKind::Void => MovementError::InvalidTransition { kind, from: intent.status },
        _ => MovementError::Exceeds { kind, left: intent.money(kind.left(&intent.amounts)) },
    }
}

/// Says that money moved.
async fn tell(tx: &mut Tx, intent: &Intent, kind: MovementKind, amount: i64) -> Result<(), DbError> {
    match kind {
        MovementKind::Capture => tx.publish(&intent.told::<PaymentCaptured>(amount)).await,
        MovementKind::Void => tx.publish(&intent.told::<PaymentVoided>(amount)).await,
        MovementKind::Refund => tx.publish(&intent.told::<RefundSucceeded>(amount)).await,
    }
}
