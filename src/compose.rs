//! Puts the shop together. The only place that knows how one module reaches another.

mod beside;
mod feeds;
mod handshake;
mod settings;
mod ways;

use std::net::SocketAddr;
use std::sync::Arc;

use kernel::Clock;
use kernel::call::Dispatch;
use order_api::{Orders, OrdersClient, OrdersServer};
use payment_api::{Payments, PaymentsClient, PaymentsServer};
use platform::calls::{Callers, Credentials, Peer};
use platform::events::{Broker, BrokeredFeeds, Feeds, FeedsServer, Logs};
use platform::tls::GATEWAY;
use platform::{Db, Mount, Tasks};
use product_api::{Products, ProductsClient, ProductsServer};
use user::{InvalidEmail, InvalidName, InvalidPassword, InvalidRoleName, NewMember, Permissions, StaffError};
use user_api::{AccountId, Users, UsersClient, UsersServer};

use crate::config::{Config, EventTransport};
use crate::databases::Databases;
use feeds::RoutedFeeds;
use ways::Ways;

pub use beside::Beside;
pub use handshake::Incompatible;
pub(crate) use handshake::{greet, greet_broker, look_at_broker, shake};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The modules that run here, put together, and the ways to the others.
pub struct Modules {
    /// The user module.
    pub user: Option<user::Module>,
    /// The product module.
    pub product: Option<product::Module>,
    /// The payment module.
    pub payment: Option<payment::Module>,
    /// The order module.
    pub order: Option<order::Module>,
    /// The user module's contract, as everybody reaches it.
    pub users: Arc<dyn Users>,
    /// The payment module's contract, as the gateway reaches it.
    pub payments: Arc<dyn Payments>,
    /// The order module's contract, as the gateway reaches it.
    pub orders: Arc<dyn Orders>,
    /// The logs, as everybody reads them.
    pub feeds: Arc<dyn Feeds>,
    /// What brings events to other processes sooner, if anything does.
    pub broker: Option<Broker>,
    /// The contracts that are served to other processes, and to whom.
    pub served: Vec<(Arc<dyn Dispatch>, Callers)>,
    /// What this process shows of itself when it calls another.
    pub credentials: Credentials,
    /// Each module as it is reached when it is not here.
    pub peers: Vec<Arc<Peer>>,
}

/// What was asked for needs a module that does not run here.
#[derive(Debug, thiserror::Error)]
#[error("the {0} module does not run in this process; use the settings of the process that runs it")]
pub struct NotHere(pub &'static str);

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
    /// Somebody else has to.
    #[error(transparent)]
    NotHere(#[from] NotHere),
    /// The user module refuses.
    #[error(transparent)]
    Staff(#[from] StaffError),
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
    ) -> Result<Self, Failure> {
        let ways = Ways::new(config, clock, tasks, internal)?;

        let user = databases.of(user::NAME).cloned();
        let user = user.map(|db| user::Module::new(db, tasks, &settings::user(config))).transpose()?;
        let product = databases.of(product::NAME).cloned();
        let product = product.map(|db| product::Module::new(db, tasks, settings::product(config)));
        let payment = match databases.of(payment::NAME).cloned() {
            Some(db) => Some(payment::Module::start(db, tasks, settings::payment(config)).await?),
            None => None,
        };

        let users_here = user.as_ref().map(user::Module::contract);
        let users = Arc::new(UsersClient::new(
            ways.to(user::NAME, GATEWAY, users_here, |m| Arc::new(UsersServer(m)))?,
        ));
        let products_here = product.as_ref().map(product::Module::contract);
        let products: Arc<dyn Products> =
            Arc::new(ProductsClient::new(
                ways.to(product::NAME, order::NAME, products_here, |m| Arc::new(ProductsServer(m)))?,
            ));
        let payments_here = payment.as_ref().map(payment::Module::contract);
        let payments_to = |caller| -> Result<Arc<dyn Payments>, Failure> {
            let way =
                ways.to(payment::NAME, caller, payments_here.clone(), |m| Arc::new(PaymentsServer(m)))?;
            Ok(Arc::new(PaymentsClient::new(way)))
        };

        let order = databases.of(order::NAME).cloned();
        let pays = payments_to(order::NAME)?;
        let order = order.map(|db| order::Module::new(db, tasks, settings::order(config), products, pays));
        let payments = payments_to(GATEWAY)?;
        let orders_here = order.as_ref().map(order::Module::contract);
        let orders = Arc::new(OrdersClient::new(
            ways.to(order::NAME, GATEWAY, orders_here, |m| Arc::new(OrdersServer(m)))?,
        ));

        let logs: Arc<dyn Feeds> = Arc::new(Logs::new(databases.all().iter().cloned(), tasks));
        let mut feeds: Arc<dyn Feeds> = Arc::new(RoutedFeeds::new(&ways, databases, &logs)?);
        let broker = match config.events.transport {
            EventTransport::Local | EventTransport::Http => None,
            EventTransport::Nats => {
                Some(Broker::connect(settings::broker(config, ways.credentials().secret)).await?)
            }
        };
        if let Some(broker) = &broker {
            let here = databases.all().iter().map(Db::module).collect();
            feeds = Arc::new(BrokeredFeeds::new(feeds, broker.clone(), here, tasks.clone()));
        }
        let served: Vec<(Arc<dyn Dispatch>, Callers)> = vec![(Arc::new(FeedsServer(logs)), &[])];
        let (credentials, peers) = (ways.credentials(), ways.into_peers());
        let mut modules = Self {
            user,
            product,
            payment,
            order,
            users,
            payments,
            orders,
            feeds,
            broker,
            served,
            credentials,
            peers,
        };
        let own = modules.mounts().into_iter().map(|mount| (mount.contract, mount.callers));
        modules.served.extend(own);
        Ok(modules)
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
        let user = self.user.as_ref().ok_or(NotHere(user::NAME))?;
        let (account, _) = user.staff().create(new, &Permissions::all()).await?;
        Ok(account.id)
    }

    /// What each module that runs here has to mount. The router tries routes one after another, so those that are
    /// asked for most come first.
    pub fn mounts(&self) -> Vec<Mount> {
        let mounts = [
            self.product.as_ref().map(product::Module::mount),
            self.order.as_ref().map(order::Module::mount),
            self.user.as_ref().map(user::Module::mount),
            self.payment.as_ref().map(payment::Module::mount),
        ];
        mounts.into_iter().flatten().collect()
    }
}
