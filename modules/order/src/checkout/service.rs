//! What one can do with a checkout.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use kernel::{Call, Currency, Page, PageRequest};
use order_api::{CartId, CheckoutId};
use payment_api::Payments;
use platform::http::{Answer, IdempotencyKey, Origin, Problem};
use platform::idempotency::{self, Claim};
use platform::{Commands, Db, DbError, Tasks, commands, fault};
use product_api::Products;
use uuid::Uuid;

use super::begin::{Begun, CartIs, LEASE, Purchase};
use super::drive::Driven;
use super::store::{self, Checkout, LogEntry};
use super::{Input, answer};
use crate::cart::service::{CartChange, CartError, Carts, NewItem};
use crate::cart::{CartStatus, PricedCart};
use crate::number::NumberScheme;
use crate::order;
use crate::token::{GuestToken, Visitor};

/// How long whoever checks out waits for the finished order; then they are told where to look.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a step may take that nobody waits for.
const RECOVERY: Duration = Duration::from_secs(15);
/// Checkouts that are picked up at once after a crash.
const BATCH: i64 = 32;

/// How checkouts are done here.
#[derive(Debug, Clone)]
pub(crate) struct CheckoutSettings {
    /// How orders are numbered.
    pub numbers: NumberScheme,
    /// How long stock is held for a checkout.
    pub lease: Duration,
}

/// The checkouts.
#[derive(Clone)]
pub(crate) struct Checkouts {
    pub(super) db: Db,
    pub(super) commands: Commands,
    pub(super) tasks: Tasks,
    pub(super) carts: Carts,
    pub(super) products: Arc<dyn Products>,
    pub(super) payments: Arc<dyn Payments>,
    pub(super) settings: CheckoutSettings,
}

/// A purchase that brings its cart along.
#[derive(Debug, Clone)]
pub(crate) struct NewCart {
    /// What it is paid in.
    pub currency: Currency,
    /// What is bought.
    pub items: Vec<NewItem>,
    /// Who, where and how.
    pub change: CartChange,
}

/// Why an operator's wish was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckoutError {
    /// There is no such checkout.
    #[error("there is no such checkout")]
    NotFound,
    /// It has come to its end.
    #[error("the checkout is {state} and has come to its end")]
    Ended {
        /// Its state.
        state: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Checkouts {
    /// The checkouts in this database, of these carts, with this catalogue and this till.
    pub(crate) fn new(
        db: Db,
        commands: Commands,
        tasks: Tasks,
        carts: Carts,
        products: Arc<dyn Products>,
        payments: Arc<dyn Payments>,
        settings: CheckoutSettings,
    ) -> Self {
        Self { db, commands, tasks, carts, products, payments, settings }
    }

    /// Completes a stored cart. Completed before or by somebody else at the same moment: the same order.
    pub(crate) async fn complete(
        &self,
        call: &Call,
        visitor: &Visitor,
        cart: CartId,
        purchase: Purchase,
    ) -> Result<Answer, Problem> {
        let cart = self.carts.own(visitor, cart).await?;
        let id = cart.id;
        if cart.status != CartStatus::Open {
            return self.follow(call, id, &purchase.key).await;
        }
        let priced = self.carts.price(call, cart).await?;
        self.buy(call, priced, CartIs::Stored, purchase).await
    }

    /// Buys in one go: cart, addresses, shipping and payment in one request.
    pub(crate) async fn buy_now(
        &self,
        call: &Call,
        new: NewCart,
        mut purchase: Purchase,
    ) -> Result<Answer, Problem> {
        let (token, salt) = GuestToken::new(Some(&purchase.key));
        let id = self.db.clock().id();
        let mut cart =
            self.carts.compose(call, id, new.currency, &new.items, &token).map_err(CartError::from)?;
        new.change.check()?.apply(&mut cart);
        if cart.customer_id.is_none() {
            purchase.payment.guest_salt = Some(salt);
        }
        let chosen = cart.shipping_option_id;
        let priced = self.carts.price(call, cart).await?;
        if chosen.is_some() && priced.shipping.is_none() {
            return Err(CartError::InvalidShippingOption.into());
        }
        self.buy(call, priced, CartIs::New, purchase).await
    }

    async fn buy(
        &self,
        call: &Call,
        priced: PricedCart,
        cart_is: CartIs,
        purchase: Purchase,
    ) -> Result<Answer, Problem> {
        let cart = priced.cart.id;
        let driven = match self.begin(call, priced, cart_is, &purchase).await? {
            Begun::Ours(driven) => driven,
            Begun::Answered(answer) => return Ok(answer),
            Begun::SomebodyElses => return self.follow(call, cart, &purchase.key).await,
        };
        let (id, order) = (driven.checkout.id, driven.order.id);
        let (checkouts, context) = (self.clone(), call.clone());
        let drive = async move { checkouts.drive(&context, *driven).await };
        // The answer names the request it belongs to, so the task takes its origin along.
        let driving = match Origin::current() {
            Some(origin) => self.tasks.spawn(origin.within(drive)),
            None => self.tasks.spawn(drive),
        };
        match tokio::time::timeout(PATIENCE, driving).await {
            Ok(Ok(Ok(driven))) => told(driven.checkout).map(|answer| answer.reveal(&purchase.key)),
            Ok(Ok(Err(error))) => {
                // It is stored where it stands and goes on by itself; failing the request would say otherwise.
                tracing::warn!(checkout.id = %id, error = %error, "a checkout was interrupted and will be continued");
                Ok(answer::processing(id, order))
            }
            Ok(Err(panic)) => Err(Problem::caused_by(&panic)),
            Err(_elapsed) => Ok(answer::processing(id, order)),
        }
    }

    /// Waits for the checkout that somebody else began with this cart, and answers what it came to. That is the answer to
    /// this key for good: its cart may be open again by now, and whoever repeats the key must not buy what they were
    /// told has failed.
    async fn follow(&self, call: &Call, cart: CartId, key: &IdempotencyKey) -> Result<Answer, Problem> {
        let begun =
            || Problem::conflict("cart_locked", "The cart is being paid").retry_after(1).retryable(true);
        loop {
            let checkout = store::find_by_cart(&self.db, cart).await?.ok_or_else(begun)?;
            if checkout.answer.is_some() || call.remaining() < Duration::from_millis(500) {
                return match told(checkout)? {
                    unfinished if unfinished.status() == StatusCode::ACCEPTED => Ok(unfinished),
                    last => self.keep(key, last).await,
                };
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Keeps the last word on a key, or says what was the last word before.
    async fn keep(&self, key: &IdempotencyKey, last: Answer) -> Result<Answer, Problem> {
        let mut tx = self.db.begin().await?;
        let held = idempotency::claim_fresh(&mut tx, key, LEASE);
        match idempotency::answer(&mut tx, key, held.fence, last.to_parts()).run().await {
            Ok(_) => {
                tx.commit().await?;
                return Ok(last);
            }
            Err(DbError::Missing) => tx.rollback().await?,
            Err(error) => return Err(error.into()),
        }
        match idempotency::peek(&self.db, key).await? {
            Some(Claim::Answered(before)) if before.status == StatusCode::ACCEPTED => Ok(last),
            Some(before @ (Claim::Answered(_) | Claim::Mismatch)) => commands::settled(before, key),
            _ => Ok(last),
        }
    }

    /// Goes on with whatever is due and driven by nobody, after a crash or a pause. `true` says that there is more.
    pub(crate) async fn recover(&self) -> Result<bool, DbError> {
        let now = self.db.clock().now();
        if !store::any_due(&self.db, now).await? {
            return Ok(false);
        }
        let mut tx = self.db.begin().await?;
        let due = store::claim_due(&mut tx, now, LEASE, BATCH).await?;
        fault!("timer.fire.before_claim", DbError::Busy);
        tx.commit().await?;
        fault!("timer.fire.after_claim");
        let more = due.len() as i64 == BATCH;
        let mut driving = Vec::with_capacity(due.len());
        for checkout in due {
            let checkouts = self.clone();
            driving.push(self.tasks.spawn(async move {
                let order =
                    order::store::find(&checkouts.db, checkout.order_id).await?.ok_or(DbError::Missing)?;
                let call = Call::by_module(crate::NAME, RECOVERY);
                checkouts.drive(&call, Driven { checkout, order }).await.map(|_| ())
            }));
        }
        for driven in driving {
            if let Ok(Err(error)) = driven.await {
                tracing::warn!(error = %error, "a checkout could not go on and will be tried again");
            }
        }
        Ok(more)
    }

    /// A page of checkouts for operators: those in a state, or all that have not come to their end.
    pub(crate) async fn list(
        &self,
        state: Option<&str>,
        page: &PageRequest<Uuid>,
    ) -> Result<Page<Checkout>, CheckoutError> {
        Ok(store::list(&self.db, state, page).await?)
    }

    /// One checkout, for operators.
    pub(crate) async fn find(&self, id: CheckoutId) -> Result<Checkout, CheckoutError> {
        store::find(&self.db, id).await?.ok_or(CheckoutError::NotFound)
    }

    /// Lets it go on at once. Who wanted that, and why, goes into its log.
    pub(crate) async fn retry(
        &self,
        id: CheckoutId,
        by: &str,
        reason: &str,
    ) -> Result<Checkout, CheckoutError> {
        let mut checkout = self.alive(id).await?;
        let now = self.db.clock().now();
        checkout.wake_at = Some(now);
        checkout.leased_until = None;
        self.note(&mut checkout, format!("retried by {by}: {reason}")).await?;
        self.recover().await?;
        self.find(id).await
    }

    /// Ends it: what was done is undone. Who wanted that, and why, goes into its log.
    pub(crate) async fn end(
        &self,
        id: CheckoutId,
        by: &str,
        reason: &str,
    ) -> Result<Checkout, CheckoutError> {
        let mut checkout = self.alive(id).await?;
        self.note(&mut checkout, format!("ended by {by}: {reason}")).await?;
        let checkout = self.find(id).await?;
        let order = order::store::find(&self.db, checkout.order_id).await?.ok_or(CheckoutError::NotFound)?;
        let mut driven = Driven { checkout, order };
        if self.decide(&mut driven, Input::End).await? {
            self.drive(&Call::by_module(crate::NAME, RECOVERY), driven).await?;
        }
        self.find(id).await
    }

    async fn alive(&self, id: CheckoutId) -> Result<Checkout, CheckoutError> {
        let checkout = self.find(id).await?;
        if checkout.state.is_final() {
            return Err(CheckoutError::Ended { state: checkout.state.name() });
        }
        Ok(checkout)
    }

    async fn note(&self, checkout: &mut Checkout, what: String) -> Result<(), CheckoutError> {
        let now = self.db.clock().now();
        checkout.log.push(LogEntry { at: now, input: what, state: checkout.state.name().to_owned() });
        let mut tx = self.db.begin().await?;
        store::advance(&mut tx, checkout).later();
        Ok(tx.commit().await?)
    }
}

/// What is told about a checkout as it stands.
fn told(checkout: Checkout) -> Result<Answer, Problem> {
    match checkout.answer {
        Some(answer) => answer.restore(),
        None => Ok(answer::processing(checkout.id, checkout.order_id)),
    }
}
