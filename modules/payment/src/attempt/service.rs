//! Sends attempts, asks about them, and stores what becomes known, from whichever side it comes.

use futures::future::join_all;
use payment_api::{AttemptId, PaymentAuthorized, PaymentCaptured, PaymentDeclined, PaymentUnknown};
use platform::{Db, DbError, fault};

use super::{Attempt, AttemptStatus, store};
use crate::intent::life::News;
use crate::intent::{self, Amounts, Intent, IntentStatus};
use crate::ledger::{self, Entry};
use crate::pause::pause;
use crate::provider::{Outcome, Patient, Providers};

/// Attempts that are asked about in one go.
const BATCH: i64 = 20;

/// The attempts.
#[derive(Clone)]
pub(crate) struct Attempts {
    db: Db,
    providers: Providers,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttemptError {
    /// The provider is unknown or switched off.
    #[error("there is no payment provider `{0}`")]
    UnknownProvider(String),
    /// What the provider says cannot be true of this payment.
    #[error("a payment that is {} cannot become {}", .from.as_str(), .heard.as_str())]
    Contradiction {
        /// Where it is.
        from: IntentStatus,
        /// What the attempt is said to be.
        heard: AttemptStatus,
    },
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Attempts {
    /// The attempts in this database, at these providers.
    pub(crate) fn new(db: Db, providers: Providers) -> Self {
        Self { db, providers }
    }

    /// The provider of this name.
    pub(crate) fn provider(&self, name: &str) -> Result<Patient<'_>, AttemptError> {
        self.providers.find(name).ok_or_else(|| AttemptError::UnknownProvider(name.to_owned()))
    }

    /// Stores a new attempt as sent, in the transaction of the intent it is for.
    pub(crate) async fn write(&self, tx: &mut platform::Tx, attempt: &Attempt) -> Result<(), DbError> {
        store::insert(tx, attempt, attempt.created_at.plus(self.providers.patience())).await
    }

    /// Sends an attempt that was just stored as sent, and stores the answer. Whoever was stopped for so long that
    /// somebody else may have asked about it, and heard that it never came, does not send it any more.
    pub(crate) async fn send(&self, intent: &Intent, attempt: Attempt) -> Result<Attempt, AttemptError> {
        if !self.may_be_on_its_way(&attempt) {
            return self.ask(intent, attempt).await;
        }
        let answer = self.provider(&intent.provider)?.authorize(&attempt.charge(intent)).await;
        fault!("auth.response_received_before_db", DbError::Busy);
        self.settle(intent, attempt, answer.unwrap_or(Outcome::Pending)).await
    }

    /// Asks the provider about an open attempt and stores what it says.
    pub(crate) async fn ask(&self, intent: &Intent, attempt: Attempt) -> Result<Attempt, AttemptError> {
        let heard = match self.provider(&intent.provider)?.query(&attempt.charge(intent)).await {
            Ok(Some(outcome)) => outcome,
            // It may still be on its way there, and its sender wait for the answer.
            Ok(None) if self.may_be_on_its_way(&attempt) => return Ok(attempt),
            // It never arrived and is not sent again under another name: nothing was charged.
            Ok(None) => Outcome::Declined("processing_error"),
            Err(_) => Outcome::Pending,
        };
        fault!("auth.asked_before_db", DbError::Busy);
        self.settle(intent, attempt, heard).await
    }

    fn may_be_on_its_way(&self, attempt: &Attempt) -> bool {
        attempt.status == AttemptStatus::Sent
            && self.db.clock().now() < attempt.created_at.plus(self.providers.patience())
    }

    /// Stores what became of an attempt, with the money it moved. Of two that heard the same, one writes it. Of two that
    /// heard that it came to nothing and that it was paid, both: the money is there, and goes back.
    pub(crate) async fn settle(
        &self,
        intent: &Intent,
        attempt: Attempt,
        heard: Outcome,
    ) -> Result<Attempt, AttemptError> {
        let brings_money = matches!(heard, Outcome::Captured(_) | Outcome::Authorized(_));
        let stored = self.store(intent, attempt, heard.clone()).await?;
        let came_to_nothing = matches!(stored.status, AttemptStatus::Declined | AttemptStatus::Voided);
        if brings_money && came_to_nothing {
            return self.store(intent, stored, heard).await;
        }
        Ok(stored)
    }

    /// Stores it if the attempt still stands as it did, and returns how it stands then.
    async fn store(
        &self,
        intent: &Intent,
        attempt: Attempt,
        heard: Outcome,
    ) -> Result<Attempt, AttemptError> {
        let again = self.db.clock().now().plus(pause(attempt.id.uuid(), attempt.asked));
        let ask_at = (heard == Outcome::Pending).then_some(again);
        let after = attempt.after(&heard);
        let amount = intent.amount;
        let (news, by, entries): (_, _, &[Entry]) = match heard {
            Outcome::Captured(_) => (
                News::Charged,
                Amounts { captured: amount, ..Amounts::default() },
                &[ledger::capture(&intent.provider, amount)],
            ),
            Outcome::Authorized(_) => (
                News::Promised,
                Amounts { authorized: amount, ..Amounts::default() },
                &[ledger::authorization(amount)],
            ),
            Outcome::Declined(_) => (News::Declined, Amounts::default(), &[]),
            Outcome::RequiresAction(_) => (News::ActionAsked, Amounts::default(), &[]),
            Outcome::Pending => return self.still_unknown(intent, attempt, after, ask_at).await,
        };
        let mut tx = self.db.begin().await?;
        if !store::update(&mut tx, &after, attempt.status, ask_at).await? {
            tx.rollback().await?;
            return Ok(store::find(&self.db, attempt.id).await?.ok_or(DbError::Missing)?);
        }
        let Some(now) = intent::store::advance(&mut tx, intent.id, by, &[news]).await? else {
            tx.rollback().await?;
            return Err(AttemptError::Contradiction { from: intent.status, heard: after.status });
        };
        ledger::store::enter(&mut tx, &now, entries).await?;
        match news {
            News::Charged => tx.publish(&now.told::<PaymentCaptured>(amount)).await?,
            News::Promised => tx.publish(&now.told::<PaymentAuthorized>(amount)).await?,
            News::Declined => tx.publish(&now.told::<PaymentDeclined>(amount)).await?,
            _ => {}
        }
        fault!("auth.before_settled", DbError::Busy);
        tx.commit().await?;
        fault!("auth.after_db");
        Ok(after)
    }

    /// Stores that nobody knows, and when to ask again.
    async fn still_unknown(
        &self,
        intent: &Intent,
        attempt: Attempt,
        after: Attempt,
        ask_at: Option<kernel::Moment>,
    ) -> Result<Attempt, AttemptError> {
        let mut tx = self.db.begin().await?;
        if !store::update(&mut tx, &after, attempt.status, ask_at).await? {
            tx.rollback().await?;
            return Ok(store::find(&self.db, attempt.id).await?.ok_or(DbError::Missing)?);
        }
        if attempt.status == AttemptStatus::Sent {
            tx.publish(&intent.told::<PaymentUnknown>(intent.amount)).await?;
        }
        fault!("auth.unknown.before_commit", DbError::Busy);
        tx.commit().await?;
        Ok(after)
    }

    /// Asks about the attempts that nobody has an answer to and whose time has come. `true` says that there may be
    /// more.
    pub(crate) async fn recover(&self) -> Result<bool, DbError> {
        let now = self.db.clock().now();
        if !store::any_due(&self.db, now).await? {
            return Ok(false);
        }
        let mut tx = self.db.begin().await?;
        let due = store::take_due(&mut tx, now, now.plus(self.providers.patience()), BATCH).await?;
        tx.commit().await?;
        fault!("auth.recover.after_claim");
        let more = due.len() as i64 == BATCH;
        // All at once, so that a provider that is silent holds up nobody else's.
        let stored = join_all(due.into_iter().map(|attempt| self.recover_one(attempt))).await;
        stored.into_iter().collect::<Result<(), DbError>>()?;
        Ok(more)
    }

    async fn recover_one(&self, attempt: Attempt) -> Result<(), DbError> {
        let (id, asked): (AttemptId, i64) = (attempt.id, attempt.asked);
        let Some(intent) = intent::store::find(&self.db, attempt.intent_id).await? else { return Ok(()) };
        let Err(error) = self.ask(&intent, attempt).await else { return Ok(()) };
        tracing::warn!(attempt.id = %id, error = %error, "an attempt could not be asked about");
        let again = self.db.clock().now().plus(pause(id.uuid(), asked));
        let mut tx = self.db.begin().await?;
        store::put_off(&mut tx, id, again).await?;
        tx.commit().await
    }

    /// Gives up an attempt that waits for the payer, and with it the intent. Whatever the payer does now is late money.
    /// `false` when something else became of it in the meantime.
    pub(crate) async fn abandon(&self, intent: &Intent, attempt: Attempt) -> Result<bool, DbError> {
        let from = attempt.status;
        let after = Attempt { status: AttemptStatus::Voided, action_url: None, ..attempt };
        let mut tx = self.db.begin().await?;
        let given_up = store::update(&mut tx, &after, from, None).await?
            && intent::store::advance(&mut tx, intent.id, Amounts::default(), &[News::Abandoned])
                .await?
                .is_some();
        if given_up {
            tx.commit().await?;
        } else {
            tx.rollback().await?;
        }
        Ok(given_up)
    }
}
