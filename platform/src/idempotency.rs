//! `Idempotency-Key`: one effect and one answer, however often a request is sent.
//!
//! A key is claimed before the work begins and answered when it is done. Who finds a claim whose lease ran out, after
//! a crash, takes it over with the same effect id, so that the work is resumed rather than repeated.

use std::time::Duration;

use kernel::Moment;
use uuid::Uuid;

use crate::db::{Db, DbError, Json, Query, Tx};
use crate::http::{IdempotencyKey, StoredAnswer};

/// How long answers are kept.
const KEEP: Duration = Duration::from_hours(7 * 24);

/// What became of a claim.
#[derive(Debug)]
pub enum Claim {
    /// The key is ours: do the work, under this identity.
    Ours(Held),
    /// The work was done: this is the answer.
    Answered(StoredAnswer),
    /// Somebody is at work on it, for so long at most.
    Running(Duration),
    /// The key was used for another request.
    Mismatch,
}

/// A key that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The identity of the effect; the same in every attempt.
    pub effect_id: Uuid,
    /// Rises with every take-over, so that a holder who was given up for dead can answer nothing.
    pub fence: i64,
}

/// What is known of a key, without claiming it; `None` when it was never used.
///
/// # Errors
/// As any statement.
pub async fn peek(db: &Db, key: &IdempotencyKey) -> Result<Option<Claim>, DbError> {
    let known: Option<Known> = Known::asked_for(db.query(Known::OF_KEY), key).maybe().await?;
    Ok(known.map(|known| known.told(key, db.clock().now())))
}

/// Claims a key for `lease`. The claim stands once `tx` is committed.
///
/// # Errors
/// As any statement.
pub async fn claim(tx: &mut Tx, key: &IdempotencyKey, lease: Duration) -> Result<Claim, DbError> {
    let (held, insert) = fresh(tx, key, lease);
    if insert.run().await? == 1 {
        return Ok(Claim::Ours(held));
    }
    let now = tx.db().clock().now();
    let known: Known = Known::asked_for(tx.query(Known::OF_KEY), key).one().await?;
    let (effect_id, fence) = (known.effect_id, known.fence);
    let told = known.told(key, now);
    if !matches!(told, Claim::Running(_)) {
        return Ok(told);
    }
    let taken = tx
        .query(
            "UPDATE idempotency_keys
             SET leased_until = $1, fence = fence + 1
             WHERE scope = $2 AND operation = $3 AND key = $4 AND fence = $5 AND leased_until < $6 AND answer IS NULL",
        )
        .bind(now.plus(lease))
        .bind(key.scope.clone())
        .bind(key.operation.clone())
        .bind(key.key.clone())
        .bind(fence)
        .bind(now)
        .run()
        .await?;
    Ok(if taken == 1 { Claim::Ours(Held { effect_id, fence: fence + 1 }) } else { told })
}

/// Claims a key that nobody is known to have used. If somebody has, the commit of `tx` answers [`DbError::Missing`].
pub fn claim_fresh(tx: &mut Tx, key: &IdempotencyKey, lease: Duration) -> Held {
    let (held, insert) = fresh(tx, key, lease);
    insert.later_changing_one();
    held
}

fn fresh<'t>(tx: &'t mut Tx, key: &IdempotencyKey, lease: Duration) -> (Held, Query<&'t mut Tx>) {
    let (now, effect_id) = (tx.db().clock().now(), tx.db().clock().uuid());
    let insert = tx
        .query(
            "INSERT INTO idempotency_keys
                 (scope, operation, key, fingerprint, effect_id, leased_until, fence, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, 1, $7)
             ON CONFLICT DO NOTHING",
        )
        .bind(key.scope.clone())
        .bind(key.operation.clone())
        .bind(key.key.clone())
        .bind(hex::encode(key.fingerprint))
        .bind(effect_id)
        .bind(now.plus(lease))
        .bind(now);
    (Held { effect_id, fence: 1 }, insert)
}

#[derive(sqlx::FromRow)]
struct Known {
    fingerprint: String,
    effect_id: Uuid,
    leased_until: Moment,
    fence: i64,
    answer: Option<Json<StoredAnswer>>,
}

impl Known {
    const OF_KEY: &str = "SELECT fingerprint, effect_id, leased_until, fence, answer
         FROM idempotency_keys
         WHERE scope = $1 AND operation = $2 AND key = $3";

    fn asked_for<T>(query: Query<T>, key: &IdempotencyKey) -> Query<T> {
        query.bind(key.scope.clone()).bind(key.operation.clone()).bind(key.key.clone())
    }

    /// What whoever sends the key is told, as long as they do not take it over.
    fn told(self, key: &IdempotencyKey, now: Moment) -> Claim {
        match self.answer {
            _ if self.fingerprint != hex::encode(key.fingerprint) => Claim::Mismatch,
            Some(Json(answer)) => Claim::Answered(answer),
            None => Claim::Running(self.leased_until.since(now)),
        }
    }
}

/// Keeps the answer, once and for all. Changes nothing when the key was taken over in the meantime or is answered.
pub fn answer<'t>(
    tx: &'t mut Tx,
    key: &IdempotencyKey,
    fence: i64,
    answer: StoredAnswer,
) -> Query<&'t mut Tx> {
    tx.query(
        "UPDATE idempotency_keys
         SET answer = $1
         WHERE scope = $2 AND operation = $3 AND key = $4 AND fence = $5 AND answer IS NULL",
    )
    .bind(Json(answer))
    .bind(key.scope.clone())
    .bind(key.operation.clone())
    .bind(key.key.clone())
    .bind(fence)
}

/// Gives the key up without an answer, so that the next to send it resumes the work at once. Changes nothing when
/// somebody else holds it.
pub fn give_up<'t>(tx: &'t mut Tx, key: &IdempotencyKey, fence: i64) -> Query<&'t mut Tx> {
    let now = tx.db().clock().now();
    tx.query(
        "UPDATE idempotency_keys
         SET leased_until = $1
         WHERE scope = $2 AND operation = $3 AND key = $4 AND fence = $5 AND answer IS NULL",
    )
    .bind(now.minus(Duration::from_micros(1)))
    .bind(key.scope.clone())
    .bind(key.operation.clone())
    .bind(key.key.clone())
    .bind(fence)
}

/// Lets go of the key as if it had never been used: what was asked for could not be begun, and the next request may
/// ask for something else. Changes nothing when somebody else holds it.
pub fn release<'t>(tx: &'t mut Tx, key: &IdempotencyKey, fence: i64) -> Query<&'t mut Tx> {
    tx.query(
        "DELETE FROM idempotency_keys
         WHERE scope = $1 AND operation = $2 AND key = $3 AND fence = $4 AND answer IS NULL",
    )
    .bind(key.scope.clone())
    .bind(key.operation.clone())
    .bind(key.key.clone())
    .bind(fence)
}

/// Forgets keys older than seven days. `true` says that there may be more.
///
/// # Errors
/// As any statement.
pub async fn forget(db: &Db) -> Result<bool, DbError> {
    let before = db.clock().now().minus(KEEP);
    let (due,): (bool,) = db
        .query("SELECT EXISTS (SELECT 1 FROM idempotency_keys WHERE created_at < $1)")
        .bind(before)
        .one()
        .await?;
    if !due {
        return Ok(false);
    }
    let mut tx = db.begin().await?;
    tx.query(
        "DELETE FROM idempotency_keys
         WHERE (scope, operation, key) IN (
             SELECT scope, operation, key FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT 500
         )",
    )
    .bind(before)
    .run()
    .await?;
    tx.commit().await?;
    Ok(true)
}
