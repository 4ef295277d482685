//! The order module started alone, with fakes for those it calls, as a client meets it.

#![expect(clippy::unwrap_used, reason = "a test whose world is not as expected should stop")]

use std::sync::Arc;
use std::time::Duration;

use actix_web::test::TestRequest;
use kernel::call::BoxFuture;
use kernel::{Clock, Money, Principal};
use order::{MIGRATIONS, Module, NAME, NumberScheme, Settings};
use payment_api::PaymentOutcome;
use payment_api::fake::Till;
use platform::http::{Authenticate, Problem};
use platform::testing::{self, TestDb, ask, front};
use product_api::QuotedVariant;
use product_api::fake::Shelf;
use serde_json::{Value, json};

/// Everybody is nobody in particular.
struct Guests;

impl Authenticate for Guests {
    fn authenticate<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Principal, Problem>> {
        Box::pin(async { Ok(Principal::Anonymous) })
    }
}

struct Alone {
    db: TestDb,
    module: Module,
    shelf: Arc<Shelf>,
    till: Arc<Till>,
    variant: String,
}

/// The module, with three of something on the shelf.
async fn alone() -> Alone {
    let db = testing::db_at(NAME, MIGRATIONS, Clock::held_at("2026-05-01T12:00:00Z".parse().unwrap())).await;
    let clock = db.clock().clone();
    let (shelf, till) = (Arc::new(Shelf::new(clock.clone())), Arc::new(Till::new(clock.clone())));
    let variant = QuotedVariant {
        variant_id: clock.id(),
        product_id: clock.id(),
        product_title: "Cup".to_owned(),
        variant_title: "Blue".to_owned(),
        sku: None,
        unit_price: Some(Money::new(1000, "USD".parse().unwrap())),
        requires_shipping: false,
        taxable: false,
        available: 3,
    };
    let id = variant.variant_id.to_string();
    shelf.put(variant);
    let settings = Settings {
        numbers: NumberScheme { prefix: String::new(), length: 8 },
        lease: Duration::from_mins(15),
    };
    let module = Module::new(db.clone(), db.tasks(), settings, shelf.clone(), till.clone());
    Alone { db, module, shelf, till, variant: id }
}

impl Alone {
    async fn buy(&self, quantity: i64, token: &str) -> (u16, Value) {
        let app = front(self.module.mount(), order::routes, Arc::new(Guests), self.db.clock().clone()).await;
        let body = json!({
            "currency": "USD", "items": [{ "variantId": self.variant, "quantity": quantity }],
            "email": "ada@example.com", "payment": { "provider": "test", "token": token },
        });
        let key = self.db.clock().uuid().to_string();
        let request = TestRequest::post().uri("/v1/checkout").insert_header(("idempotency-key", key));
        ask(&app, request.set_json(body)).await
    }
}

#[actix_web::test]
async fn an_order_is_placed_with_what_the_others_say() {
    let alone = alone().await;

    let (status, order) = alone.buy(2, "approve").await;

    assert_eq!((status, &order["status"]), (201, &json!("placed")), "{order}");
    assert_eq!(order["totals"]["total"], json!({ "amount": 2000, "currency": "USD" }));
    let paid = (order["id"].as_str().unwrap().to_owned(), PaymentOutcome::Captured);
    assert_eq!(alone.till.payments(), [paid]);
    assert_eq!(alone.shelf.left(), [1]);

    let (status, refused) = alone.buy(2, "approve").await;
    assert_eq!((status, &refused["code"]), (409, &json!("out_of_stock")), "{refused}");
    assert_eq!(alone.till.payments().len(), 1, "nothing is charged that is not there");
}

#[actix_web::test]
async fn a_refused_payment_gives_the_stock_back() {
    let alone = alone().await;

    let (status, refused) = alone.buy(3, "decline").await;

    assert_eq!((status, &refused["code"]), (402, &json!("payment_declined")), "{refused}");
    assert_eq!(alone.shelf.left(), [3]);
}

#[actix_web::test]
async fn an_unclear_payment_is_asked_about_and_the_order_placed() {
    let alone = alone().await;

    let (status, order) = alone.buy(1, "unknown").await;

    assert_eq!((status, &order["status"]), (202, &json!("processing")), "{order}");
    alone.db.clock().advance(Duration::from_mins(1));
    for sweep in alone.module.mount().sweeps {
        while (sweep.run)().await.unwrap() {}
    }
    let outcomes: Vec<_> = alone.till.payments().into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, [PaymentOutcome::Captured]);
    assert_eq!(alone.shelf.left(), [2]);
}
