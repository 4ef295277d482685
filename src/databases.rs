//! Opens each module's database where the settings say it is.

use std::str::FromStr as _;
use std::sync::LazyLock;

use futures::future::try_join_all;
use kernel::Clock;
use platform::db::{PostgresOptions, Queue, SqliteOptions, Store, provision};
use platform::{Db, DbError, Tasks};
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgConnectOptions;

use crate::config::{Config, DatabaseUrl, Place};
use crate::declared::{Declared, MODULES};

/// What tells this process's connections from those of another, as the server lists them.
static PROCESS: LazyLock<String> = LazyLock::new(|| format!("cleave {:08x}", rand::random::<u32>()));

/// The databases of the modules that run here.
#[derive(Clone)]
pub struct Databases(Vec<Db>);

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
    /// Opens those of the modules that run here.
    ///
    /// # Errors
    /// The first that cannot be opened.
    pub async fn open(config: &Config, clock: &Clock, tasks: &Tasks) -> Result<Self, DatabaseError> {
        let here = MODULES.iter().filter(|module| config.modules.runs(module.name));
        let opened = here.map(|module| Box::pin(open(module.name, config, clock, tasks)));
        try_join_all(opened).await.map(Self)
    }

    /// Applies the migrations that are missing.
    ///
    /// # Errors
    /// The first that cannot be migrated.
    pub async fn migrate(&self, config: &Config) -> Result<(), DatabaseError> {
        let migrated = self.declared().map(|(db, declared)| async move {
            db.migrate(declared.migrations).await.map_err(|source| DatabaseError {
                module: declared.name,
                place: describe(&config.place(declared.name)),
                source,
            })
        });
        try_join_all(migrated).await.map(drop)
    }

    /// Forgets moves of tables that the last process did not bring to their end. Only for who runs the modules: a
    /// command may look in while one is under way.
    ///
    /// # Errors
    /// A database cannot be asked.
    pub async fn call_off_moves(&self, config: &Config) -> Result<(), DatabaseError> {
        for db in &self.0 {
            let place = || describe(&config.place(db.module()));
            let failed = |source| DatabaseError { module: db.module(), place: place(), source };
            db.call_off_move().await.map_err(failed)?;
        }
        Ok(())
    }

    /// The database of this module, if it runs here.
    pub fn of(&self, module: &str) -> Option<&Db> {
        self.0.iter().find(|db| db.module() == module)
    }

    /// All that are open, in the order of [`MODULES`].
    pub fn all(&self) -> &[Db] {
        &self.0
    }

    /// Each that is open, with what is known of its module.
    pub fn declared(&self) -> impl Iterator<Item = (&Db, &'static Declared)> {
        MODULES.iter().filter_map(|declared| Some((self.of(declared.name)?, declared)))
    }

    /// Lets go of all.
    pub async fn close(&self) {
        for db in &self.0 {
            db.close().await;
        }
    }
}

/// Opens the database of one module.
pub(crate) async fn open(
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

/// A store as the settings describe it. A database that may be created is created.
pub(crate) async fn store(place: &Place, config: &Config) -> Result<Store, DbError> {
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
        connect: connect.application_name(&PROCESS),
        pool_size: settings.pool_size.get(),
        acquire_timeout: settings.acquire_timeout,
        accept_unsafe_settings: settings.accept_unsafe_settings,
    })))
}

/// How the database of another module would be opened with this module's credentials; `None` where it cannot come to
/// that, because the two are on different servers or in files.
pub(crate) fn store_of_another(module: &str, other: &str, config: &Config) -> Option<Store> {
    let (own, theirs) = (config.place(module), config.place(other));
    let database = database(&theirs)?;
    if server(&own)? != server(&theirs)? {
        return None;
    }
    let settings = &config.database;
    let connect = match &own {
        Place::File(_) => return None,
        Place::Shared { server, database } if settings.create => {
            let password = role_password(server, database);
            PgConnectOptions::from_str(server.expose()).ok()?.username(database).password(&password)
        }
        Place::Own(url) | Place::Shared { server: url, .. } => {
            PgConnectOptions::from_str(url.expose()).ok()?
        }
    };
    Some(Store::Postgres(Box::new(PostgresOptions {
        connect: connect.application_name("cleave doctor").database(&database),
        pool_size: 1,
        acquire_timeout: settings.acquire_timeout,
        accept_unsafe_settings: true,
    })))
}

fn server(place: &Place) -> Option<(String, u16)> {
    match place {
        Place::File(_) => None,
        Place::Own(url) | Place::Shared { server: url, .. } => Some(url.server()),
    }
}

fn database(place: &Place) -> Option<String> {
    match place {
        Place::File(_) => None,
        Place::Own(url) => Some(url.database()),
        Place::Shared { database, .. } => Some(database.clone()),
    }
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
