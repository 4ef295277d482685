//! An order module's database, and the things a test puts into it.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kernel::{Address, Clock, Currency, Money};
use order_api::OrderId;
use payment_api::CaptureMethod;
use platform::db::{DbError, Tx};
use platform::testing::{self, TestDb};
use tokio::sync::Barrier;
use uuid::Uuid;

use crate::cart::{self, Cart, CartItem, CartStatus};
use crate::checkout::State;
use crate::checkout::store::{self as checkouts, Checkout, PaymentChoice};
use crate::order::{self, FulfillmentStatus, Order, OrderItem, OrderStatus, Paid, PaymentStatus};
use crate::pricing::Totals;
use crate::{MIGRATIONS, NAME};

/// The database, with a clock that the test holds.
pub(super) struct Shop(Arc<TestDb>);

impl Deref for Shop {
    type Target = TestDb;

    fn deref(&self) -> &TestDb {
        &self.0
    }
}

/// A shop in which time stands still.
pub(super) async fn shop() -> Shop {
    let noon = Clock::held_at("2026-05-01T12:00:00Z".parse().unwrap());
    Shop(Arc::new(testing::db_at(NAME, MIGRATIONS, noon).await))
}

impl Shop {
    pub(super) fn wait(&self, seconds: u64) {
        self.clock().advance(Duration::from_secs(seconds));
    }

    /// Does work in a transaction of its own.
    pub(super) async fn write<T>(
        &self,
        work: impl AsyncFnOnce(&mut Tx) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let mut tx = self.begin().await?;
        let done = work(&mut tx).await?;
        tx.commit().await?;
        Ok(done)
    }

    /// Leaves statements for the commit of a transaction of their own. Returns whether each changed what it must.
    pub(super) async fn commits(&self, statements: impl FnOnce(&mut Tx)) -> Result<bool, DbError> {
        let mut tx = self.begin().await?;
        statements(&mut tx);
        committed(tx).await
    }

    /// So many at the same moment, each in a transaction of its own. Returns how many said that they did it, and whose
    /// statements changed what they must.
    pub(super) async fn race<F, Fut>(&self, runners: usize, work: F) -> usize
    where
        F: Fn(Tx) -> Fut,
        Fut: Future<Output = Result<(Tx, bool), DbError>> + Send + 'static,
        F: Clone + Send + Sync + 'static,
    {
        let start = Arc::new(Barrier::new(runners));
        let running = (0..runners).map(|_| {
            let (db, start, work) = (Arc::clone(&self.0), Arc::clone(&start), work.clone());
            self.tasks().spawn(async move {
                start.wait().await;
                let tx = db.begin().await.unwrap();
                let (tx, done) = work(tx).await.unwrap();
                committed(tx).await.unwrap() && done
            })
        });
        join_all(running).await.into_iter().filter(|done| *done.as_ref().unwrap()).count()
    }

    /// An open cart with two of something in it, stored.
    pub(super) async fn cart(&self) -> Cart {
        let (clock, now) = (self.clock(), self.clock().now());
        let cart = Cart {
            id: clock.id(),
            status: CartStatus::Open,
            currency: usd(),
            customer_id: None,
            token_hash: vec![7; 32],
            email: Some("ada@example.com".into()),
            shipping_address: Some(address()),
            billing_address: None,
            shipping_option_id: Some(clock.id()),
            items: vec![CartItem { id: clock.id(), variant_id: clock.id(), quantity: 2 }],
            order_id: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        self.commits(|tx| cart::store::insert(tx, &cart)).await.unwrap();
        cart
    }

    pub(super) async fn cart_now(&self, cart: &Cart) -> Cart {
        cart::store::find(self, cart.id).await.unwrap().unwrap()
    }

    /// An order of its own cart that waits for its payment, stored, with lines of so many each.
    pub(super) async fn order(&self, quantities: &[i64]) -> Order {
        let order = self.unstored_order(quantities);
        self.commits(|tx| order::store::insert(tx, &order)).await.unwrap();
        order
    }

    pub(super) fn unstored_order(&self, quantities: &[i64]) -> Order {
        let (clock, now) = (self.clock(), self.clock().now());
        let subtotal = quantities.iter().sum::<i64>() * 100;
        let money = |amount| Money::new(amount, usd());
        Order {
            id: clock.id(),
            number: None,
            status: OrderStatus::PendingPayment,
            payment_status: PaymentStatus::Pending,
            fulfillment_status: FulfillmentStatus::Unfulfilled,
            cart_id: clock.id(),
            customer_id: Some(clock.uuid()),
            token_hash: vec![9; 32],
            email: "ada@example.com".into(),
            currency: usd(),
            totals: Totals {
                subtotal: money(subtotal),
                discount: money(0),
                shipping: money(500),
                tax: money(8),
                total: money(subtotal + 508),
            },
            shipping_address: Some(address()),
            billing_address: Some(address()),
            shipping_name: Some("Standard".into()),
            tax_basis_points: 725,
            paid: Paid::default(),
            payment_key: clock.uuid(),
            reservation_key: clock.uuid(),
            cancel_reason: None,
            placed_at: None,
            canceled_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
            items: quantities.iter().map(|quantity| self.line(*quantity)).collect(),
        }
    }

    fn line(&self, quantity: i64) -> OrderItem {
        OrderItem {
            id: self.clock().id(),
            variant_id: self.clock().uuid(),
            product_id: self.clock().uuid(),
            sku: Some("CUP".into()),
            title: "Cup".into(),
            variant_title: "Blue".into(),
            requires_shipping: true,
            quantity,
            fulfilled: 0,
            canceled: 0,
            unit_price: 100,
            total: 100 * quantity,
            tax: 4,
        }
    }

    pub(super) async fn order_now(&self, id: OrderId) -> Order {
        order::store::find(self, id).await.unwrap().unwrap()
    }

    /// The same order, placed under this number and paid.
    pub(super) async fn placed(&self, quantities: &[i64], number: &str) -> Order {
        let order = self.order(quantities).await;
        let paid = as_placed(self, &order, number);
        assert!(self.commits(|tx| order::store::place(tx, &paid)).await.unwrap());
        self.order_now(order.id).await
    }

    /// A checkout of a new order, stored, in this state and due then.
    pub(super) async fn checkout(&self, state: State, due_in: Option<u64>) -> Checkout {
        let order = self.order(&[1]).await;
        let now = self.clock().now();
        let checkout = Checkout {
            id: self.clock().id(),
            cart_id: order.cart_id,
            order_id: order.id,
            state,
            log: Vec::new(),
            payment: PaymentChoice {
                provider: "test".into(),
                token: "approve".into(),
                capture: CaptureMethod::Automatic,
                guest_salt: None,
            },
            lease_ends: now.plus(Duration::from_mins(15)),
            request: None,
            answer: None,
            wake_at: due_in.map(|seconds| now.plus(Duration::from_secs(seconds))),
            leased_until: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        self.commits(|tx| checkouts::insert(tx, &checkout)).await.unwrap();
        checkout
    }
}

async fn committed(tx: Tx) -> Result<bool, DbError> {
    match tx.commit().await {
        Ok(()) => Ok(true),
        Err(DbError::Missing) => Ok(false),
        Err(error) => Err(error),
    }
}

/// What `place` is given.
pub(super) fn as_placed(shop: &Shop, order: &Order, number: &str) -> Order {
    let mut placed = order.clone();
    placed.number = Some(number.to_owned());
    placed.payment_status = PaymentStatus::Paid;
    placed.paid.captured = order.totals.total.amount;
    placed.placed_at = Some(shop.clock().now());
    placed
}

pub(super) fn usd() -> Currency {
    "USD".parse().unwrap()
}

pub(super) fn address() -> Address {
    Address {
        name: "Ada".into(),
        line1: "1 Main St".into(),
        line2: Some("Back door".into()),
        city: "Portland".into(),
        region: Some("OR".into()),
        postal_code: Some("97201".into()),
        country: "US".into(),
        phone: None,
    }
}

pub(super) fn nobody() -> Uuid {
    Uuid::nil()
}
