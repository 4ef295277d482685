//! Migrations: each module brings its own and keeps their history in a table of its own.

use std::borrow::Cow;

use sqlx::migrate::Migrator;
use sqlx::{Connection as _, SqlSafeStr as _};

use super::error::DbError;
use super::statement::Sql;
use super::{Db, Engine};
use crate::fault;

/// One step of a schema. Never edited once released: the history remembers its checksum.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    version: i64,
    name: &'static str,
    sql: Sql,
}

impl Migration {
    /// A step that both databases read alike.
    pub const fn new(version: i64, name: &'static str, sql: &'static str) -> Self {
        Self { version, name, sql: Sql::each(sql, sql) }
    }

    /// A step that has to be worded for each.
    pub const fn each(
        version: i64,
        name: &'static str,
        sqlite: &'static str,
        postgres: &'static str,
    ) -> Self {
        Self { version, name, sql: Sql::each(sqlite, postgres) }
    }

    /// The tables it creates.
    pub fn tables(&self) -> impl Iterator<Item = &'static str> {
        let created = self.sql.sqlite().lines().filter_map(|line| line.strip_prefix("CREATE TABLE "));
        created.filter_map(|rest| rest.split_whitespace().next())
    }
}

/// What every module's database holds beside the module's own tables.
const PLATFORM: &[Migration] = &[
    Migration::each(
        1,
        "events",
        include_str!("../../../migrations/platform/0001_events.sqlite.sql"),
        include_str!("../../../migrations/platform/0001_events.postgres.sql"),
    ),
    Migration::new(2, "listeners", include_str!("../../../migrations/platform/0002_listeners.sql")),
    Migration::new(3, "jobs", include_str!("../../../migrations/platform/0003_jobs.sql")),
    Migration::new(4, "idempotency", include_str!("../../../migrations/platform/0004_idempotency.sql")),
    Migration::each(
        5,
        "moves",
        include_str!("../../../migrations/platform/0005_moves.sqlite.sql"),
        include_str!("../../../migrations/platform/0005_moves.postgres.sql"),
    ),
];

pub(super) const PLATFORM_TABLE: &str = "platform_migrations";
const MODULE_TABLE: &str = "module_migrations";

pub(super) async fn run(db: &Db, module: &[Migration]) -> Result<(), DbError> {
    for migrator in migrators(db, module) {
        fault!("migrate.before", DbError::Busy);
        match db.engine() {
            Engine::Sqlite { writer, .. } => {
                let mut borrowed = writer.borrow().await?;
                // sqlx takes no lock on SQLite: without this one two processes would both apply what is missing.
                let mut tx = borrowed.connection()?.begin_with("BEGIN IMMEDIATE").await?;
                migrator.run_direct(None, &mut *tx, false).await?;
                fault!("migrate.sqlite.before_commit", DbError::Busy);
                tx.commit().await?;
            }
            Engine::Postgres { pool, .. } => {
                let mut connection = pool.acquire().await?;
                // A migration that fails leaves sqlx's advisory lock behind; it goes with the connection.
                connection.close_on_drop();
                migrator.run_direct(None, &mut *connection, false).await?;
            }
        }
        fault!("migrate.after", DbError::Busy);
    }
    Ok(())
}

/// Whether there is such a table.
pub(super) async fn has(db: &Db, table: &str) -> Result<bool, DbError> {
    let exists = Sql::each(
        "SELECT COUNT(*) FROM sqlite_schema WHERE name = $1",
        "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema AND tablename = $1",
    );
    let (tables,): (i64,) = db.query(exists).bind(table.to_owned()).one().await?;
    Ok(tables > 0)
}

pub(super) async fn pending(db: &Db, module: &[Migration]) -> Result<usize, DbError> {
    let mut pending = 0;
    for migrator in migrators(db, module) {
        let table = migrator.table_name.as_ref();
        let applied: Vec<(i64,)> = match (has(db, table).await?, table) {
            (false, _) => Vec::new(),
            (_, MODULE_TABLE) => {
                db.query("SELECT version FROM module_migrations WHERE success").all().await?
            }
            _ => db.query("SELECT version FROM platform_migrations WHERE success").all().await?,
        };
        pending += migrator.iter().filter(|step| !applied.contains(&(step.version,))).count();
    }
    Ok(pending)
}

fn migrators(db: &Db, module: &[Migration]) -> [Migrator; 2] {
    let make = |table: &'static str, steps: &[Migration]| {
        let steps = steps.iter().map(|step| {
            let text = if db.is_sqlite() { step.sql.sqlite() } else { step.sql.postgres() };
            sqlx::migrate::Migration::new(
                step.version,
                Cow::Borrowed(step.name),
                sqlx::migrate::MigrationType::Simple,
                text.into_sql_str(),
                false,
            )
        });
        let mut migrator = Migrator::with_migrations(steps.collect());
        migrator.dangerous_set_table_name(table);
        migrator
    };
    [make(PLATFORM_TABLE, PLATFORM), make(MODULE_TABLE, module)]
}

#[cfg(test)]
mod tests;
