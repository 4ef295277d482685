//! The payment module: intents, captures, refunds, the ledger, and what providers say.
//!
//! It calls no other module. What it has to say, it says in `payment-api`.

mod attempt;
mod books;
mod contract;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod intent;
mod jobs;
mod ledger;
mod listen;
mod movement;
mod pause;
mod provider;
#[cfg(feature = "sim")]
pub mod sim;
mod status;
#[cfg(test)]
mod tests;
mod webhook;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use payment_api::{Payments, PaymentsServer};
use platform::calls::Callers;
use platform::db::Migration;
use platform::events::Hears;
use platform::http::Routes;
use platform::{Commands, Db, DbError, Mount, Sweep, Tasks};

use attempt::service::Attempts;
use intent::service::Intents;
use jobs::Till;
use ledger::http::Ledger;
use movement::service::Movements;
use provider::http::HttpProvider;
use provider::test::TestProvider;
use provider::{Provider, Providers};
use webhook::service::Webhooks;

pub use books::BOOKS;
pub use provider::http::{MalformedKey, ProviderKey, ProviderSettings};
pub use provider::webhook::{MalformedSecret, WebhookSecret};

/// Its name: of its database, its log and its place in the configuration.
pub const NAME: &str = "payment";

/// Its tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration::new(1, "intents", include_str!("../../../migrations/payment/0001_intents.sql")),
    Migration::new(2, "movements", include_str!("../../../migrations/payment/0002_movements.sql")),
    Migration::each(
        3,
        "ledger",
        include_str!("../../../migrations/payment/0003_ledger.sqlite.sql"),
        include_str!("../../../migrations/payment/0003_ledger.postgres.sql"),
    ),
    Migration::new(4, "webhooks", include_str!("../../../migrations/payment/0004_webhooks.sql")),
];

/// How often it is looked whether somebody is to be asked again. Each row says itself when.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What can be set.
#[derive(Clone)]
pub struct Settings {
    /// Whether the test provider is there.
    pub test_provider: bool,
    /// What its webhooks are signed with; made once and kept when absent.
    pub webhook_secret: Option<WebhookSecret>,
    /// The providers that are asked over HTTP.
    pub providers: Vec<ProviderSettings>,
    /// How long a provider may take to answer; after that the outcome is unknown and asked about later.
    pub provider_timeout: Duration,
}

/// Why the module cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The kept secret of the webhooks cannot be one.
    #[error("the kept secret of the test provider's webhooks cannot be read")]
    Secret(#[from] MalformedSecret),
    /// A provider cannot be asked from this machine.
    #[error("the payment provider `{0}` cannot be asked from here")]
    Outside(String, #[source] platform::tls::OutsideError),
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Whom its contract is for, method by method.
pub const CALLERS: Callers =
    &[("pay", &["order"]), ("resolve", &["order"]), ("cancel", &["order"]), ("payments", &["gateway"])];

/// What it hears of others.
pub const HEARS: &[Hears] = &[listen::HEARS];

/// Its routes. What they work with is in its [`Mount`], where the module is.
pub fn routes(app: &mut Routes<'_>) {
    intent::http::routes(app);
    movement::http::routes(app);
    webhook::http::routes(app);
    ledger::http::routes(app);
}

/// The module, ready to work.
#[derive(Clone)]
pub struct Module {
    db: Db,
    intents: Intents,
    movements: Movements,
    webhooks: Webhooks,
    ledger: Ledger,
}

impl Module {
    /// Puts the module together on its migrated database.
    ///
    /// # Errors
    /// The secret of the webhooks can be neither read nor kept.
    pub async fn start(db: Db, tasks: &Tasks, settings: Settings) -> Result<Self, StartError> {
        let secret = if let Some(secret) = settings.webhook_secret {
            secret
        } else {
            let made = WebhookSecret::made().to_text();
            webhook::store::secret(&db, TestProvider::NAME, made).await?.parse()?
        };
        let mut secrets = HashMap::from([(TestProvider::NAME.to_owned(), secret)]);
        let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
        if settings.test_provider {
            providers.push(Arc::new(TestProvider::new(db.clock().clone())));
        }
        for elsewhere in settings.providers {
            let provider = HttpProvider::new(&elsewhere);
            providers.push(Arc::new(
                provider.map_err(|error| StartError::Outside(elsewhere.name.clone(), error))?,
            ));
            secrets.insert(elsewhere.name, elsewhere.webhook_secret);
        }
        Ok(Self::with(db, tasks, Providers::new(providers, settings.provider_timeout), secrets))
    }

    fn with(db: Db, tasks: &Tasks, providers: Providers, secrets: HashMap<String, WebhookSecret>) -> Self {
        let commands = Commands::new(db.clone(), tasks.clone());
        let attempts = Attempts::new(db.clone(), providers.clone());
        let movements = Movements::new(db.clone(), commands.clone(), providers);
        let intents = Intents::new(db.clone(), commands.clone(), attempts, movements.clone());
        let webhooks = Webhooks::new(db.clone(), commands, intents.clone(), secrets);
        Self { ledger: Ledger::new(db.clone()), intents, movements, webhooks, db }
    }

    /// What other modules may ask of it.
    pub fn contract(&self) -> Arc<dyn Payments> {
        Arc::new(self.clone())
    }

    /// All there is to mount.
    pub fn mount(&self) -> Mount {
        let (intents, movements) = (Data::new(self.intents.clone()), Data::new(self.movements.clone()));
        let (webhooks, ledger) = (Data::new(self.webhooks.clone()), Data::new(self.ledger.clone()));
        let (attempts, moving) = (self.intents.attempts.clone(), self.movements.clone());
        Mount {
            db: self.db.clone(),
            contract: Arc::new(PaymentsServer(self.contract())),
            callers: CALLERS,
            services: Arc::new(move |app| {
                app.app_data(intents.clone()).app_data(movements.clone());
                app.app_data(webhooks.clone()).app_data(ledger.clone());
            }),
            listeners: vec![Arc::new(listen::Cancellations)],
            worker: Some(Arc::new(Till {
                db: self.db.clone(),
                intents: self.intents.clone(),
                movements: self.movements.clone(),
                webhooks: self.webhooks.clone(),
            })),
            sweeps: vec![
                Sweep::new("attempts without an outcome", LOOK_EVERY, move || {
                    let attempts = attempts.clone();
                    async move { attempts.recover().await }
                }),
                Sweep::new("money on its way without an outcome", LOOK_EVERY, move || {
                    let movements = moving.clone();
                    async move { movements.recover().await }
                }),
            ],
        }
    }
}
