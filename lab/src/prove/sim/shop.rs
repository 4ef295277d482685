//! The shop that is tried: the modules as they are, on databases that are emptied before each run.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, web::ServiceConfig};
use futures::future::LocalBoxFuture;
use kernel::call::BoxFuture;
use kernel::{Clock, Moment, Principal};
use payment_api::{PaymentsClient, PaymentsServer};
use platform::db::{Migration, SqliteOptions, Store};
use platform::http::{Authenticate, Frame, Problem, Routes};
use platform::{Db, Mount, Tasks, events, jobs, module, seam};
use product_api::{ProductsClient, ProductsServer};
use uuid::Uuid;

use super::bank::Books;
use super::bus::{Applied, Bus, Witness};
use super::line::Line;
use super::world::World;
use crate::Failure;

/// When every run begins.
pub(super) const BEGIN: Moment = Moment::from_micros(1_767_225_600_000_000);
/// How long stock is held for a checkout: short enough for it to end in some runs.
const LEASE: Duration = Duration::from_mins(2);
/// What one piece costs.
pub(super) const PRICE: i64 = 1000;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What is sold.
pub(super) const VARIANT: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0a02);
const PRODUCT: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0a01);
const MAIN: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

/// How a request is sent to it.
type Door = Rc<dyn Fn(TestRequest) -> LocalBoxFuture<'static, (u16, Vec<u8>)>>;

/// The shop.
pub(super) struct Shop {
    pub(super) clock: Clock,
    pub(super) order: Db,
    pub(super) product: Db,
    pub(super) payment: Db,
    pub(super) books: Books,
    pub(super) applied: Applied,
    pub(super) door: Door,
    orders: order::Module,
    payments: payment::Module,
    to_products: Line,
    to_payments: Line,
    currency: kernel::Currency,
    lives: RefCell<Vec<Tasks>>,
    _folder: tempfile::TempDir,
}

/// Believes every token: whoever has one is staff and may do everything.
struct Anybody;

impl Authenticate for Anybody {
    fn authenticate<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Principal, Problem>> {
        let permissions = BTreeSet::from(["*".to_owned()]).into_iter().collect();
        Box::pin(async { Ok(Principal::Staff { account: Uuid::from_u128(1), permissions }) })
    }
}

/// Memory if there is a file system in it: what is tried here is not the disk.
fn folder() -> std::io::Result<tempfile::TempDir> {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())
}

async fn database(
    folder: &tempfile::TempDir,
    module: &'static str,
    migrations: &[Migration],
    clock: &Clock,
    tasks: &Tasks,
) -> Result<Db, Failure> {
    let options =
        SqliteOptions { readers: 1, ..SqliteOptions::new(folder.path().join(format!("{module}.db"))) };
    let db = Db::open(module, &Store::Sqlite(options), clock.clone(), tasks).await?;
    db.migrate(migrations).await?;
    Ok(db)
}

impl Shop {
    /// Opens one in a folder of its own.
    pub(super) async fn open() -> Result<Self, Failure> {
        let (folder, tasks, clock) = (folder()?, Tasks::new(), Clock::without_chance(BEGIN));
        let order = database(&folder, order::NAME, order::MIGRATIONS, &clock, &tasks).await?;
        let product = database(&folder, product::NAME, product::MIGRATIONS, &clock, &tasks).await?;
        let payment = database(&folder, payment::NAME, payment::MIGRATIONS, &clock, &tasks).await?;
        let (books, to_products, to_payments) = (Books::default(), Line::default(), Line::default());
        let bank = Arc::new(books.clone());
        let payments = payment::Module::with_bank(payment.clone(), &tasks, bank, SECRET.parse()?);
        let settings = order::Settings {
            numbers: order::NumberScheme { prefix: String::new(), length: 9 },
            lease: LEASE,
        };
        let orders = order::Module::new(
            order.clone(),
            &tasks,
            settings,
            Arc::new(ProductsClient::new(to_products.clone())),
            Arc::new(PaymentsClient::new(to_payments.clone())),
        );
        let door = door(&clock, &orders.mount(), &payments.mount()).await;
        let shop = Self {
            clock,
            order,
            product,
            payment,
            books,
            applied: Applied::default(),
            door,
            orders,
            payments,
            to_products,
            to_payments,
            currency: "USD".parse()?,
            lives: RefCell::default(),
            _folder: folder,
        };
        shop.furnish().await?;
        Ok(shop)
    }

    /// Puts the one thing on sale.
    async fn furnish(&self) -> Result<(), Failure> {
        let mut tx = self.product.begin().await?;
        tx.query(
            "INSERT INTO products
                 (id, slug, title, tags, status, options, images, version, created_at, updated_at)
             VALUES ($1, 'thing', 'Thing', '[]', 'active', '[]', '[]', 1, $2, $2)",
        )
        .bind(PRODUCT)
        .bind(BEGIN)
        .run()
        .await?;
        tx.query(
            "INSERT INTO variants
                 (id, product_id, place, title, options, requires_shipping, taxable, version, created_at, updated_at)
             VALUES ($1, $2, 0, 'Thing', '[]', FALSE, FALSE, 1, $3, $3)",
        )
        .bind(VARIANT)
        .bind(PRODUCT)
        .bind(BEGIN)
        .run()
        .await?;
        tx.query("INSERT INTO prices (variant_id, currency, amount_minor) VALUES ($1, 'USD', $2)")
            .bind(VARIANT)
            .bind(PRICE)
            .run()
            .await?;
        tx.query(
            "INSERT INTO stock_levels (variant_id, location_id, product_id, on_hand, reserved)
             VALUES ($1, $2, $3, 0, 0)",
        )
        .bind(VARIANT)
        .bind(MAIN)
        .bind(PRODUCT)
        .run()
        .await?;
        tx.commit().await?;
        let mut tx = self.payment.begin().await?;
        // The shop forgets everything between two runs, which nobody else may.
        tx.query("DROP TRIGGER transfers_are_never_deleted").run().await?;
        tx.commit().await?;
        Ok(())
    }

    /// Empties the shop for the next run, with so many pieces on the shelf.
    pub(super) async fn empty(&self, stock: i64) -> Result<(), Failure> {
        self.clock.begin_again(BEGIN);
        *self.books.open() = super::bank::Accounts::default();
        self.applied.forget();
        forget(
            &self.order,
            &["DELETE FROM checkouts", "DELETE FROM order_items", "DELETE FROM orders", "DELETE FROM carts"],
        )
        .await?;
        forget(&self.product, &["DELETE FROM stock_movements", "DELETE FROM reservations"]).await?;
        forget(
            &self.payment,
            &[
                "DELETE FROM transfers",
                "DELETE FROM movements",
                "DELETE FROM attempts",
                "DELETE FROM webhook_events",
                "DELETE FROM intents",
            ],
        )
        .await?;
        let mut tx = self.product.begin().await?;
        tx.query("UPDATE stock_levels SET on_hand = $1, reserved = 0").bind(stock).run().await?;
        Ok(tx.commit().await?)
    }

    /// Starts a process, once more if it was there before.
    pub(super) fn boot(&self, world: &Arc<World>, process: usize) {
        let (tasks, here) = (Tasks::new(), world.process(process));
        let settings = product::Settings { kept_bytes: 0, ..product::Settings::in_currency(self.currency) };
        let products = product::Module::new(self.product.clone(), &tasks, settings);
        self.to_products.connect(process, Arc::new(ProductsServer(products.contract())), &tasks);
        self.to_payments.connect(process, Arc::new(PaymentsServer(self.payments.contract())), &tasks);
        let bus = Arc::new(Bus(vec![self.order.clone(), self.product.clone(), self.payment.clone()]));
        for mount in [products.mount(), self.orders.mount(), self.payments.mount()] {
            for listener in mount.listeners {
                let (applied, db) = (self.applied.clone(), mount.db.clone());
                let (process, tasks) = (Arc::clone(&here), tasks.clone());
                let watched = Witness { listener, applied, db, process, tasks: tasks.clone() };
                let loops =
                    events::listen(Arc::new(watched), mount.db.clone(), bus.clone(), 10, tasks.clone());
                drop(tasks.spawn(seam::within(here.clone(), loops)));
            }
            if let Some(worker) = mount.worker.filter(|_| mount.db.module() == payment::NAME) {
                let loops = jobs::work(worker, mount.db.clone(), tasks.clone());
                drop(tasks.spawn(seam::within(here.clone(), loops)));
            }
            for sweep in mount.sweeps.into_iter().filter(|sweep| !sweep.name.contains("import")) {
                let loops = module::sweep(sweep, tasks.clone());
                drop(tasks.spawn(seam::within(here.clone(), loops)));
            }
        }
        let mut lives = self.lives.borrow_mut();
        if lives.len() > process {
            lives[process].stopping().cancel();
            lives[process] = tasks;
        } else {
            lives.push(tasks);
        }
    }

    /// Ends all processes for good.
    pub(super) fn close(&self, world: &World) {
        for (process, tasks) in self.lives.borrow_mut().drain(..).enumerate() {
            world.kill(process);
            tasks.stopping().cancel();
        }
    }

    /// What the listeners should have applied.
    pub(super) async fn wanted(&self) -> Result<Vec<(&'static str, kernel::Event)>, Failure> {
        let mounts = [self.orders.mount(), self.payments.mount()];
        let product = product::Module::new(
            self.product.clone(),
            &Tasks::new(),
            product::Settings::in_currency(self.currency),
        );
        let listeners = mounts.into_iter().chain([product.mount()]).flat_map(|mount| mount.listeners);
        let mut wanted = Vec::new();
        for listener in listeners {
            let logs = [&self.order, &self.product, &self.payment];
            let Some(log) = logs.into_iter().find(|db| db.module() == listener.hears().source) else {
                continue;
            };
            let said = events::read(log, 0, 1000).await?;
            let said = said.into_iter().filter(|event| listener.hears().types.contains(&event.kind.as_str()));
            wanted.extend(said.map(|event| (listener.hears().name, event)));
        }
        Ok(wanted)
    }
}

async fn forget(db: &Db, own: &[&'static str]) -> Result<(), Failure> {
    let all = [
        "DELETE FROM events",
        "DELETE FROM cursors",
        "DELETE FROM parked_events",
        "DELETE FROM jobs",
        "DELETE FROM idempotency_keys",
    ];
    let mut tx = db.begin().await?;
    for text in own.iter().chain(&all) {
        tx.query(*text).run().await?;
    }
    Ok(tx.commit().await?)
}

async fn door(clock: &Clock, orders: &Mount, payments: &Mount) -> Door {
    let routes = |routes: &mut Routes<'_>| {
        order::routes(routes);
        payment::routes(routes);
    };
    let app = App::new().configure(|app: &mut ServiceConfig| {
        (orders.services)(app);
        (payments.services)(app);
        routes(&mut Routes::of(app));
    });
    let frame = Frame::new(clock.clone(), Arc::new(Anybody), &Routes::described(routes));
    let service = Rc::new(init_service(app.wrap(frame)).await);
    Rc::new(move |request| {
        let service = Rc::clone(&service);
        Box::pin(async move {
            let answer = call_service(&*service, request.to_request()).await;
            let status = answer.status().as_u16();
            (status, read_body(answer).await.to_vec())
        })
    })
}
