//! What one can do with an intent: pay, and ask how it stands.

use std::time::Duration;

use kernel::{Money, Page, PageRequest, card};
use payment_api::{
    AttemptId, IntentId, PayOrder, Payment, PaymentAuthorized, PaymentCaptured, PaymentDeclined,
    PaymentOutcome, PaymentUnknown,
};
use platform::{Commands, Db, DbError, Tx};
use uuid::Uuid;

use super::end::ASK_AFTER;
use super::store::{self, Change, Known};
use super::told::told;
use super::{Attempt, AttemptStatus, Intent, IntentStatus, outcome};
use crate::ledger::{self, Entry};
use crate::provider::test::TestProvider;
use crate::provider::{Charge, Outcome, Providers};
use crate::refund::service::Refunds;
use crate::webhook;

/// The payments.
#[derive(Clone)]
pub(crate) struct Intents {
    pub(super) db: Db,
    pub(crate) commands: Commands,
    pub(super) providers: Providers,
    pub(super) refunds: Refunds,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntentError {
    /// There is no such intent.
    #[error("there is no such payment intent")]
    NotFound,
    /// The provider is unknown or switched off.
    #[error("there is no payment provider `{0}`")]
    UnknownProvider(String),
    /// The token is not one of the provider's.
    #[error("the payment token is not one this provider knows")]
    InvalidToken,
    /// Nothing, or less, is due.
    #[error("an amount to pay is larger than zero")]
    InvalidAmount,
    /// The key belongs to another payment.
    #[error("the key was used for another payment")]
    KeyReused,
    /// There is less to capture.
    #[error("only {left} can be captured")]
    ExceedsAuthorized {
        /// What can.
        left: Money,
    },
    /// The amount is in another currency.
    #[error("the payment is in {0}")]
    OtherCurrency(kernel::Currency),
    /// It is in a state from which that is not possible.
    #[error("a payment that is {} cannot be {wanted}", .from.as_str())]
    InvalidTransition {
        /// Where it is.
        from: IntentStatus,
        /// What was wanted.
        wanted: &'static str,
    },
    /// The provider refused.
    #[error("the provider refused")]
    Refused,
    /// The refund that belongs to it failed.
    #[error(transparent)]
    Refund(#[from] crate::refund::service::RefundError),
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// An intent with everything that belongs to it.
pub(crate) struct IntentWithAttempts {
    pub(crate) intent: Intent,
    pub(crate) attempts: Vec<Attempt>,
}

impl Intents {
    /// The payments in this database, through these providers.
    pub(crate) fn new(db: Db, commands: Commands, providers: Providers, refunds: Refunds) -> Self {
        Self { db, commands, providers, refunds }
    }

    /// Pays. The attempt is stored as sent before it is sent, so that a crash in between leaves a question to ask and
    /// not a charge that nobody knows of.
    pub(crate) async fn pay(&self, order: PayOrder) -> Result<Payment, IntentError> {
        if order.amount.amount <= 0 {
            return Err(IntentError::InvalidAmount);
        }
        let unknown = || IntentError::UnknownProvider(order.provider.clone());
        let provider = self.providers.find(&order.provider).ok_or_else(unknown)?;
        if card::looks_like_one(&order.token) || !provider.knows(&order.token) {
            return Err(IntentError::InvalidToken);
        }
        let clock = self.db.clock().clone();
        let (intent_id, attempt_id, now): (IntentId, AttemptId, _) = (clock.id(), clock.id(), clock.now());

        let mut tx = self.db.begin().await?;
        if !store::insert(&mut tx, intent_id, &order, now).await? {
            tx.rollback().await?;
            return self.pay_again(&order).await;
        }
        store::insert_attempt(&mut tx, attempt_id, intent_id, &order.token, now.plus(ASK_AFTER)).await?;
        if order.provider == TestProvider::NAME {
            webhook::service::foretell(&mut tx, attempt_id, &order.token, order.amount).await?;
        }
        tx.commit().await?;

        let charge = Charge {
            key: attempt_id.uuid(),
            amount: order.amount,
            capture: order.capture,
            token: order.token.clone(),
            sent_at: now,
        };
        let answer = provider.authorize(&charge).await;
        let intent = fresh(intent_id, &order, now);
        let attempt = Attempt {
            id: attempt_id,
            intent_id,
            token: order.token,
            status: AttemptStatus::Sent,
            reference: None,
            decline_code: None,
            action_url: None,
            asked: 0,
            created_at: now,
        };
        self.settle(&intent, &attempt, answer.map_or(Outcome::Pending, |known| known)).await
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
        let intent = store::find_by_key(&self.db, key).await?.ok_or(IntentError::NotFound)?;
        let attempts = store::attempts(&self.db, intent.id).await?;
        match attempts.last() {
            Some(attempt) if attempt.status.is_open() => self.ask(&intent, attempt).await,
            latest => Ok(Payment { intent_id: intent.id, outcome: outcome(&intent, latest) }),
        }
    }

    /// Asks the provider about an attempt and stores what it says.
    pub(super) async fn ask(&self, intent: &Intent, attempt: &Attempt) -> Result<Payment, IntentError> {
        let unknown = || IntentError::UnknownProvider(intent.provider.clone());
        let provider = self.providers.find(&intent.provider).ok_or_else(unknown)?;
        let heard = match provider.query(&charge(intent, attempt)).await {
            Ok(Some(outcome)) => outcome,
            // It never arrived and is not sent again under another name: nothing was charged.
            Ok(None) => Outcome::Declined("processing_error"),
            Err(_) => Outcome::Pending,
        };
        self.settle(intent, attempt, heard).await
    }

    /// Stores what became of an attempt, with the money it moved. Of two that heard the same, one writes it.
    pub(crate) async fn settle(
        &self,
        intent: &Intent,
        attempt: &Attempt,
        heard: Outcome,
    ) -> Result<Payment, IntentError> {
        let amount = intent.amount;
        let again = self.db.clock().now().plus(pause(attempt.asked));
        let (status, known) = match &heard {
            Outcome::Captured => (AttemptStatus::Captured, Known::default()),
            Outcome::Authorized => (AttemptStatus::Authorized, Known::default()),
            Outcome::Declined(code) => (
                AttemptStatus::Declined,
                Known { decline_code: Some((*code).to_owned()), ..Known::default() },
            ),
            Outcome::RequiresAction(url) => {
                (AttemptStatus::RequiresAction, Known { action_url: Some(url.clone()), ..Known::default() })
            }
            Outcome::Pending => (AttemptStatus::Unknown, Known { ask_at: Some(again), ..Known::default() }),
        };
        let mut tx = self.db.begin().await?;
        if !store::update_attempt(&mut tx, attempt, status, known).await? {
            tx.rollback().await?;
            return self.stands(intent.id).await;
        }
        match &heard {
            Outcome::Captured => {
                let by = Change { captured: amount, ..Change::default() };
                self.moved(&mut tx, intent, by, &[ledger::capture(&intent.provider, amount)]).await?;
                tx.publish(&told::<PaymentCaptured>(intent, amount, by)).await?;
            }
            Outcome::Authorized => {
                let by = Change { authorized: amount, ..Change::default() };
                self.moved(&mut tx, intent, by, &[ledger::authorization(amount)]).await?;
                tx.publish(&told::<PaymentAuthorized>(intent, amount, by)).await?;
            }
            Outcome::Declined(_) => {
                store::update_status(&mut tx, intent.id, IntentStatus::RequiresPaymentMethod).await?;
                tx.publish(&told::<PaymentDeclined>(intent, amount, Change::default())).await?;
            }
            Outcome::RequiresAction(_) => {
                store::update_status(&mut tx, intent.id, IntentStatus::RequiresAction).await?;
            }
            Outcome::Pending if attempt.status == AttemptStatus::Sent => {
                tx.publish(&told::<PaymentUnknown>(intent, amount, Change::default())).await?;
            }
            Outcome::Pending => {}
        }
        tx.commit().await?;
        let outcome = match heard {
            Outcome::Captured => PaymentOutcome::Captured,
            Outcome::Authorized => PaymentOutcome::Authorized,
            Outcome::Declined(code) => PaymentOutcome::Declined { decline_code: code.to_owned() },
            Outcome::RequiresAction(url) => PaymentOutcome::RequiresAction { url },
            Outcome::Pending => PaymentOutcome::Unknown,
        };
        Ok(Payment { intent_id: intent.id, outcome })
    }

    /// Money that arrives for an attempt that was closed: it is entered, and whoever waits for news gives it back.
    pub(crate) async fn late_money(&self, intent: &Intent, attempt: &Attempt) -> Result<(), IntentError> {
        let by = Change { captured: intent.amount, ..Change::default() };
        let mut tx = self.db.begin().await?;
        if store::update_attempt(&mut tx, attempt, AttemptStatus::Captured, Known::default()).await? {
            self.moved(&mut tx, intent, by, &[ledger::capture(&intent.provider, intent.amount)]).await?;
            tx.publish(&told::<PaymentCaptured>(intent, intent.amount, by)).await?;
            tx.commit().await?;
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
        let intent = store::find(&self.db, id).await?.ok_or(IntentError::NotFound)?;
        let attempts = store::attempts(&self.db, id).await?;
        Ok(IntentWithAttempts { intent, attempts })
    }

    /// An attempt with its intent.
    pub(crate) async fn find_attempt(&self, id: AttemptId) -> Result<Option<(Intent, Attempt)>, IntentError> {
        let Some(attempt) = store::find_attempt(&self.db, id).await? else { return Ok(None) };
        let intent = self.reread(attempt.intent_id).await?;
        Ok(Some((intent, attempt)))
    }

    pub(super) async fn stands(&self, id: IntentId) -> Result<Payment, IntentError> {
        let found = self.find(id).await?;
        Ok(Payment { intent_id: id, outcome: outcome(&found.intent, found.attempts.last()) })
    }

    pub(super) async fn reread(&self, id: IntentId) -> Result<Intent, IntentError> {
        store::find(&self.db, id).await?.ok_or(IntentError::NotFound)
    }

    /// An intent, and its charge at the provider.
    pub(super) async fn charged(&self, id: IntentId) -> Result<(Intent, Charge), IntentError> {
        let found = self.find(id).await?;
        let attempt = found.attempts.last().ok_or(IntentError::NotFound)?;
        let charge = charge(&found.intent, attempt);
        Ok((found.intent, charge))
    }

    /// Changes an intent's amounts and enters the movements that did it, together.
    pub(super) async fn moved(
        &self,
        tx: &mut Tx,
        intent: &Intent,
        by: Change,
        entries: &[Entry],
    ) -> Result<(), IntentError> {
        if !store::change(tx, intent.id, by).await? {
            return Err(IntentError::InvalidTransition {
                from: intent.status,
                wanted: "changed by that amount",
            });
        }
        ledger::store::enter(tx, intent, entries).await?;
        Ok(())
    }
}

/// An intent as it is after it was stored and before anything was heard.
fn fresh(id: IntentId, order: &PayOrder, now: kernel::Moment) -> Intent {
    Intent {
        id,
        key: order.key,
        order_id: order.order_id.clone(),
        currency: order.amount.currency,
        amount: order.amount.amount,
        capture: order.capture,
        provider: order.provider.clone(),
        status: IntentStatus::Processing,
        amounts: super::Amounts::default(),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// The charge of an attempt.
pub(crate) fn charge(intent: &Intent, attempt: &Attempt) -> Charge {
    Charge {
        key: attempt.id.uuid(),
        amount: intent.money(intent.amount),
        capture: intent.capture,
        token: attempt.token.clone(),
        sent_at: attempt.created_at,
    }
}

/// Half a second, then twice as long each time, up to five minutes.
fn pause(asked: i64) -> Duration {
    Duration::from_millis(500).saturating_mul(1 << asked.clamp(0, 10)).min(Duration::from_mins(5))
}
