//! Opens each module's database where the settings say it is.

use std::str::FromStr as _;

use kernel::Clock;
use platform::db::{Migration, PostgresOptions, Queue, SqliteOptions, Store, provision};
use platform::{Db, DbError, Tasks};
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgConnectOptions;

use crate::config::{Config, DatabaseUrl, Place};

/// The modules' names with their tables, in the order of who is called by whom.
pub const MODULES: [(&str, &[Migration]); 4] = [
    (user::NAME, user::MIGRATIONS),
    (product::NAME, product::MIGRATIONS),
    (payment::NAME, payment::MIGRATIONS),
    (order::NAME, order::MIGRATIONS),
];

/// Every module's database.
#[derive(Clone)]
pub struct Databases {
    /// The user module's.
    pub user: Db,
    /// The product module's.
    pub product: Db,
    /// The payment module's.
    pub payment: Db,
    /// The order module's.
    pub order: Db,
}

/// A database that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the database of the {module} module ({place})")]
pub struct DatabaseError {
    /// Whose it is.
    pub module: &'static str,
    /// Where it is, without passwords.
    pub place: String,
    /// What is wrong.
    #[source]
    pub source: DbError,
}

impl Databases {
    /// Opens all four.
    ///
    /// # Errors
    /// The first that cannot be opened.
    pub async fn open(config: &Config, clock: &Clock, tasks: &Tasks) -> Result<Self, DatabaseError> {
        let (user, product, payment, order) = tokio::try_join!(
            Box::pin(open(user::NAME, config, clock, tasks)),
            Box::pin(open(product::NAME, config, clock, tasks)),
            Box::pin(open(payment::NAME, config, clock, tasks)),
            Box::pin(open(order::NAME, config, clock, tasks)),
        )?;
        Ok(Self { user, product, payment, order })
    }

    /// Applies the migrations that are missing, in all four.
    ///
    /// # Errors
    /// The first that cannot be migrated.
    pub async fn migrate(&self, config: &Config) -> Result<(), DatabaseError> {
        let migrate = |db: Db, migrations: &'static [Migration]| async move {
            let module = db.module();
            let place = || describe(&config.place(module));
            db.migrate(migrations).await.map_err(|source| DatabaseError { module, place: place(), source })
        };
        tokio::try_join!(
            Box::pin(migrate(self.user.clone(), user::MIGRATIONS)),
            Box::pin(migrate(self.product.clone(), product::MIGRATIONS)),
            Box::pin(migrate(self.payment.clone(), payment::MIGRATIONS)),
            Box::pin(migrate(self.order.clone(), order::MIGRATIONS)),
        )?;
        Ok(())
    }

    /// All four, in the order of [`MODULES`].
    pub fn all(&self) -> [Db; 4] {
        [self.user.clone(), self.product.clone(), self.payment.clone(), self.order.clone()]
    }

    /// Lets go of all four.
    pub async fn close(&self) {
        for db in self.all() {
            db.close().await;
        }
    }
}

async fn open(
    module: &'static str,
    config: &Config,
    clock: &Clock,
    tasks: &Tasks,
) -> Result<Db, DatabaseError> {
    let place = config.place(module);
    let failed = |source| DatabaseError { module, place: describe(&place), source };
    let store = store(&place, config).await.map_err(failed)?;
    Db::open(module, &store, clock.clone(), tasks).await.map_err(failed)
}

async fn store(place: &Place, config: &Config) -> Result<Store, DbError> {
    let settings = &config.database;
    let connect = match place {
        Place::File(file) => {
            return Ok(Store::Sqlite(SqliteOptions {
                file: file.clone(),
                readers: settings.readers.get(),
                queue: Queue { patience: settings.acquire_timeout, ..Queue::default() },
            }));
        }
        Place::Own(url) => PgConnectOptions::from_str(url.expose())?,
        Place::Shared { server, database } if settings.create => {
            let admin = PgConnectOptions::from_str(server.expose())?.database("postgres");
            let password = role_password(server, database);
            provision(&admin, database, database, &password).await?;
            admin.username(database).password(&password).database(database)
        }
        Place::Shared { server, database } => PgConnectOptions::from_str(server.expose())?.database(database),
    };
    Ok(Store::Postgres(Box::new(PostgresOptions {
        connect: connect.application_name("cleave"),
        pool_size: settings.pool_size.get(),
        acquire_timeout: settings.acquire_timeout,
        accept_unsafe_settings: settings.accept_unsafe_settings,
    })))
}

/// The password of a module's role, derived from the administrator's: every process that may know the one knows the
/// other, and none has to be kept.
fn role_password(server: &DatabaseUrl, role: &str) -> String {
    let mut digest = Sha256::new();
    for part in ["cleave role password", server.password(), role] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    hex::encode(digest.finalize())
}

/// Where a database is, for people, without passwords.
pub fn describe(place: &Place) -> String {
    match place {
        Place::File(file) => file.display().to_string(),
        Place::Own(url) => url.to_string(),
        Place::Shared { server, database } => format!("{database} on {server}"),
    }
}
