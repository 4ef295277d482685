//! Work that must be done but not now, or not inside a transaction: rows, claimed by workers, tried until done.

use std::sync::Arc;
use std::time::Duration;

use kernel::Moment;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::db::{Db, DbError, Json, Sql, Tx};
use crate::fault;
use crate::tasks::Tasks;

/// After this time a job whose worker died is anybody's again.
const LEASE: Duration = Duration::from_mins(1);
const BATCH: i64 = 16;
const ATTEMPTS: i64 = 12;
/// How often work of other processes is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// A job as its worker sees it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Job {
    /// Its id; stays the same over all attempts, so it can serve as a key elsewhere.
    pub id: Uuid,
    /// What is to be done.
    pub kind: String,
    payload: Json<serde_json::Value>,
    /// Which attempt this is, from 1.
    pub attempts: i64,
    max_attempts: i64,
}

impl Job {
    /// What to do it with.
    ///
    /// # Errors
    /// The payload is of another form.
    pub fn payload<P: DeserializeOwned>(&self) -> Result<P, JobError> {
        P::deserialize(&self.payload.0)
            .map_err(|error| JobError(format!("the payload cannot be read: {error}")))
    }
}

/// Why a job was not done. It is tried again later.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JobError(pub String);

impl From<DbError> for JobError {
    fn from(error: DbError) -> Self {
        Self(error.to_string())
    }
}

/// Does a module's jobs.
#[kernel::macros::async_trait]
pub trait Worker: Send + Sync + 'static {
    /// Does one job. It may run twice: the outside must recognise a repetition by the job's id.
    ///
    /// # Errors
    /// It is tried again, with growing pauses, twelve times in all.
    async fn work(&self, job: &Job) -> Result<(), JobError>;
}

impl Tx {
    /// Writes down work to be done from `run_at` on, in the same transaction as the reason for it.
    ///
    /// # Errors
    /// As any statement.
    pub async fn enqueue<P: Serialize>(
        &mut self,
        kind: &'static str,
        payload: &P,
        run_at: Moment,
    ) -> Result<(), DbError> {
        let payload = serde_json::to_value(payload)
            .map_err(|error| DbError::Other(sqlx::Error::Encode(error.into())))?;
        let clock = self.db().clock().clone();
        self.query(
            "INSERT INTO jobs (id, kind, payload, run_at, attempts, max_attempts, created_at)
             VALUES ($1, $2, $3, $4, 0, $5, $6)",
        )
        .bind(clock.uuid())
        .bind(kind)
        .bind(Json(payload))
        .bind(run_at)
        .bind(ATTEMPTS)
        .bind(clock.now())
        .later();
        self.mark_enqueued();
        Ok(())
    }
}

/// Runs a module's jobs until the process stops.
pub async fn work(worker: Arc<dyn Worker>, db: Db, tasks: Tasks) {
    while !tasks.stopping().is_cancelled() {
        let enqueued = db.enqueued().notified();
        match claim(&db).await {
            Ok(jobs) if !jobs.is_empty() => {
                let running: Vec<_> = jobs
                    .into_iter()
                    .map(|job| tasks.spawn(run(Arc::clone(&worker), db.clone(), job)))
                    .collect();
                for job in running {
                    let _ = job.await;
                }
                continue;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(error = %error, module = db.module(), "jobs cannot be claimed"),
        }
        tokio::select! {
            () = enqueued => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = tasks.stopping().cancelled() => {}
        }
    }
}

async fn claim(db: &Db) -> Result<Vec<Job>, DbError> {
    let now = db.clock().now();
    let (due,): (bool,) = db
        .query(
            "SELECT EXISTS (
                 SELECT 1 FROM jobs
                 WHERE failed_at IS NULL AND run_at <= $1 AND (leased_until IS NULL OR leased_until < $1)
             )",
        )
        .bind(now)
        .one()
        .await?;
    if !due {
        return Ok(Vec::new());
    }
    let mut tx = db.begin().await?;
    let jobs = tx
        .query(Sql::each(
            "UPDATE jobs
             SET leased_until = $2, attempts = attempts + 1
             WHERE id IN (
                 SELECT id FROM jobs
                 WHERE failed_at IS NULL AND run_at <= $1 AND (leased_until IS NULL OR leased_until < $1)
                 ORDER BY run_at
                 LIMIT $3
             )
             RETURNING {columns}",
            "UPDATE jobs
             SET leased_until = $2, attempts = attempts + 1
             WHERE id IN (
                 SELECT id FROM jobs
                 WHERE failed_at IS NULL AND run_at <= $1 AND (leased_until IS NULL OR leased_until < $1)
                 ORDER BY run_at
                 LIMIT $3
                 FOR UPDATE SKIP LOCKED
             )
             RETURNING {columns}",
        ))
        .columns("id, kind, payload, attempts, max_attempts")
        .bind(now)
        .bind(now.plus(LEASE))
        .bind(BATCH)
        .all()
        .await?;
    tx.commit().await?;
    fault!("job.after_claim");
    Ok(jobs)
}

async fn run(worker: Arc<dyn Worker>, db: Db, job: Job) {
    let outcome = match worker.work(&job).await {
        Ok(()) => done(&db, &job).await,
        Err(error) => {
            tracing::warn!(job.id = %job.id, job.kind = %job.kind, error = %error, "a job failed and is tried again");
            again(&db, &job, &error).await
        }
    };
    if let Err(error) = outcome {
        // Its lease ends by itself and it runs again.
        tracing::warn!(job.id = %job.id, error = %error, "the outcome of a job could not be stored");
    }
}

async fn done(db: &Db, job: &Job) -> Result<(), DbError> {
    fault!("job.after_work_before_done", DbError::Busy);
    let mut tx = db.begin().await?;
    // The attempt is the fence: a worker whose lease ran out no longer speaks for the job.
    tx.query("DELETE FROM jobs WHERE id = $1 AND attempts = $2")
        .bind(job.id)
        .bind(job.attempts)
        .run()
        .await?;
    tx.commit().await?;
    fault!("job.after_done");
    Ok(())
}

async fn again(db: &Db, job: &Job, error: &JobError) -> Result<(), DbError> {
    let now = db.clock().now();
    let failed_at = (job.attempts >= job.max_attempts).then_some(now);
    let pause = Duration::from_millis(500) * 2_u32.pow(job.attempts.clamp(0, 12) as u32);
    let mut tx = db.begin().await?;
    tx.query(
        "UPDATE jobs
         SET leased_until = NULL, run_at = $1, last_error = $2, failed_at = $3
         WHERE id = $4 AND attempts = $5",
    )
    .bind(now.plus(pause))
    .bind(error.0.clone())
    .bind(failed_at)
    .bind(job.id)
    .bind(job.attempts)
    .run()
    .await?;
    tx.commit().await
}
