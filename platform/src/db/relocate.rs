//! Brings a module's tables to another database while they are in use.
//!
//! The tables note what changes from the first moment on. All rows are copied as they were then, and what changed
//! meanwhile is brought after, again and again, until little is left. Both sides are read and compared. Then writing
//! pauses, the last changes follow, the old tables refuse every further change, and the module goes on with the new
//! ones. Whoever wants to write waits for that; nobody is refused. Until the old tables refuse, they are the truth,
//! and a move that fails leaves them as they were.

mod copy;
mod mark;
mod notes;
mod report;
mod schema;
mod side;
mod source;

use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgPool, Postgres};
use tokio::sync::OwnedRwLockWriteGuard;
use uuid::Uuid;

use super::{Db, DbError, Engine, Migration, Store, migrate, postgres};
use crate::tasks::Tasks;
use copy::Changes;
pub(super) use mark::check;
pub use report::{Compared, Destination, Progress, RelocateError, Relocated, Step};
use schema::Table;
use side::{Dialect, Side};
use source::{Snapshot, Source};

/// How long writing may pause.
const PAUSE: Duration = Duration::from_secs(2);
/// How long of that transactions that have begun may take to end.
const TO_REST: Duration = Duration::from_secs(1);
/// Little enough is left when bringing it took no longer than this.
const SHORT: Duration = Duration::from_millis(300);
/// How often the changes are followed, and how often the pause is tried.
const ROUNDS: u32 = 50;
const TRIES: u32 = 5;
/// Readers that had begun on the old tables have ended after this.
const LINGER: Duration = Duration::from_secs(10);

/// Brings the tables there. In this process the module goes on with them; every other one has to be told.
///
/// Called again after it was cut off, it finishes what was all but done, and else begins anew.
///
/// # Errors
/// See [`RelocateError`].
pub async fn relocate(
    db: &Db,
    migrations: &[Migration],
    destination: &Destination,
    progress: &Progress,
    tasks: &Tasks,
) -> Result<Relocated, RelocateError> {
    if db.0.moved.get().is_some() {
        return Err(RelocateError::MovedBefore);
    }
    let store = Store::Postgres(Box::new(destination.to.clone()));
    let there = Db::open_unchecked(db.module(), &store, db.clock().clone(), tasks).await?;
    if db.identity().await? == there.identity().await? {
        return Err(RelocateError::SameDatabase);
    }
    progress.doing("makes the tables");
    let (here, known) = (mark::read(db).await?, mark::read(&there).await?);
    let arriving = known.as_ref().is_some_and(|known| known.side == mark::ARRIVING);
    if !arriving {
        check(db).await?;
        if migrate::has(&there, migrate::PLATFORM_TABLE).await? {
            return Err(RelocateError::NotEmpty);
        }
    }
    there.migrate(migrations).await?;
    let pool = postgres::open(&destination.to).await?;
    let mut target = pool.acquire().await.map_err(DbError::from)?;
    let tables = schema::tables(&mut Side::Postgres(&mut target)).await?;
    let relocation = Relocation { db, destination, progress, tables, id: db.clock().uuid(), followed: 0 };
    if let (Some(here), Some(known)) = (&here, &known)
        && here.side == mark::LEFT
        && here.id == known.id
    {
        relocation.arrive(&mut Side::Postgres(&mut target)).await?;
        return Ok(Relocated::default());
    }
    check(db).await?;
    alone(db).await?;
    let moved = relocation.run(&mut target, &pool, tasks).await;
    there.close().await;
    moved
}

/// Looks whether another process has the old tables open. What it would write from the switch on is refused; better it
/// hears of the move before.
async fn alone(db: &Db) -> Result<(), RelocateError> {
    let Engine::Postgres { pool, .. } = db.engine() else { return Ok(()) };
    let mut connection = pool.acquire().await.map_err(DbError::from)?;
    let others = Side::Postgres(&mut connection)
        .texts(
            "SELECT DISTINCT application_name FROM pg_stat_activity
             WHERE datname = current_database() AND usename = current_user AND backend_type = 'client backend'
                 AND application_name <> current_setting('application_name')
             ORDER BY application_name",
            &[],
        )
        .await?;
    if others.is_empty() { Ok(()) } else { Err(RelocateError::InUse { others: others.join(", ") }) }
}

/// Forgets a move that this database's last process did not bring to its end.
pub(super) async fn call_off(db: &Db) -> Result<(), DbError> {
    let leaving = mark::read(db).await?.is_some_and(|mark| mark.side == mark::LEAVING);
    if !leaving {
        return Ok(());
    }
    tracing::warn!(module = db.module(), "a move of the tables had not come to its end and is called off");
    let mut source = Source::alone(db).await?;
    source.transaction(async |side| Box::pin(Relocation::forget(side)).await).await.map_err(|error| {
        match error {
            RelocateError::Db(error) => error,
            error => DbError::Unsafe(error.to_string()),
        }
    })
}

/// A move under way.
struct Relocation<'a> {
    db: &'a Db,
    destination: &'a Destination,
    progress: &'a Progress,
    tables: Vec<Table>,
    id: Uuid,
    followed: u64,
}

impl Relocation<'_> {
    async fn run(
        mut self,
        target: &mut PoolConnection<Postgres>,
        pool: &PgPool,
        tasks: &Tasks,
    ) -> Result<Relocated, RelocateError> {
        let mut target = Side::Postgres(target);
        self.prepare(&mut target).await?;
        self.begin_notes().await?;
        let moved = self.bring(&mut target, pool, tasks).await;
        if moved.is_err() || self.destination.rehearse {
            let _rest = self.rest().await;
            let mut source = Source::alone(self.db).await?;
            if self.is_under_way(&mut source).await? {
                source.transaction(async |side| Self::forget(side).await).await?;
            }
        }
        moved
    }

    /// Empties the new tables, of what their migrations put there as well, and lets rows come in any order.
    async fn prepare(&self, target: &mut Side<'_>) -> Result<(), RelocateError> {
        self.progress.doing("makes the tables");
        let at = self.db.clock().now();
        mark::write(target, self.id, mark::ARRIVING, &self.destination.from, at).await?;
        for table in &self.tables {
            target.run(format!("ALTER TABLE \"{}\" DISABLE TRIGGER USER", table.name), &[]).await?;
        }
        target.run(format!("TRUNCATE {}", self.names()), &[]).await?;
        constraints(target, "DEFERRABLE INITIALLY DEFERRED").await
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.tables.iter().map(|table| format!("\"{}\"", table.name)).collect();
        names.join(", ")
    }

    async fn begin_notes(&self) -> Result<(), RelocateError> {
        let _rest = self.rest().await?;
        let mut source = Source::alone(self.db).await?;
        let (other, at) = (&self.destination.name, self.db.clock().now());
        source
            .transaction(async |side| {
                schema::check_source(side, &self.tables).await?;
                Self::forget(side).await?;
                notes::note(side, &self.tables).await?;
                mark::write(side, self.id, mark::LEAVING, other, at).await
            })
            .await
    }

    async fn forget(side: &mut Side<'_>) -> Result<(), RelocateError> {
        notes::note_no_more(side).await?;
        mark::erase(side).await
    }

    async fn is_under_way(&self, source: &mut Source) -> Result<bool, RelocateError> {
        mark::is_leaving(&mut source.side()?, self.id).await
    }

    async fn bring(
        &mut self,
        target: &mut Side<'_>,
        pool: &PgPool,
        tasks: &Tasks,
    ) -> Result<Relocated, RelocateError> {
        self.progress.doing("copies");
        let mut snapshot = Snapshot::take(self.db).await?;
        target.run("BEGIN", &[]).await?;
        copy::everything(&mut snapshot.side(), target, &self.tables, self.progress).await?;
        target.run("COMMIT", &[]).await?;
        target.run(format!("ANALYZE {}", self.names()), &[]).await?;
        drop(snapshot);

        self.progress.doing("follows what changed");
        let mut snapshot = self.follow_until_little_is_left(target).await?;
        self.progress.doing("compares");
        let compared = copy::compare(&mut snapshot.side(), target, &self.tables, self.progress).await?;
        drop(snapshot);

        for _ in 0..TRIES {
            self.progress.doing("follows what changed");
            drop(self.follow_until_little_is_left(target).await?);
            self.progress.doing("lets writing wait");
            let began = Instant::now();
            let Ok(rest) = self.rest().await else { continue };
            if self.last(target, began).await? {
                if !self.destination.rehearse {
                    self.switch(target, pool, tasks).await?;
                }
                drop(rest);
                let paused = began.elapsed();
                return Ok(Relocated { tables: compared, followed: self.followed, paused });
            }
        }
        Err(RelocateError::TooBusy)
    }

    /// Brings changes after, and returns the old tables as they were when both sides last were the same.
    async fn follow_until_little_is_left(
        &mut self,
        target: &mut Side<'_>,
    ) -> Result<Snapshot, RelocateError> {
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let mut snapshot = Snapshot::take(self.db).await?;
            let changes = Changes::noted(&mut snapshot.side()).await?;
            changes.follow(&mut snapshot.side(), target, &self.tables).await?;
            self.followed += changes.rows();
            self.progress.rows(changes.rows());
            let mut tx = self.db.begin().await?;
            tx.query(super::Sql::each(
                "DELETE FROM moving_changes WHERE number IN (SELECT value FROM json_each($1))",
                "DELETE FROM moving_changes
                 WHERE number IN (SELECT value::BIGINT FROM json_array_elements_text($1::JSON))",
            ))
            .bind(changes.numbers)
            .run()
            .await?;
            tx.commit().await?;
            if began.elapsed() < SHORT {
                return Ok(snapshot);
            }
        }
        Err(RelocateError::TooBusy)
    }

    /// Waits until no transaction is open, and lets none begin.
    async fn rest(&self) -> Result<OwnedRwLockWriteGuard<()>, RelocateError> {
        let rest = std::sync::Arc::clone(&self.db.0.gate).write_owned();
        tokio::time::timeout(TO_REST, rest).await.map_err(|_| RelocateError::TooBusy)
    }

    /// Brings the last changes, while nobody writes. Then the old tables refuse. `false` when there was no time.
    async fn last(&mut self, target: &mut Side<'_>, began: Instant) -> Result<bool, RelocateError> {
        let mut source = Source::alone(self.db).await?;
        let (tables, names, destination, id) = (&self.tables, self.names(), self.destination, self.id);
        let at = self.db.clock().now();
        let last = source
            .transaction(async |side| {
                if side.dialect() == Dialect::Postgres {
                    side.run("SET LOCAL lock_timeout = '1s'", &[]).await?;
                    side.run(format!("LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"), &[]).await?;
                }
                if !mark::is_leaving(side, id).await? {
                    return Err(RelocateError::CalledOff);
                }
                let changes = Changes::noted(side).await?;
                changes.follow(side, target, tables).await?;
                copy::compare_counts(side, target, tables).await?;
                if began.elapsed() > PAUSE {
                    return Ok(None);
                }
                if !destination.rehearse {
                    notes::note_no_more(side).await?;
                    notes::refuse(side, tables).await?;
                    mark::write(side, id, mark::LEFT, &destination.name, at).await?;
                }
                Ok(Some(changes.rows()))
            })
            .await?;
        self.followed += last.unwrap_or(0);
        Ok(last.is_some())
    }

    /// The module goes on with the new tables.
    async fn switch(&self, target: &mut Side<'_>, pool: &PgPool, tasks: &Tasks) -> Result<(), RelocateError> {
        let mut tries = 0;
        while let Err(error) = self.arrive(target).await {
            tries += 1;
            if tries == TRIES {
                return Err(RelocateError::Unfinished(Box::new(error)));
            }
            tokio::time::sleep(SHORT).await;
        }
        let engine = Engine::Postgres { pool: pool.clone(), tasks: tasks.clone() };
        self.db.0.moved.set(engine).map_err(|_| RelocateError::MovedBefore)?;
        let db = self.db.clone();
        let lingering = tasks.clone();
        drop(tasks.spawn(async move {
            lingering.pause(LINGER).await;
            db.0.engine.close().await;
        }));
        Ok(())
    }

    /// Tells the new tables that they are complete: their own rules hold from now on.
    async fn arrive(&self, target: &mut Side<'_>) -> Result<(), RelocateError> {
        target.run("BEGIN", &[]).await?;
        let arrived = self.tell_arrived(target).await;
        target.run(if arrived.is_ok() { "COMMIT" } else { "ROLLBACK" }, &[]).await?;
        arrived
    }

    async fn tell_arrived(&self, target: &mut Side<'_>) -> Result<(), RelocateError> {
        constraints(target, "NOT DEFERRABLE").await?;
        for table in &self.tables {
            target.run(format!("ALTER TABLE \"{}\" ENABLE TRIGGER USER", table.name), &[]).await?;
        }
        mark::erase(target).await
    }
}

/// Says when references between the new tables are looked at.
async fn constraints(target: &mut Side<'_>, when: &str) -> Result<(), RelocateError> {
    let names = target
        .texts(
            "SELECT format('ALTER TABLE %s ALTER CONSTRAINT %I ', conrelid::REGCLASS, conname) FROM pg_constraint
             WHERE contype = 'f' AND connamespace = current_schema()::REGNAMESPACE",
            &[],
        )
        .await?;
    for alter in names {
        target.run(format!("{alter}{when}"), &[]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
