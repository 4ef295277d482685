//! Migrations: each module brings its own and keeps their history in a table of its own.

use std::borrow::Cow;

use sqlx::migrate::{Migrate, Migrator};
use sqlx::{Acquire as _, SqlSafeStr as _};

use super::error::DbError;
use super::query::Sql;
use super::{Db, Engine};

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
];

pub(super) async fn run(db: &Db, module: &[Migration]) -> Result<(), DbError> {
    for migrator in migrators(db, module) {
        match &db.0.engine {
            Engine::Sqlite { writer, .. } => {
                let mut lease = writer.borrow().await?;
                migrator.run_direct(None, lease.connection()?, false).await?;
            }
            Engine::Postgres { pool, .. } => migrator.run(pool).await?,
        }
    }
    Ok(())
}

pub(super) async fn pending(db: &Db, module: &[Migration]) -> Result<usize, DbError> {
    let mut pending = 0;
    for migrator in migrators(db, module) {
        let applied = match &db.0.engine {
            Engine::Sqlite { writer, .. } => applied(writer.borrow().await?.connection()?, &migrator).await?,
            Engine::Postgres { pool, .. } => {
                applied(pool.acquire().await?.acquire().await?, &migrator).await?
            }
        };
        pending += migrator.iter().count().saturating_sub(applied);
    }
    Ok(pending)
}

async fn applied<C: Migrate>(connection: &mut C, migrator: &Migrator) -> Result<usize, DbError> {
    connection.ensure_migrations_table(&migrator.table_name).await?;
    Ok(connection.list_applied_migrations(&migrator.table_name).await?.len())
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
    [make("platform_migrations", PLATFORM), make("module_migrations", module)]
}
