//! Puts the shop together. The only place that knows how one module reaches another.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kernel::Clock;
use kernel::call::{Channel, Dispatch, Gate};
use kernel::contract::Route;
use order_api::OrdersServer;
use payment_api::{Payments, PaymentsClient, PaymentsServer};
use platform::calls::{Dispatchers, EncodedChannel, HttpChannel, LocalGate, Token};
use platform::events::{Feeds, FeedsClient, FeedsServer, Logs};
use platform::{Mount, Tasks, events, idempotency, jobs, module};
use product_api::{Products, ProductsClient, ProductsServer};
use user::{InvalidEmail, InvalidName, InvalidPassword, InvalidRoleName, NewMember, Permissions, StaffError};
use user_api::{AccountId, Users, UsersClient, UsersServer};

use crate::config::{Config, ContractMode};
use crate::databases::Databases;

/// How often old events and idempotency keys are forgotten.
const FORGET_EVERY: Duration = Duration::from_hours(1);

/// The modules, put together.
pub struct Modules {
    /// The user module.
    pub user: user::Module,
    /// The product module.
    pub product: product::Module,
    /// The payment module.
    pub payment: payment::Module,
    /// The order module.
    pub order: order::Module,
    /// The user module's contract, as everybody reaches it.
    pub users: Arc<dyn Users>,
    /// The logs, as everybody reads them.
    pub feeds: Arc<dyn Feeds>,
    /// What the internal listener serves.
    pub dispatchers: Arc<Dispatchers>,
}

/// Why somebody could not be taken on.
#[derive(Debug, thiserror::Error)]
pub enum HireError {
    /// Not an e-mail address.
    #[error(transparent)]
    Email(#[from] InvalidEmail),
    /// Not a name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// Not the name of a role.
    #[error(transparent)]
    Role(#[from] InvalidRoleName),
    /// Not a password.
    #[error(transparent)]
    Password(#[from] InvalidPassword),
    /// The user module refuses.
    #[error(transparent)]
    Staff(#[from] StaffError),
}

/// The way calls take in this process.
struct Wires<'c> {
    config: &'c Config,
    internal: SocketAddr,
    token: Token,
    tasks: Tasks,
}

impl Modules {
    /// Wires the modules up on their migrated databases.
    ///
    /// # Errors
    /// A module cannot start, or the way to one cannot be set up.
    pub async fn compose(
        config: &Config,
        databases: &Databases,
        clock: &Clock,
        tasks: &Tasks,
        internal: SocketAddr,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let token = Token::new(format!("{}{}", clock.uuid().simple(), clock.uuid().simple()));
        let wires = Wires { config, internal, token: token.clone(), tasks: tasks.clone() };

        let user = user::Module::new(databases.user.clone(), tasks, &settings::user(config))?;
        let product = product::Module::new(databases.product.clone(), tasks, settings::product(config));
        let payment =
            payment::Module::start(databases.payment.clone(), tasks, settings::payment(config)).await?;
        let logs: Arc<dyn Feeds> = Arc::new(Logs::new(databases.all()));

        let users_server = Arc::new(UsersServer(user.contract()));
        let products_server = Arc::new(ProductsServer(product.contract()));
        let payments_server = Arc::new(PaymentsServer(payment.contract()));
        let feeds_server = Arc::new(FeedsServer(Arc::clone(&logs)));

        let users = Arc::new(UsersClient::new(wires.route(user.contract(), users_server.clone())?));
        let products: Arc<dyn Products> =
            Arc::new(ProductsClient::new(wires.route(product.contract(), products_server.clone())?));
        let payments: Arc<dyn Payments> =
            Arc::new(PaymentsClient::new(wires.route(payment.contract(), payments_server.clone())?));
        let feeds = Arc::new(FeedsClient::new(wires.route(logs, feeds_server.clone())?));

        let order =
            order::Module::new(databases.order.clone(), tasks, settings::order(config), products, payments);
        let orders_server = Arc::new(OrdersServer(order.contract()));
        let served: [Arc<dyn Dispatch>; 5] =
            [users_server, products_server, payments_server, orders_server, feeds_server];
        let dispatchers = Arc::new(Dispatchers::new(served, token, tasks.clone()));
        Ok(Self { user, product, payment, order, users, feeds, dispatchers })
    }

    /// Takes somebody on, without anybody's permission: for who sits at the machine itself.
    ///
    /// # Errors
    /// What is wrong with it, in words for whoever typed it.
    pub async fn hire(
        &self,
        email: &str,
        name: &str,
        role: &str,
        password: &str,
    ) -> Result<AccountId, HireError> {
        let new = NewMember {
            email: email.to_owned().try_into()?,
            name: name.to_owned().try_into()?,
            role: role.to_owned().try_into()?,
            password: Some(password.to_owned().try_into()?),
        };
        let (account, _) = self.user.staff().create(new, &Permissions::all()).await?;
        Ok(account.id)
    }

    /// What each module has to mount.
    pub fn mounts(&self) -> Vec<Mount> {
        vec![self.user.mount(), self.product.mount(), self.payment.mount(), self.order.mount()]
    }
}

impl Wires<'_> {
    /// The route to a module in this process, as the settings want calls to travel.
    fn route<M: ?Sized + Send + Sync + 'static>(
        &self,
        module: Arc<M>,
        served: Arc<dyn Dispatch>,
    ) -> Result<Route<M>, Box<dyn std::error::Error + Send + Sync>> {
        let channel: Arc<dyn Channel> = match self.config.contracts.mode {
            ContractMode::Local => {
                let gate: Arc<dyn Gate> = Arc::new(LocalGate::new(self.tasks.clone()));
                return Ok(Route::Here(module, gate));
            }
            ContractMode::Encoded => Arc::new(EncodedChannel::new(served, self.tasks.clone())),
            ContractMode::Http => {
                Arc::new(HttpChannel::new(format!("http://{}", self.internal), self.token.clone())?)
            }
        };
        Ok(Route::Through(channel))
    }
}

/// Starts everything that runs beside the requests.
pub fn run_beside(modules: &Modules, databases: &Databases, config: &Config, tasks: &Tasks) {
    for mount in modules.mounts() {
        drop(tasks.spawn(events::sequence(mount.db.clone(), tasks.clone())));
        for listener in mount.listeners {
            let feeds = Arc::clone(&modules.feeds);
            let batch = config.events.batch.get();
            drop(tasks.spawn(events::listen(listener, mount.db.clone(), feeds, batch, tasks.clone())));
        }
        if let Some(worker) = mount.worker {
            drop(tasks.spawn(jobs::work(worker, mount.db.clone(), tasks.clone())));
        }
        for sweep in mount.sweeps {
            drop(tasks.spawn(module::sweep(sweep, tasks.clone())));
        }
        let forgetting = mount.db.clone();
        let keys = module::Sweep::new("idempotency keys", FORGET_EVERY, move || {
            let db = forgetting.clone();
            async move { idempotency::forget(&db).await }
        });
        drop(tasks.spawn(module::sweep(keys, tasks.clone())));

        let (db, others, keep) = (mount.db, databases.all(), config.events.retention);
        let old = module::Sweep::new("old events", FORGET_EVERY, move || {
            let (db, others) = (db.clone(), others.clone());
            async move {
                let mut readers = Vec::new();
                for other in others {
                    readers.extend(events::cursors(&other, db.module()).await?);
                }
                events::retain(&db, keep, &readers).await.map(|_| false)
            }
        });
        drop(tasks.spawn(module::sweep(old, tasks.clone())));
    }
}

mod settings {
    //! Each module's part of the settings, in its own words.

    use crate::config::Config;

    pub(super) fn user(config: &Config) -> user::Settings {
        let auth = &config.auth;
        user::Settings {
            issuer: auth.issuer.clone(),
            access_token: auth.access_token,
            refresh_token: auth.refresh_token,
            password_min_length: auth.password_min_length.get(),
            argon2: user::HashCost {
                memory_kib: auth.argon2.memory_kib.get(),
                iterations: auth.argon2.iterations.get(),
                parallelism: auth.argon2.parallelism.get(),
            },
            hashing: user::HashQueue {
                workers: auth.hash_workers(),
                places: auth.hash_queue.get(),
                wait: auth.hash_wait,
            },
        }
    }

    pub(super) fn product(config: &Config) -> product::Settings {
        product::Settings::in_currency(config.shop.default_currency)
    }

    pub(super) fn payment(config: &Config) -> payment::Settings {
        payment::Settings {
            test_provider: config.payment.test_provider,
            webhook_secret: config.payment.webhook_secret.clone(),
            provider_timeout: config.payment.provider_timeout,
        }
    }

    pub(super) fn order(config: &Config) -> order::Settings {
        order::Settings {
            numbers: order::NumberScheme {
                prefix: config.shop.order_number_prefix.clone(),
                length: config.shop.order_number_length.get(),
            },
            lease: config.shop.reservation,
        }
    }
}
