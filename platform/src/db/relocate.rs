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
mod schema;
mod side;

use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgPool, Postgres};
use sqlx::sqlite::Sqlite;
use tokio::sync::{OwnedRwLockWriteGuard, watch};
use uuid::Uuid;

use super::group::Borrowed;
use super::{Db, DbError, Engine, Migration, PostgresOptions, Store, migrate, postgres};
use crate::tasks::Tasks;
use copy::Changes;
pub(super) use mark::check;
use schema::Table;
use side::Side;

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

/// Why tables were not moved. They are where they were, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum RelocateError {
    /// Nothing would move.
    #[error("the tables are in that database already")]
    SameDatabase,
    /// Something is there that would be overwritten.
    #[error("there are tables of a shop in that database already; name an empty one, or drop it first")]
    NotEmpty,
    /// The tables of the two are not the same.
    #[error("the table `{table}` is not alike in both databases, or has a column this does not know")]
    Unlike {
        /// Which, or whose.
        table: String,
    },
    /// What arrived is not what was sent.
    #[error("the rows of `{table}` have not arrived as they were sent")]
    Differs {
        /// Which.
        table: String,
    },
    /// Somebody else began with these tables.
    #[error(
        "another process opened these tables and called the move off; only one may run the module meanwhile"
    )]
    CalledOff,
    /// There is too much to write.
    #[error("changes come faster than they can be brought after; try it when there is less to do")]
    TooBusy,
    /// The module was moved before, in this process.
    #[error("this process has moved the module before; start it anew with its new settings first")]
    MovedBefore,
    /// The old tables refuse changes and the new ones are complete, and could not be told so.
    #[error("all has arrived, but the new database could not be told; run `cleave move` again")]
    Unfinished(#[source] Box<RelocateError>),
    /// A database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A row that cannot be read.
    #[error("a row cannot be read")]
    Row(#[from] serde_json::Error),
}

impl RelocateError {
    fn unlike(table: &str) -> Self {
        Self::Unlike { table: table.to_owned() }
    }
}

/// Where a move goes, and how.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The database.
    pub to: PostgresOptions,
    /// What it is called, for people and without passwords.
    pub name: String,
    /// What the old one is called.
    pub from: String,
    /// Do all but the last step, and leave everything as it was.
    pub rehearse: bool,
}

/// A table that was read on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Its name.
    pub table: String,
    /// How many rows it had then.
    pub rows: u64,
    /// The sum of the SHA-256 digests of its rows, each cut to 128 bits.
    pub checksum: String,
}

/// How a move went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relocated {
    /// The tables, as they were compared.
    pub tables: Vec<Compared>,
    /// Rows that changed meanwhile and were brought after.
    pub followed: u64,
    /// How long writing paused.
    pub paused: Duration,
}

/// How far a move is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is being done.
    pub doing: &'static str,
    /// How many rows of it are done.
    pub rows: u64,
}

/// Tells how far a move is.
#[derive(Debug, Clone)]
pub struct Progress(watch::Sender<Step>);

impl Progress {
    /// One that has not begun, and where to look at it.
    pub fn new() -> (Self, watch::Receiver<Step>) {
        let (sender, receiver) = watch::channel(Step { doing: "begins", rows: 0 });
        (Self(sender), receiver)
    }

    fn doing(&self, doing: &'static str) {
        self.0.send_replace(Step { doing, rows: 0 });
    }

    fn rows(&self, more: u64) {
        self.0.send_modify(|step| step.rows += more);
    }
}

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
    if !arriving && migrate::has(&there, migrate::PLATFORM_TABLE).await? {
        return Err(RelocateError::NotEmpty);
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
    mark::check(db).await?;
    let moved = relocation.run(&mut target, &pool, tasks).await;
    there.close().await;
    moved
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

/// The connection through which the old tables are changed.
enum Source {
    Sqlite(Borrowed),
    Postgres(PoolConnection<Postgres>),
}

impl Source {
    async fn alone(db: &Db) -> Result<Self, DbError> {
        Ok(match db.engine() {
            Engine::Sqlite { writer, .. } => Self::Sqlite(writer.borrow().await?),
            Engine::Postgres { pool, .. } => Self::Postgres(pool.acquire().await?),
        })
    }

    fn side(&mut self) -> Result<Side<'_>, DbError> {
        Ok(match self {
            Self::Sqlite(borrowed) => Side::Sqlite(borrowed.connection()?),
            Self::Postgres(connection) => Side::Postgres(connection),
        })
    }

    /// All of it, or nothing.
    async fn transaction<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Side<'_>) -> Result<T, RelocateError>,
    ) -> Result<T, RelocateError> {
        let mut side = self.side()?;
        let begin = match side.dialect() {
            side::Dialect::Sqlite => "BEGIN IMMEDIATE",
            side::Dialect::Postgres => "BEGIN",
        };
        side.run(begin, &[]).await?;
        let done = work(&mut side).await;
        let ended = side.run(if done.is_ok() { "COMMIT" } else { "ROLLBACK" }, &[]).await;
        let done = done?;
        if let Err(error) = ended {
            // Not if the server has heard of it, in which case the connection is gone and this fails, too.
            let _ = side.run("ROLLBACK", &[]).await;
            return Err(error.into());
        }
        Ok(done)
    }
}

/// The old tables as they were at one moment.
enum Snapshot {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Snapshot {
    async fn take(db: &Db) -> Result<Self, RelocateError> {
        let mut snapshot = match db.engine() {
            Engine::Sqlite { readers, .. } => Self::Sqlite(readers.acquire().await.map_err(DbError::from)?),
            Engine::Postgres { pool, .. } => Self::Postgres(pool.acquire().await.map_err(DbError::from)?),
        };
        let begin = match &mut snapshot {
            // Its transaction ends with it.
            Self::Sqlite(connection) => {
                connection.close_on_drop();
                "BEGIN"
            }
            Self::Postgres(connection) => {
                connection.close_on_drop();
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
            }
        };
        snapshot.side().run(begin, &[]).await?;
        // The moment is that of the first statement.
        snapshot.side().texts("SELECT side FROM moves", &[]).await?;
        Ok(snapshot)
    }

    fn side(&mut self) -> Side<'_> {
        match self {
            Self::Sqlite(connection) => Side::Sqlite(connection),
            Self::Postgres(connection) => Side::Postgres(connection),
        }
    }
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
        let names: Vec<String> = self.tables.iter().map(|table| format!("\"{}\"", table.name)).collect();
        target.run(format!("TRUNCATE {}", names.join(", ")), &[]).await?;
        constraints(target, "DEFERRABLE INITIALLY DEFERRED").await
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
        target.run("ANALYZE", &[]).await?;
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
        let (tables, destination, id) = (&self.tables, self.destination, self.id);
        let at = self.db.clock().now();
        let last = source
            .transaction(async |side| {
                if side.dialect() == side::Dialect::Postgres {
                    side.run("SET LOCAL lock_timeout = '1s'", &[]).await?;
                    let names: Vec<String> =
                        tables.iter().map(|table| format!("\"{}\"", table.name)).collect();
                    let names = names.join(", ");
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
        drop(tasks.spawn(async move {
            tokio::time::sleep(LINGER).await;
            db.0.engine.close().await;
        }));
        Ok(())
    }

    /// Tells the new tables that they are complete: their own rules hold from now on.
    async fn arrive(&self, target: &mut Side<'_>) -> Result<(), RelocateError> {
        target.run("ROLLBACK", &[]).await?;
        target.run("BEGIN", &[]).await?;
        constraints(target, "NOT DEFERRABLE").await?;
        for table in &self.tables {
            target.run(format!("ALTER TABLE \"{}\" ENABLE TRIGGER USER", table.name), &[]).await?;
        }
        mark::erase(target).await?;
        target.run("COMMIT", &[]).await?;
        Ok(())
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
