//! How a checkout begins: a priced cart, its stock reserved, and an order that waits for its payment.

use std::time::Duration;

use kernel::{Call, Moment, Money};
use order_api::OrderCreated;
use platform::http::{Answer, IdempotencyKey, Problem};
use platform::{DbError, commands, fault, idempotency};
use product_api::{ProductsError, ReserveStock, ReservedItem};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::State;
use super::drive::Driven;
use super::service::Checkouts;
use super::store::{self, Checkout, PaymentChoice};
use crate::cart::{self, Cart, CartStatus, PricedCart};
use crate::order::{
    FulfillmentStatus, Order, OrderItem, OrderStatus, Paid, PaymentStatus, fulfillment_status,
};

/// How long whoever begins a checkout drives it alone. After a crash it is anybody's.
pub(super) const LEASE: Duration = Duration::from_secs(20);

/// Reservations that may have ended unused before a purchase gives up.
const RESERVATIONS: u32 = 5;

/// A request to turn a cart into an order.
#[derive(Debug, Clone)]
pub(crate) struct Purchase {
    /// How it is paid.
    pub payment: PaymentChoice,
    /// What the customer was shown; another total is refused rather than charged.
    pub expected_total: Option<Money>,
    /// The key it is repeated under.
    pub key: IdempotencyKey,
}

/// Where the cart of a purchase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CartIs {
    /// In the store, to be locked.
    Stored,
    /// In the same request, to be stored with its order.
    New,
}

/// What became of setting the stock aside.
enum Reserved {
    /// It is held.
    Held {
        /// Under this key.
        key: Uuid,
        /// Until then.
        until: Moment,
    },
    /// There is not enough.
    Refused(Box<Problem>),
    /// A purchase of the same cart or under the same key got further.
    SomebodyElses,
}

/// How a beginning ended.
pub(super) enum Begun {
    /// There is an order that waits for its payment, and it is ours to drive.
    Ours(Box<Driven>),
    /// Somebody else has begun with the same cart.
    SomebodyElses,
    /// The request was answered before.
    Answered(Answer),
}

impl Checkouts {
    /// Reserves the stock and stores the order that waits for its payment.
    pub(super) async fn begin(
        &self,
        call: &Call,
        priced: PricedCart,
        cart_is: CartIs,
        purchase: &Purchase,
    ) -> Result<Begun, Problem> {
        if let Some(claim) = idempotency::peek(&self.db, &purchase.key).await? {
            return commands::settled(claim, &purchase.key).map(Begun::Answered);
        }
        if let Err(refusal) = ready(&priced, purchase) {
            return self.refuse(purchase, refusal).await;
        }
        fault!("saga.start.before_reserve");
        let (reservation_key, lease_ends) = match self.reserve(call, &priced, cart_is, purchase).await? {
            Reserved::Held { key, until } => (key, until),
            Reserved::Refused(problem) => return self.refuse(purchase, *problem).await,
            Reserved::SomebodyElses => return self.somebody_elses(purchase).await,
        };

        fault!("saga.start.after_reserve");
        let now = self.db.clock().now();
        let order = self.order(priced, reservation_key);
        let mut checkout = Checkout {
            id: self.db.clock().id(),
            cart_id: order.cart.id,
            order_id: order.order.id,
            state: State::Paying { tries: 0 },
            log: Vec::new(),
            payment: purchase.payment.clone(),
            lease_ends,
            request: None,
            answer: None,
            wake_at: Some(now),
            leased_until: Some(now.plus(LEASE)),
            version: 1,
            created_at: now,
            updated_at: now,
        };

        let mut tx = self.db.begin().await?;
        let held = idempotency::claim_fresh(&mut tx, &purchase.key, LEASE);
        checkout.request = Some((purchase.key.clone(), held.fence));
        let NewOrder { order, mut cart } = order;
        match cart_is {
            CartIs::Stored => cart::store::lock(&mut tx, &cart, order.id, now),
            CartIs::New => {
                cart.status = CartStatus::Completing;
                cart.order_id = Some(order.id);
                cart::store::insert(&mut tx, &cart);
            }
        }
        crate::order::store::insert(&mut tx, &order);
        store::insert(&mut tx, &checkout);
        tx.publish(&OrderCreated {
            order_id: order.id,
            user_id: order.customer_id.map(|id| user_api::AccountId::from_uuid(id).to_string()),
            total_amount: order.totals.total,
            timestamp: now,
        })
        .await?;
        fault!("saga.start.before_commit", DbError::Busy);
        match tx.commit().await {
            Ok(()) => {
                fault!("saga.start.after_commit");
                Ok(Begun::Ours(Box::new(Driven { checkout, order })))
            }
            // Somebody was faster, under this key or with this cart.
            Err(DbError::Missing | DbError::Unique(_)) => self.somebody_elses(purchase).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Another purchase got further: the answer to this key, if it was under this key.
    async fn somebody_elses(&self, purchase: &Purchase) -> Result<Begun, Problem> {
        match idempotency::peek(&self.db, &purchase.key).await? {
            Some(claim) => commands::settled(claim, &purchase.key).map(Begun::Answered),
            None => Ok(Begun::SomebodyElses),
        }
    }

    /// Sets the stock aside under a key that every attempt at the same purchase finds again.
    ///
    /// A reservation that ended belongs to a purchase that came to its end, or to an attempt that broke off before
    /// its order was stored and whose lease ran out. Only in the second case is nothing known of it, and the next key
    /// is taken.
    async fn reserve(
        &self,
        call: &Call,
        priced: &PricedCart,
        cart_is: CartIs,
        purchase: &Purchase,
    ) -> Result<Reserved, Problem> {
        let item =
            |item: &cart::CartItem| ReservedItem { variant_id: item.variant_id, quantity: item.quantity };
        for attempt in 0..RESERVATIONS {
            let key = match cart_is {
                CartIs::Stored => stored_key(&priced.cart, attempt),
                CartIs::New => request_key(&purchase.key, attempt),
            };
            let items = priced.cart.items.iter().map(item).collect();
            let lease_seconds = self.settings.lease.as_secs() as u32;
            match self.products.reserve(call, ReserveStock { key, items, lease_seconds }).await {
                Ok(reservation) => return Ok(Reserved::Held { key, until: reservation.expires_at }),
                Err(ProductsError::OutOfStock { short }) => {
                    return Ok(Reserved::Refused(Box::new(out_of_stock(priced, &short))));
                }
                Err(ProductsError::ReservationEnded) => {
                    if self.is_known(&priced.cart, cart_is, purchase).await? {
                        return Ok(Reserved::SomebodyElses);
                    }
                }
                Err(ProductsError::Failed(failure)) => return Err(failure.into()),
                Err(refusal) => return Err(Problem::unprocessable("invalid_cart", refusal.to_string())),
            }
        }
        Ok(Reserved::SomebodyElses)
    }

    /// Whether a purchase of this cart, or under this key, was begun: its order was stored before its reservation could
    /// end.
    async fn is_known(&self, cart: &Cart, cart_is: CartIs, purchase: &Purchase) -> Result<bool, Problem> {
        Ok(match cart_is {
            CartIs::New => idempotency::peek(&self.db, &purchase.key).await?.is_some(),
            CartIs::Stored => {
                let now = cart::store::find(&self.db, cart.id).await?;
                now.is_none_or(|now| now.version != cart.version || now.status != CartStatus::Open)
            }
        })
    }

    /// Refuses for good: whoever repeats the request gets the same answer. What is wrong with the request itself
    /// (422) is not kept, because nothing was begun under its key.
    async fn refuse(&self, purchase: &Purchase, problem: Problem) -> Result<Begun, Problem> {
        if problem.status() != actix_web::http::StatusCode::CONFLICT {
            return Err(problem);
        }
        let answer = Answer::from(problem);
        let mut tx = self.db.begin().await?;
        let held = idempotency::claim_fresh(&mut tx, &purchase.key, LEASE);
        match idempotency::answer(&mut tx, &purchase.key, held.fence, answer.to_parts()).run().await {
            Ok(_) => {}
            // The request has come twice, and the other one got further. It is not refused any more.
            Err(DbError::Missing) => {
                tx.rollback().await?;
                return self.somebody_elses(purchase).await;
            }
            Err(error) => return Err(error.into()),
        }
        fault!("saga.refuse.before_commit", DbError::Busy);
        tx.commit().await?;
        Ok(Begun::Answered(answer))
    }

    /// The order a cart becomes: copies of everything.
    fn order(&self, priced: PricedCart, reservation_key: Uuid) -> NewOrder {
        let clock = self.db.clock();
        let now = clock.now();
        let items: Vec<OrderItem> = priced
            .lines
            .into_iter()
            .filter_map(|line| {
                let sold = line.sold?;
                Some(OrderItem {
                    id: clock.id(),
                    variant_id: sold.variant.variant_id.uuid(),
                    product_id: sold.variant.product_id.uuid(),
                    sku: sold.variant.sku,
                    title: sold.variant.product_title,
                    variant_title: sold.variant.variant_title,
                    requires_shipping: sold.variant.requires_shipping,
                    quantity: line.item.quantity,
                    fulfilled: 0,
                    canceled: 0,
                    unit_price: sold.unit_price.amount,
                    total: sold.total.amount,
                    tax: sold.tax.amount,
                })
            })
            .collect();
        let cart = priced.cart;
        let order = Order {
            id: clock.id(),
            number: None,
            status: OrderStatus::PendingPayment,
            payment_status: PaymentStatus::Pending,
            fulfillment_status: match fulfillment_status(&items) {
                FulfillmentStatus::NotRequired => FulfillmentStatus::NotRequired,
                _ => FulfillmentStatus::Unfulfilled,
            },
            cart_id: cart.id,
            customer_id: cart.customer_id,
            token_hash: cart.token_hash.clone(),
            email: cart.email.clone().unwrap_or_default(),
            currency: cart.currency,
            totals: priced.totals,
            billing_address: cart.billing_address.clone().or_else(|| cart.shipping_address.clone()),
            shipping_address: cart.shipping_address.clone(),
            shipping_name: priced.shipping.map(|option| option.name),
            tax_basis_points: priced.tax_basis_points,
            paid: Paid::default(),
            payment_key: clock.uuid(),
            reservation_key,
            cancel_reason: None,
            placed_at: None,
            canceled_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
            items,
        };
        NewOrder { order, cart }
    }
}

/// An order and the cart it is made of.
struct NewOrder {
    order: Order,
    cart: Cart,
}

/// Whether the cart can be bought as it is, at the price that was shown.
fn ready(priced: &PricedCart, purchase: &Purchase) -> Result<(), Problem> {
    let (short, missing): (Vec<_>, Vec<_>) =
        priced.requirements.iter().partition(|requirement| requirement.code == "insufficient_stock");
    if !missing.is_empty() {
        let problem =
            Problem::unprocessable("cart_incomplete", "Something is missing before this can be bought");
        return Err(missing.iter().fold(problem, |problem, requirement| {
            problem.field(
                requirement.pointer.clone(),
                requirement.code,
                "This is needed to complete the cart",
            )
        }));
    }
    if !short.is_empty() {
        let problem = Problem::conflict("out_of_stock", "There is not enough stock");
        return Err(short.iter().fold(problem, |problem, requirement| {
            problem.field(requirement.pointer.clone(), "out_of_stock", "There is less than that left")
        }));
    }
    match purchase.expected_total {
        Some(expected) if expected != priced.totals.total => {
            let totals = serde_json::to_value(priced.totals).unwrap_or_default();
            Err(Problem::conflict("cart_changed", "The total has changed; show the new one to the customer")
                .extend("totals", totals))
        }
        _ => Ok(()),
    }
}

fn out_of_stock(priced: &PricedCart, short: &[product_api::ShortItem]) -> Problem {
    let problem = Problem::conflict("out_of_stock", "There is not enough stock");
    short.iter().fold(problem, |problem, item| {
        let index = priced.cart.items.iter().position(|line| line.variant_id == item.variant_id).unwrap_or(0);
        problem.field(
            format!("/items/{index}/quantity"),
            "out_of_stock",
            format!("{} left", item.available.max(0)),
        )
    })
}

/// The reservation of a stored cart at this version: the same in every attempt to complete it.
fn stored_key(cart: &Cart, attempt: u32) -> Uuid {
    digest(&[b"cart", cart.id.uuid().as_bytes(), &cart.version.to_be_bytes(), &attempt.to_be_bytes()])
}

/// The reservation of a request that brings its cart along: the same whenever it is repeated.
fn request_key(key: &IdempotencyKey, attempt: u32) -> Uuid {
    digest(&[
        b"request",
        key.scope.as_bytes(),
        key.operation.as_bytes(),
        key.key.as_bytes(),
        &key.fingerprint,
        &attempt.to_be_bytes(),
    ])
}

fn digest(parts: &[&[u8]]) -> Uuid {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
