//! The user module: customers and staff, their passwords, sessions and tokens, roles and address books.
//!
//! It calls nobody. Who somebody is, it writes into access tokens that anybody can verify with the keys of its
//! contract; what it has to say, it says in `user-api`.

mod account;
mod address;
mod books;
mod contract;
mod email;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod password;
mod permission;
mod revocation;
mod role;
mod session;
mod setup;
mod staff;
pub mod tokens;

#[cfg(test)]
mod tests {
    mod account;
    mod address;
    mod revocation;
    mod role;
    mod session;
    mod setup;
    mod shop;
    mod staff;
}

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use platform::calls::Callers;
use platform::db::Migration;
use platform::events::Hears;
use platform::http::Routes;
use platform::{Commands, Db, DbError, Mount, Sweep, Tasks};
use user_api::Users;

pub use account::service::{AccountError, Accounts, NewCustomer};
pub use account::{Account, AccountKind, AccountStatus, InvalidName, Name};
pub use books::BOOKS;
pub use email::{Email, InvalidEmail};
pub use password::hashing::{HashCost, HashError, HashQueue};
pub use password::{InvalidPassword, Password, PasswordTooShort};
pub use permission::Permissions;
pub use role::{InvalidRoleName, RoleName};
pub use setup::SetupToken;
pub use setup::service::{FirstOwner, SetupError};
pub use staff::NewMember;
pub use staff::service::{Staff, StaffError};

use address::service::Addresses;
use password::hashing::Hasher;
use revocation::service::Revocations;
use role::service::Roles;
use session::service::Sessions;
use setup::service::Setup;
use tokens::keys::Keyring;

/// Its name: of its database, its log and its place in the configuration.
pub const NAME: &str = "user";

/// Its tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration::new(1, "accounts", include_str!("../../../migrations/user/0001_accounts.sql")),
    Migration::new(2, "sessions", include_str!("../../../migrations/user/0002_sessions.sql")),
    Migration::new(3, "revocations", include_str!("../../../migrations/user/0003_revocations.sql")),
];

/// So long an ended session is kept, for whoever looks into what happened.
const KEEP_SESSIONS: Duration = Duration::from_hours(7 * 24);

/// What the operator decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who issues the tokens.
    pub issuer: String,
    /// How long an access token is good for.
    pub access_token: Duration,
    /// How long a session lives after its last use.
    pub refresh_token: Duration,
    /// The fewest characters of a new password.
    pub password_min_length: usize,
    /// What one password hash costs.
    pub argon2: HashCost,
    /// How many at once, and how many may wait.
    pub hashing: HashQueue,
}

/// The settings cannot be worked with.
#[derive(Debug, thiserror::Error)]
#[error("argon2 does not take these parameters: {0}")]
pub struct SettingsError(argon2::Error);

/// Whom its contract is for, method by method.
pub const CALLERS: Callers = &[("keys", &["gateway"]), ("revoked", &["gateway"]), ("accounts", &["gateway"])];

/// What it hears of others.
pub const HEARS: &[Hears] = &[];

/// Its routes. What they work with is in its [`Mount`], where the module is.
pub fn routes(app: &mut Routes<'_>) {
    account::http::routes(app);
    session::http::routes(app);
    setup::http::routes(app);
    address::http::routes(app);
    staff::http::routes(app);
    role::http::routes(app);
}

/// The module, ready to work.
#[derive(Clone)]
pub struct Module {
    db: Db,
    accounts: Accounts,
    addresses: Addresses,
    hasher: Hasher,
    keyring: Keyring,
    revocations: Revocations,
    roles: Roles,
    sessions: Sessions,
    setup: Setup,
    staff: Staff,
}

impl Module {
    /// Puts the module together on its migrated database.
    ///
    /// # Errors
    /// The cost of a password hash is none.
    pub fn new(db: Db, tasks: &Tasks, settings: &Settings) -> Result<Self, SettingsError> {
        let commands = Commands::new(db.clone(), tasks.clone());
        let hasher = Hasher::new(settings.argon2, settings.hashing).map_err(SettingsError)?;
        let keyring = Keyring::new(db.clone(), &settings.issuer, settings.access_token);
        let shortest = settings.password_min_length;
        Ok(Self {
            accounts: Accounts::new(db.clone(), commands.clone(), hasher.clone(), shortest),
            addresses: Addresses::new(db.clone(), commands.clone()),
            revocations: Revocations::new(db.clone(), settings.access_token),
            roles: Roles::new(db.clone(), commands.clone()),
            sessions: Sessions::new(
                db.clone(),
                commands.clone(),
                hasher.clone(),
                keyring.clone(),
                settings.refresh_token,
            ),
            setup: Setup::new(db.clone(), commands.clone(), hasher.clone(), shortest),
            staff: Staff::new(db.clone(), commands, hasher.clone(), shortest),
            hasher,
            keyring,
            db,
        })
    }

    /// What others may ask of it.
    pub fn contract(&self) -> Arc<dyn Users> {
        Arc::new(self.clone())
    }

    /// The accounts, for the command line.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The staff, for the command line.
    pub fn staff(&self) -> &Staff {
        &self.staff
    }

    /// How many passwords have been checked so far: one for each attempt to sign in, whether its account exists or not.
    pub fn password_checks(&self) -> u64 {
        self.hasher.checks()
    }

    /// How the first owner is made; `None` once there is somebody on the staff. There is no other way into a new shop:
    /// it comes without any password. The token is made by one start and good for a day, however many replicas start
    /// meanwhile.
    ///
    /// # Errors
    /// The store failed.
    pub async fn first_owner(&self) -> Result<Option<FirstOwner>, SetupError> {
        self.setup.first_owner().await
    }

    /// All there is to mount.
    pub fn mount(&self) -> Mount {
        let (accounts, addresses) = (Data::new(self.accounts.clone()), Data::new(self.addresses.clone()));
        let (roles, sessions) = (Data::new(self.roles.clone()), Data::new(self.sessions.clone()));
        let (setup, staff) = (Data::new(self.setup.clone()), Data::new(self.staff.clone()));
        Mount {
            db: self.db.clone(),
            contract: Arc::new(user_api::UsersServer(self.contract())),
            callers: CALLERS,
            services: Arc::new(move |app| {
                app.app_data(accounts.clone())
                    .app_data(addresses.clone())
                    .app_data(roles.clone())
                    .app_data(sessions.clone())
                    .app_data(setup.clone())
                    .app_data(staff.clone());
            }),
            listeners: Vec::new(),
            worker: None,
            sweeps: vec![self.forgetting()],
        }
    }

    /// Forgets sessions that ended long ago, and set-up tokens that nobody used.
    fn forgetting(&self) -> Sweep {
        let db = self.db.clone();
        Sweep::new("forget ended sessions", Duration::from_hours(1), move || {
            let db = db.clone();
            async move { forget(&db).await }
        })
    }
}

async fn forget(db: &Db) -> Result<bool, DbError> {
    let before = db.clock().now().minus(KEEP_SESSIONS);
    setup::store::forget(db, before).await?;
    session::store::forget(db, before).await
}
