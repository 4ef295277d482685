//! The payment module: intents, captures, refunds, the ledger, and what providers say.
//!
//! It calls no other module. What it has to say, it says in `payment-api`.

mod contract;
mod intent;
mod jobs;
mod ledger;
mod listen;
mod provider;
mod refund;
#[cfg(test)]
mod tests;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use payment_api::{Payments, PaymentsServer};
use platform::db::Migration;
use platform::{Commands, Db, DbError, Mount, Sweep, Tasks};

use intent::service::Intents;
use jobs::Till;
use ledger::http::Ledger;
use provider::test::TestProvider;
use provider::{Provider, Providers};
use refund::service::Refunds;
use webhook::service::Webhooks;

/// Its name: of its database, its log and its place in the configuration.
pub const NAME: &str = "payment";

/// Its tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration::new(1, "intents", include_str!("../../../migrations/payment/0001_intents.sql")),
    Migration::new(2, "refunds", include_str!("../../../migrations/payment/0002_refunds.sql")),
    Migration::each(
        3,
        "ledger",
        include_str!("../../../migrations/payment/0003_ledger.sqlite.sql"),
        include_str!("../../../migrations/payment/0003_ledger.postgres.sql"),
    ),
    Migration::new(4, "webhooks", include_str!("../../../migrations/payment/0004_webhooks.sql")),
];

/// How often outcomes that nobody knows are asked about.
const RECOVER_EVERY: Duration = Duration::from_millis(500);

/// What can be set.
#[derive(Clone)]
pub struct Settings {
    /// Whether the test provider is there.
    pub test_provider: bool,
    /// What its webhooks are signed with; made once and kept when absent.
    pub webhook_secret: Option<String>,
}

/// The module, ready to work.
#[derive(Clone)]
pub struct Module {
    db: Db,
    intents: Intents,
    refunds: Refunds,
    webhooks: Webhooks,
    ledger: Ledger,
}

impl Module {
    /// Puts the module together on its migrated database.
    ///
    /// # Errors
    /// The secret of the webhooks can be neither read nor kept.
    pub async fn start(db: Db, tasks: &Tasks, settings: Settings) -> Result<Self, DbError> {
        let commands = Commands::new(db.clone(), tasks.clone());
        let test: Option<Arc<dyn Provider>> = settings
            .test_provider
            .then(|| Arc::new(TestProvider::new(db.clock().clone())) as Arc<dyn Provider>);
        let providers = Providers::new(test);
        let secret = match settings.webhook_secret {
            Some(secret) => secret,
            None => {
                webhook::store::secret(&db, TestProvider::NAME, format!("{:064x}", rand::random::<u128>()))
                    .await?
            }
        };
        let refunds = Refunds::new(db.clone(), commands.clone(), providers.clone());
        let intents = Intents::new(db.clone(), commands.clone(), providers, refunds.clone());
        let webhooks = Webhooks::new(db.clone(), commands, intents.clone(), secret);
        Ok(Self { ledger: Ledger::new(db.clone()), intents, refunds, webhooks, db })
    }

    /// What other modules may ask of it.
    pub fn contract(&self) -> Arc<dyn Payments> {
        Arc::new(self.clone())
    }

    /// All there is to mount.
    pub fn mount(&self) -> Mount {
        let (intents, refunds) = (Data::new(self.intents.clone()), Data::new(self.refunds.clone()));
        let (webhooks, ledger) = (Data::new(self.webhooks.clone()), Data::new(self.ledger.clone()));
        let recovered = self.intents.clone();
        Mount {
            db: self.db.clone(),
            contract: Arc::new(PaymentsServer(self.contract())),
            routes: Arc::new(move |app| {
                app.app_data(intents.clone()).app_data(refunds.clone());
                app.app_data(webhooks.clone()).app_data(ledger.clone());
                intent::http::routes(app);
                refund::http::routes(app);
                webhook::http::routes(app);
                ledger::http::routes(app);
            }),
            listeners: vec![Arc::new(listen::Cancellations)],
            worker: Some(Arc::new(Till {
                db: self.db.clone(),
                intents: self.intents.clone(),
                refunds: self.refunds.clone(),
                webhooks: self.webhooks.clone(),
            })),
            sweeps: vec![Sweep::new("payments without an outcome", RECOVER_EVERY, move || {
                let intents = recovered.clone();
                async move { intents.recover().await }
            })],
        }
    }
}
