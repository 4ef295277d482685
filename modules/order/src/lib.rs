//! The order module: carts, checkout, orders, parcels, shipping and tax.
//!
//! It is the only module that calls others: it quotes and reserves at the product module and pays at the payment
//! module. What it has to say, it says in `order-api`.

mod books;
mod cart;
mod checkout;
mod contract;
mod fulfillment;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod listen;
mod number;
mod order;
mod pricing;
mod shipping;
mod tax;
#[cfg(test)]
mod tests;
mod token;

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use kernel::PageRequest;
use payment_api::Payments;
use platform::calls::Callers;
use platform::db::Migration;
use platform::events::Hears;
use platform::http::Routes;
use platform::{Commands, Db, DbError, Mount, Sweep, Tasks};
use product_api::Products;

use cart::service::Carts;
use checkout::service::{CheckoutSettings, Checkouts};
use fulfillment::service::Fulfillments;
use order::service::Orders;
use shipping::service::Shipping;
use tax::service::Taxes;

pub use books::BOOKS;
pub use checkout::http::ProcessView;
pub use number::NumberScheme;

/// Its name: of its database, its log and its place in the configuration.
pub const NAME: &str = "order";

/// Its tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration::new(1, "carts", include_str!("../../../migrations/order/0001_carts.sql")),
    Migration::new(2, "orders", include_str!("../../../migrations/order/0002_orders.sql")),
    Migration::new(3, "checkouts", include_str!("../../../migrations/order/0003_checkouts.sql")),
];

/// How often unfinished checkouts are looked for.
const RECOVER_EVERY: Duration = Duration::from_millis(500);

/// What can be set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How orders are numbered.
    pub numbers: NumberScheme,
    /// How long stock is held for a checkout.
    pub lease: Duration,
}

/// Whom its contract is for, method by method.
pub const CALLERS: Callers = &[("orders", &["gateway"])];

/// What it hears of others.
pub const HEARS: &[Hears] = &[listen::HEARS];

/// Its routes. What they work with is in its [`Mount`], where the module is.
pub fn routes(app: &mut Routes<'_>) {
    cart::http::routes(app);
    checkout::http::routes(app);
    order::http::routes(app);
    fulfillment::http::routes(app);
    shipping::http::routes(app);
    tax::http::routes(app);
}

/// The module, ready to work.
#[derive(Clone)]
pub struct Module {
    db: Db,
    carts: Carts,
    checkouts: Checkouts,
    orders: Orders,
    fulfillments: Fulfillments,
    shipping: Shipping,
    taxes: Taxes,
}

impl Module {
    /// Puts the module together on its migrated database, with the modules it calls.
    pub fn new(
        db: Db,
        tasks: &Tasks,
        settings: Settings,
        products: Arc<dyn Products>,
        payments: Arc<dyn Payments>,
    ) -> Self {
        let commands = Commands::new(db.clone(), tasks.clone());
        let carts = Carts::new(db.clone(), commands.clone(), Arc::clone(&products));
        let settings = CheckoutSettings { numbers: settings.numbers, lease: settings.lease };
        Self {
            checkouts: Checkouts::new(
                db.clone(),
                commands.clone(),
                tasks.clone(),
                carts.clone(),
                products,
                payments,
                settings,
            ),
            carts,
            orders: Orders::new(db.clone(), commands.clone()),
            fulfillments: Fulfillments::new(db.clone(), commands.clone()),
            shipping: Shipping::new(db.clone(), commands.clone()),
            taxes: Taxes::new(db.clone(), commands),
            db,
        }
    }

    /// What other modules may ask of it.
    pub fn contract(&self) -> Arc<dyn order_api::Orders> {
        Arc::new(self.clone())
    }

    /// Checkouts for an operator: those in a state, or the first hundred that have not come to their end.
    ///
    /// # Errors
    /// The store failed.
    pub async fn processes(&self, state: Option<&str>) -> Result<Vec<ProcessView>, DbError> {
        let page = PageRequest { after: None, limit: 100 };
        let checkouts = checkout::store::list(&self.db, state, &page).await?;
        Ok(checkouts.data.into_iter().map(ProcessView::from).collect())
    }

    /// All there is to mount.
    pub fn mount(&self) -> Mount {
        let (carts, checkouts) = (Data::new(self.carts.clone()), Data::new(self.checkouts.clone()));
        let (orders, fulfillments) = (Data::new(self.orders.clone()), Data::new(self.fulfillments.clone()));
        let (shipping, taxes) = (Data::new(self.shipping.clone()), Data::new(self.taxes.clone()));
        let recovered = self.checkouts.clone();
        Mount {
            db: self.db.clone(),
            contract: Arc::new(order_api::OrdersServer(self.contract())),
            callers: CALLERS,
            services: Arc::new(move |app| {
                app.app_data(carts.clone()).app_data(checkouts.clone()).app_data(orders.clone());
                app.app_data(fulfillments.clone()).app_data(shipping.clone()).app_data(taxes.clone());
            }),
            listeners: vec![Arc::new(listen::PaymentNews)],
            worker: None,
            sweeps: vec![Sweep::new("checkouts", RECOVER_EVERY, move || {
                let checkouts = recovered.clone();
                async move { checkouts.recover().await }
            })],
        }
    }
}
