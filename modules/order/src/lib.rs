//! The order module: carts, checkout, orders, parcels, shipping and tax.
//!
//! It is the only module that calls others: it quotes and reserves at the product module and pays at the payment
//! module. What it has to say, it says in `order-api`.

mod address;
mod cart;
mod contract;
mod fulfillment;
mod number;
mod order;
mod pricing;
mod shipping;
mod tax;
mod token;

use std::sync::Arc;

use actix_web::web::Data;
use platform::db::Migration;
use platform::{Commands, Db, Mount, Tasks};

pub use shipping::service::Shipping;

/// Its name: of its database, its log and its place in the configuration.
pub const NAME: &str = "order";

/// Its tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration::new(1, "carts", include_str!("../../../migrations/order/0001_carts.sql")),
    Migration::new(2, "orders", include_str!("../../../migrations/order/0002_orders.sql")),
    Migration::new(3, "checkouts", include_str!("../../../migrations/order/0003_checkouts.sql")),
];

/// The module, ready to work.
#[derive(Clone)]
pub struct Module {
    db: Db,
    shipping: Shipping,
}

impl Module {
    /// Puts the module together on its migrated database.
    pub fn new(db: Db, tasks: &Tasks) -> Self {
        let commands = Commands::new(db.clone(), tasks.clone());
        Self { shipping: Shipping::new(db.clone(), commands), db }
    }

    /// All there is to mount.
    pub fn mount(&self) -> Mount {
        let shipping = Data::new(self.shipping.clone());
        Mount {
            db: self.db.clone(),
            contract: Arc::new(order_api::OrdersServer(Arc::new(self.clone()))),
            routes: Arc::new(move |app| {
                app.app_data(shipping.clone());
                shipping::http::routes(app);
            }),
            listeners: Vec::new(),
            worker: None,
            sweeps: Vec::new(),
        }
    }
}
