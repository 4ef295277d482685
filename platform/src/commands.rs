//! Carries out what a request asks for: to its end, once per `Idempotency-Key`, and with one answer.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use kernel::Call;
use uuid::Uuid;

use crate::db::{Db, DbError};
use crate::fault;
use crate::http::{Answer, Command, IdempotencyKey, Origin, Problem, StoredAnswer};
use crate::idempotency::{self, Claim, Held};
use crate::tasks::{self, Tasks};

/// After this time a request whose process died may be resumed by whoever repeats it.
const LEASE: Duration = Duration::from_secs(30);

/// Carries out a module's commands.
#[derive(Clone)]
pub struct Commands {
    db: Db,
    tasks: Tasks,
}

/// What the work goes by.
#[derive(Debug, Clone)]
pub struct Effect {
    /// The identity of what is made or sent: the same when a request is repeated after a crash. An insert under it
    /// finds the row of the first attempt, a provider recognises it as a key.
    pub id: Uuid,
    /// On whose behalf, and until when somebody waits.
    pub call: Call,
    /// The key under which the answer is kept, if one was sent. A secret in the answer has to follow from it.
    pub key: Option<IdempotencyKey>,
}

impl Commands {
    /// Commands of the module with this database.
    pub fn new(db: Db, tasks: Tasks) -> Self {
        Self { db, tasks }
    }

    /// Does the work, whether the client waits or not.
    ///
    /// With a key the answer is kept, and a repetition gets it again, byte for byte. Failures of ours (5xx) are not
    /// kept: a repetition resumes. Nor is a refusal of what was sent (422): nothing was begun, and the key is free
    /// for the request as it should have been.
    ///
    /// # Errors
    /// What the work answers; 409 while the same key is at work; 422 when the key was used for another request.
    pub async fn run<T, F, Fut>(&self, command: Command<T>, work: F) -> Result<Answer, Problem>
    where
        T: Send + 'static,
        F: FnOnce(T, Effect) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Answer, Problem>> + Send + 'static,
    {
        let key = command.key().cloned();
        let call = command.caller.call().clone();
        let (db, clock) = (self.db.clone(), self.db.clock().clone());
        let body = command.body;
        let task = async move {
            match key {
                None => work(body, Effect { id: clock.uuid(), call, key: None }).await,
                Some(key) => {
                    let effect = |held: Held| Effect { id: held.effect_id, call, key: Some(key.clone()) };
                    once(&db, &key, |held| work(body, effect(held))).await
                }
            }
        };
        self.supervise(command.caller.traceparent().cloned(), task).await
    }

    /// Runs work to its end on the application's runtime, as part of this request.
    ///
    /// # Errors
    /// What the work answers; an internal problem when it panicked.
    pub async fn supervise<Fut>(&self, traceparent: Option<Arc<str>>, work: Fut) -> Result<Answer, Problem>
    where
        Fut: Future<Output = Result<Answer, Problem>> + Send + 'static,
    {
        let traced = tasks::traced(traceparent, work);
        let task = match Origin::current() {
            Some(origin) => self.tasks.spawn(origin.within(traced)),
            None => self.tasks.spawn(traced),
        };
        task.await.unwrap_or_else(|panic| Err(Problem::caused_by(&panic)))
    }
}

/// Claims the key, does the work, keeps the answer.
async fn once<F, Fut>(db: &Db, key: &IdempotencyKey, work: F) -> Result<Answer, Problem>
where
    F: FnOnce(Held) -> Fut,
    Fut: Future<Output = Result<Answer, Problem>>,
{
    fault!("idem.before_insert", DbError::Busy);
    let mut tx = db.begin().await?;
    let held = match idempotency::claim(&mut tx, key, LEASE).await? {
        Claim::Ours(held) => held,
        other => {
            tx.rollback().await?;
            return settled(other, key);
        }
    };
    tx.commit().await?;

    fault!("idem.after_insert");
    let answer = work(held).await.unwrap_or_else(Answer::from);
    fault!("idem.before_response_store", DbError::Busy);

    let mut tx = db.begin().await?;
    let last = match answer.status() {
        // Whoever took the key over may find something begun under it.
        StatusCode::UNPROCESSABLE_ENTITY if held.fence == 1 => idempotency::release(&mut tx, key, held.fence),
        status if status.is_server_error() || status == StatusCode::UNPROCESSABLE_ENTITY => {
            idempotency::give_up(&mut tx, key, held.fence)
        }
        _ => idempotency::answer(&mut tx, key, held.fence, answer.to_parts()),
    };
    last.later_changing_one();
    match tx.commit().await {
        Ok(()) => {
            fault!("idem.after_response_store_before_send");
            Ok(answer.reveal(key))
        }
        // It took longer than the lease, and somebody else has taken the key over. There is one answer: theirs.
        Err(DbError::Missing) => match idempotency::peek(db, key).await? {
            Some(theirs) => settled(theirs, key),
            None => Ok(answer.reveal(key)),
        },
        Err(error) => Err(error.into()),
    }
}

/// The answer to a claim of this key that is not ours.
///
/// # Errors
/// 409 while the key is at work, 422 when it was used for another request.
pub fn settled(claim: Claim, key: &IdempotencyKey) -> Result<Answer, Problem> {
    match claim {
        Claim::Answered(answer) => replay(answer, key),
        Claim::Running(lease) => Err(Problem::conflict(
            "idempotency_in_progress",
            "A request with this Idempotency-Key is being worked on; repeat it to learn its outcome",
        )
        .retry_after(lease.as_secs().clamp(1, 5) as u32)
        .retryable(true)),
        Claim::Mismatch | Claim::Ours(_) => Err(Problem::unprocessable(
            "idempotency_key_reused",
            "This Idempotency-Key was used for another request; choose a new one",
        )),
    }
}

/// A kept answer, marked as one, for whoever sends its key again.
///
/// # Errors
/// What was kept cannot be read.
fn replay(answer: StoredAnswer, key: &IdempotencyKey) -> Result<Answer, Problem> {
    Ok(answer
        .restore()?
        .reveal(key)
        .header(actix_web::http::header::HeaderName::from_static("idempotent-replayed"), "true"))
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        match &error {
            _ if error.is_full() => Self::new(
                actix_web::http::StatusCode::INSUFFICIENT_STORAGE,
                "storage_full",
                "There is no space left to write to; reading still works",
            )
            .because(error.to_string()),
            DbError::Busy | DbError::Conflict(_) | DbError::Undone(_) => {
                Self::unavailable("database_busy", "The shop is busy; try again", 1)
                    .because(error.to_string())
            }
            // Under the same key nothing happens twice, whatever became of it.
            DbError::Unreachable(_) | DbError::CommitUnknown(_) => {
                Self::unavailable("database_unreachable", "The shop cannot reach its database; try again", 5)
                    .because(error.to_string())
            }
            _ => Self::caused_by(&error),
        }
    }
}

#[cfg(test)]
mod tests;
