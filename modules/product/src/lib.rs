//! The product module: what is sold, what it costs, how much of it there is, and what of that is promised.
//!
//! It calls nobody. A checkout asks it through `product-api`; what the order module says, it hears.

mod books;
mod catalogue;
mod contract;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod image;
mod import;
mod listen;
mod location;
mod option;
mod product;
mod refusal;
mod reservation;
mod slug;
mod stock;
mod variant;

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig};
use kernel::Currency;
use platform::calls::Callers;
use platform::db::Migration;
use platform::events::Hears;
use platform::http::Routes;
use platform::{Commands, Db, Mount, Sweep, Tasks};
use product_api::ProductsServer;

use catalogue::kept::Kept;
use catalogue::service::Catalogue;
use contract::Contract;
use import::jobs::Jobs;
use location::service::Locations;
use reservation::expiry::{Expiry, Heard};
use reservation::service::Reservations;
use stock::service::Stock;
use variant::service::Variants;

pub use books::BOOKS;
pub use import::service::{ImportError, Imports};
pub use import::shopify::FileError;
pub use import::{Counts, Faults, Import, ImportStatus, Progress, RowFault};

/// Its name: of its database, its log and its place in the configuration.
pub const NAME: &str = "product";

/// Its tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration::new(1, "catalogue", include_str!("../../../migrations/product/0001_catalogue.sql")),
    Migration::new(2, "stock", include_str!("../../../migrations/product/0002_stock.sql")),
    Migration::each(
        3,
        "main_location",
        include_str!("../../../migrations/product/0003_main_location.sqlite.sql"),
        include_str!("../../../migrations/product/0003_main_location.postgres.sql"),
    ),
    Migration::new(4, "imports", include_str!("../../../migrations/product/0004_imports.sql")),
];

/// How the module is set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The currency of prices when nobody names another.
    pub currency: Currency,
    /// Bytes of finished answers that are kept in memory.
    pub kept_bytes: u64,
    /// How long after a lease ran out its stock is free again. Long enough for an order that was placed in the last
    /// moment to be heard of.
    pub expiry_margin: Duration,
    /// How often leases are looked after.
    pub expiry_every: Duration,
}

impl Settings {
    /// The usual settings of a shop in this currency.
    pub const fn in_currency(currency: Currency) -> Self {
        Self {
            currency,
            kept_bytes: 16 * 1024 * 1024,
            expiry_margin: Duration::from_mins(1),
            expiry_every: Duration::from_secs(1),
        }
    }
}

/// Whom its contract is for, method by method.
pub const CALLERS: Callers = &[("quote", &["order"]), ("reserve", &["order"]), ("release", &["order"])];

/// What it hears of others.
pub const HEARS: &[Hears] = &[listen::HEARS];

/// Its routes. What they work with is in its [`Mount`], where the module is.
pub fn routes(app: &mut Routes<'_>) {
    catalogue::http::routes(app);
    product::http::routes(app);
    variant::http::routes(app);
    stock::http::routes(app);
    location::http::routes(app);
    reservation::http::routes(app);
    import::http::routes(app);
}

/// The module, ready to work.
#[derive(Clone)]
pub struct Module {
    db: Db,
    settings: Settings,
    kept: Kept,
    heard: Heard,
    products: product::service::Products,
    variants: Variants,
    locations: Locations,
    stock: Stock,
    reservations: Reservations,
    catalogue: Catalogue,
    imports: Imports,
}

impl Module {
    /// Puts the module together on its migrated database.
    pub fn new(db: Db, tasks: &Tasks, settings: Settings) -> Self {
        let commands = Commands::new(db.clone(), tasks.clone());
        let kept = Kept::new(settings.kept_bytes);
        let currency = settings.currency;
        Self {
            heard: Heard::nothing(),
            products: product::service::Products::new(db.clone(), kept.clone(), commands.clone()),
            variants: Variants::new(db.clone(), kept.clone(), commands.clone()),
            locations: Locations::new(db.clone(), commands.clone()),
            stock: Stock::new(db.clone(), kept.clone(), commands.clone()),
            reservations: Reservations::new(db.clone(), kept.clone()),
            catalogue: Catalogue::new(db.clone(), kept.clone(), currency),
            imports: Imports::new(db.clone(), kept.clone(), currency, commands),
            kept,
            settings,
            db,
        }
    }

    /// What others may ask of it.
    pub fn contract(&self) -> Arc<dyn product_api::Products> {
        Arc::new(Contract::new(self.catalogue.clone(), self.reservations.clone()))
    }

    /// Its imports, for the command line.
    pub fn imports(&self) -> &Imports {
        &self.imports
    }

    /// All there is to mount.
    pub fn mount(&self) -> Mount {
        Mount {
            db: self.db.clone(),
            contract: Arc::new(ProductsServer(self.contract())),
            callers: CALLERS,
            services: self.services(),
            listeners: vec![Arc::new(listen::Orders::new(
                self.reservations.clone(),
                self.kept.clone(),
                self.heard.clone(),
            ))],
            worker: Some(Arc::new(Jobs::new(self.imports.clone()))),
            sweeps: self.sweeps(),
        }
    }

    fn services(&self) -> Arc<dyn Fn(&mut ServiceConfig) + Send + Sync> {
        let catalogue = Data::new(self.catalogue.clone());
        let products = Data::new(self.products.clone());
        let variants = Data::new(self.variants.clone());
        let stock = Data::new(self.stock.clone());
        let locations = Data::new(self.locations.clone());
        let reservations = Data::new(self.reservations.clone());
        let imports = Data::new(self.imports.clone());
        Arc::new(move |app| {
            app.app_data(catalogue.clone())
                .app_data(products.clone())
                .app_data(variants.clone())
                .app_data(stock.clone())
                .app_data(locations.clone())
                .app_data(reservations.clone())
                .app_data(imports.clone());
        })
    }

    fn sweeps(&self) -> Vec<Sweep> {
        let (db, kept, heard) = (self.db.clone(), self.kept.clone(), self.heard.clone());
        let expiry = Expiry::new(db, kept, heard, self.settings.expiry_margin);
        let imports = self.imports.clone();
        vec![
            Sweep::new("give back stock whose lease ended", self.settings.expiry_every, move || {
                let expiry = expiry.clone();
                async move { expiry.sweep().await }
            }),
            Sweep::new("forget old imports", Duration::from_mins(10), move || {
                let imports = imports.clone();
                async move { imports.forget().await }
            }),
        ]
    }
}

#[cfg(test)]
mod tests;
