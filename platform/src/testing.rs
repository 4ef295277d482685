//! A database for a test: a fresh SQLite file, or a fresh PostgreSQL database when the environment asks for one.
//!
//! `CLEAVE_TEST_STORE=postgres` together with `CLEAVE_TEST_POSTGRES=postgres://user@host:port/postgres` runs every
//! test that takes its database from here on PostgreSQL. The user must be allowed to create databases and roles.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test without its database cannot go on"
)]

mod broker;
mod front;

use std::ops::Deref;
use std::time::Duration;

use kernel::Clock;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};

use crate::db::{Migration, PostgresOptions, SqliteOptions, Store, provision};
use crate::{Db, Tasks};

pub use broker::{TestBroker, forget_streams};
pub use front::{ask, front};

/// Where one test keeps one module's tables. Gone when dropped.
pub struct TestStore {
    store: Store,
    /// What is cleaned up with it.
    _kept: Box<dyn Send + Sync>,
}

/// A PostgreSQL database of a test, and its role of the same name.
struct TestDatabase {
    admin: PgConnectOptions,
    name: String,
}

/// A fresh store on the database the environment asks for.
pub async fn store(module: &str) -> TestStore {
    if variable("CLEAVE_TEST_STORE").is_some_and(|asked| asked == "postgres") {
        postgres_store(module).await.unwrap()
    } else {
        sqlite_store(module)
    }
}

/// A fresh SQLite file, whatever the environment asks for.
pub fn sqlite_store(module: &str) -> TestStore {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::Sqlite(SqliteOptions::new(folder.path().join(format!("{module}.db"))));
    TestStore { store, _kept: Box::new(folder) }
}

/// A fresh PostgreSQL database, whatever store the environment asks for. `None`, and a line that says so, when it
/// names no server.
pub async fn postgres_store(module: &str) -> Option<TestStore> {
    let Some(admin) = postgres_admin() else {
        eprintln!("skipped: set CLEAVE_TEST_POSTGRES to a server on which databases may be created");
        return None;
    };
    let name = format!("test_{module}_{}", Clock::system().uuid().simple());
    provision(&admin, &name, &name, "secret").await.unwrap();
    let store = Store::Postgres(Box::new(PostgresOptions {
        connect: admin.clone().database(&name).username(&name).password("secret"),
        pool_size: 4,
        acquire_timeout: Duration::from_secs(5),
        // A throw-away server may well run without fsync.
        accept_unsafe_settings: true,
    }));
    Some(TestStore { store, _kept: Box::new(TestDatabase { admin, name }) })
}

/// The administrator of the server that the environment names.
pub(crate) fn postgres_admin() -> Option<PgConnectOptions> {
    variable("CLEAVE_TEST_POSTGRES").map(|url| url.parse().unwrap())
}

#[expect(clippy::disallowed_methods, reason = "which database the tests run on is no setting of the product")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl TestStore {
    /// Opens the store as one process would. A second call is a second process.
    pub async fn open(&self, module: &'static str, clock: Clock) -> Db {
        Db::open(module, &self.store, clock, &Tasks::new()).await.unwrap()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            if runtime.block_on(remove(&admin, &name)).is_err() {
                eprintln!("the test database {name} is left behind");
            }
        });
        // PostgreSQL removes a database only when every process of its own has heard of it, and one that greets a new
        // connection hears nothing until it was answered. The pool of a test may be making such a connection, and goes
        // no further while the test's only thread waits here: both would stand still for a minute, until the server
        // gives the connection up. So it is the end of the runtime that waits, after it has let go of its connections.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                let (waits, begun) = std::sync::mpsc::channel();
                runtime.spawn_blocking(move || {
                    let _ = waits.send(());
                    let _ = dropping.join();
                });
                // What has not begun would not be waited for.
                let _ = begun.recv();
            }
            Err(_) => drop(dropping.join()),
        }
    }
}

async fn remove(admin: &PgConnectOptions, name: &str) -> Result<(), sqlx::Error> {
    let mut server = admin.connect().await?;
    server.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"))).await?;
    server.execute(AssertSqlSafe(format!("DROP ROLE IF EXISTS \"{name}\""))).await?;
    Ok(())
}

/// An open, migrated database of one test.
pub struct TestDb {
    db: Db,
    tasks: Tasks,
    clock: Clock,
    store: TestStore,
}

/// A fresh database with these tables, on the machine's clock.
pub async fn db(module: &'static str, migrations: &[Migration]) -> TestDb {
    TestDb::open(store(module).await, module, migrations, Clock::system()).await
}

/// A fresh database with these tables, on a clock that the test holds.
pub async fn db_at(module: &'static str, migrations: &[Migration], clock: Clock) -> TestDb {
    TestDb::open(store(module).await, module, migrations, clock).await
}

impl TestDb {
    /// Opens and migrates a store that the test has chosen itself.
    pub async fn open(
        store: TestStore,
        module: &'static str,
        migrations: &[Migration],
        clock: Clock,
    ) -> Self {
        let tasks = Tasks::new();
        let db = Db::open(module, &store, clock.clone(), &tasks).await.unwrap();
        db.migrate(migrations).await.unwrap();
        Self { db, tasks, clock, store }
    }

    /// The tasks the database settles its transactions in.
    pub fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// The clock it was opened with.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Where it is kept, to open it once more.
    pub fn store(&self) -> &TestStore {
        &self.store
    }
}

impl Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}
