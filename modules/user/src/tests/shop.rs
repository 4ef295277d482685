//! A shop of a test: the module on a fresh database, with hashes that cost next to nothing.

use std::time::Duration;

use kernel::{Clock, Moment};
use platform::testing::{self, TestDb};

use crate::account::service::NewCustomer;
use crate::account::{Account, Name};
use crate::email::Email;
use crate::password::Password;
use crate::password::hashing::{HashCost, HashQueue};
use crate::permission::Permissions;
use crate::role::RoleName;
use crate::session::RefreshToken;
use crate::session::service::{SessionError, SignIn, Tokens};
use crate::staff::NewMember;
use crate::{MIGRATIONS, Module, NAME, Settings};

/// The password of everybody in a test.
pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) const CHEAP: HashCost = HashCost { memory_kib: 8, iterations: 1, parallelism: 1 };

pub(crate) struct Shop {
    pub db: TestDb,
    pub module: Module,
}

/// A shop in which time stands still.
pub(crate) async fn shop() -> Shop {
    let db = testing::db_at(NAME, MIGRATIONS, Clock::held_at("2026-03-01T12:00:00Z".parse().unwrap())).await;
    let module = Module::new(db.clone(), db.tasks(), &settings(CHEAP)).unwrap();
    Shop { db, module }
}

pub(crate) fn settings(argon2: HashCost) -> Settings {
    Settings {
        issuer: "cleave".into(),
        access_token: Duration::from_mins(10),
        refresh_token: Duration::from_hours(30 * 24),
        password_min_length: 8,
        argon2,
        hashing: HashQueue { workers: 2, places: 64, wait: Duration::from_secs(30) },
    }
}

impl Shop {
    pub(crate) fn now(&self) -> Moment {
        self.db.clock().now()
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, seconds: u64) {
        self.db.clock().advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn register(&self, address: &str) -> Account {
        let new = NewCustomer { email: email(address), password: password(PASSWORD), name: name("Ada") };
        self.module.accounts.register(new).await.unwrap()
    }

    /// Takes somebody on.
    pub(crate) async fn hire(&self, address: &str, role: &str) -> Account {
        let new = new_member(address, role, Some(PASSWORD));
        self.module.staff.create(new, &Permissions::all()).await.unwrap().0
    }

    pub(crate) async fn sign_in(&self, address: &str, typed: &str) -> Result<Tokens, SessionError> {
        let request =
            SignIn { email: email(address), password: password(typed), user_agent: Some("test".into()) };
        self.module.sessions.sign_in(request).await
    }

    pub(crate) async fn refresh(&self, token: &RefreshToken) -> Result<Tokens, SessionError> {
        self.module.sessions.refresh(token).await
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        self.db.query(sql).one::<(i64,)>().await.unwrap().0
    }
}

pub(crate) fn email(text: &str) -> Email {
    Email::try_from(text.to_owned()).unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    Name::try_from(text.to_owned()).unwrap()
}

pub(crate) fn password(text: &str) -> Password {
    Password::try_from(text.to_owned()).unwrap()
}

pub(crate) fn role(text: &str) -> RoleName {
    RoleName::try_from(text.to_owned()).unwrap()
}

pub(crate) fn new_member(address: &str, title: &str, typed: Option<&str>) -> NewMember {
    NewMember { email: email(address), name: name("Grace"), role: role(title), password: typed.map(password) }
}
