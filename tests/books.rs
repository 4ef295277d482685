//! `cleave doctor --deep` on a shop whose tables somebody has been at: it names what does not agree, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test that cannot reach its shop should stop")]

use std::path::Path;
use std::time::{Duration, Instant};

use lab::bench::checkout;
use lab::server::{Server, Store};
use reqwest::StatusCode;
use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

/// What was done to the tables of a module, how it is taken back, and what must be said of it.
struct Tampering {
    module: &'static str,
    with: &'static str,
    back: &'static str,
    says: &'static [&'static str],
}

const fn tampering(
    module: &'static str,
    with: &'static str,
    back: &'static str,
    says: &'static [&'static str],
) -> Tampering {
    Tampering { module, with, back, says }
}

const TAMPERINGS: [Tampering; 16] = [
    tampering(
        "user",
        "UPDATE accounts SET addresses = 2 WHERE addresses = 1",
        "UPDATE accounts SET addresses = 1 WHERE addresses = 2",
        &["accounts have more or fewer addresses"],
    ),
    tampering(
        "user",
        "UPDATE accounts SET default_billing_id = id WHERE addresses = 1",
        "UPDATE accounts SET default_billing_id = default_shipping_id WHERE addresses = 1",
        &["another's address as their own"],
    ),
    tampering(
        "user",
        "UPDATE sessions SET token_generation = token_generation + 1",
        "UPDATE sessions SET token_generation = token_generation - 1",
        &["sessions are ahead"],
    ),
    tampering(
        "product",
        "UPDATE stock_levels SET on_hand = on_hand + 1",
        "UPDATE stock_levels SET on_hand = on_hand - 1",
        &["levels are not the sum"],
    ),
    tampering(
        "product",
        "UPDATE stock_levels SET reserved = reserved + 1",
        "UPDATE stock_levels SET reserved = reserved - 1",
        &["promised than reservations hold"],
    ),
    tampering(
        "product",
        "UPDATE reservations SET status = 'held', expires_at = {past}",
        "UPDATE reservations SET status = 'consumed'",
        &["promised than reservations hold", "reservations outlive their lease"],
    ),
    tampering(
        "product",
        "UPDATE stock_movements SET delta = delta - 1 WHERE kind = 'sold'",
        "UPDATE stock_movements SET delta = delta + 1 WHERE kind = 'sold'",
        &["levels are not the sum", "do not agree on units sold"],
    ),
    tampering(
        "order",
        "UPDATE orders SET subtotal_minor = subtotal_minor + 1, discount_minor = discount_minor + 1",
        "UPDATE orders SET subtotal_minor = subtotal_minor - 1, discount_minor = discount_minor - 1",
        &["orders are not the sum of their lines"],
    ),
    tampering(
        "order",
        "UPDATE checkouts SET state = 'failed'",
        "UPDATE checkouts SET state = 'placed'",
        &["disagree on whether they were placed"],
    ),
    tampering(
        "order",
        "UPDATE orders SET status = 'pendingPayment'",
        "UPDATE orders SET status = 'placed'",
        &["wait for a payment that nobody drives"],
    ),
    tampering(
        "order",
        "UPDATE checkouts SET wake_at = {past}",
        "UPDATE checkouts SET wake_at = NULL",
        &["ended and are still to be woken", "checkouts should have gone on"],
    ),
    tampering(
        "order",
        "UPDATE carts SET order_id = id",
        "UPDATE carts SET order_id = (SELECT id FROM orders WHERE orders.cart_id = carts.id)",
        &["carts became an order that is not there"],
    ),
    tampering(
        "order",
        "UPDATE orders SET captured_minor = captured_minor + 1, refunded_minor = refunded_minor + 1",
        "UPDATE orders SET captured_minor = captured_minor - 1, refunded_minor = refunded_minor - 1",
        &["do not agree on money captured", "do not agree on money given back"],
    ),
    tampering(
        "payment",
        "UPDATE intents SET disputed = disputed + 1",
        "UPDATE intents SET disputed = disputed - 1",
        &["another amount than the ledger says"],
    ),
    tampering(
        "payment",
        "UPDATE intents SET pending_refund = pending_refund + 1",
        "UPDATE intents SET pending_refund = pending_refund - 1",
        &["set another amount aside"],
    ),
    tampering(
        "payment",
        "UPDATE attempts SET ask_at = {past}",
        "UPDATE attempts SET ask_at = NULL",
        &["charges should have been asked about"],
    ),
];

/// What cannot be taken back as simply; each is said from there on.
const LAST: [Tampering; 5] = [
    tampering(
        "order",
        "UPDATE events SET type = 'order.created' WHERE type = 'order.placed'",
        "",
        &["created, placed or canceled twice"],
    ),
    tampering("payment", "UPDATE events SET position = position + 7 WHERE position > 1", "", &["positions are missing"]),
    tampering(
        "payment",
        "INSERT INTO jobs (id, kind, payload, run_at, attempts, max_attempts, created_at)
         SELECT id, 'payment.end', '{}', {past}, 0, 8, created_at FROM intents",
        "",
        &["jobs are not done"],
    ),
    tampering("payment", "UPDATE jobs SET failed_at = run_at", "", &["jobs were given up"]),
    tampering(
        "product",
        "INSERT INTO parked_events (listener, source, position, subject, event, attempts, last_error, parked_at)
         VALUES ('stock', 'order', 1, 'ord', '{}', 8, 'no', {past})",
        "",
        &["events are set aside"],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_was_tampered_with_in_a_file_is_named() {
    is_named(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "which server the tests run on is no setting of the product")]
async fn what_was_tampered_with_on_postgres_is_named() {
    let Ok(url) = std::env::var("CLEAVE_TEST_POSTGRES") else {
        eprintln!("skipped: set CLEAVE_TEST_POSTGRES to a server on which databases may be created");
        return;
    };
    is_named(Store::Postgres(lab::server::postgres_on(&url, "books").unwrap())).await;
}

async fn is_named(store: Store) {
    let mut server = Server::start(Path::new(env!("CARGO_BIN_EXE_cleave")), store.clone()).await.unwrap();
    sell(&server).await;
    server.kill(0).await.unwrap();
    assert_eq!(server.differences(Duration::from_secs(10)).await.unwrap(), Vec::<String>::new());

    for Tampering { module, with, back, says } in TAMPERINGS {
        run(&store, &server, module, with).await;
        let said = server.differences(Duration::from_secs(0)).await.unwrap();
        run(&store, &server, module, back).await;
        assert_eq!(said.len(), says.len(), "{with}: {said:?}");
        for sentence in says {
            assert!(said.iter().any(|said| said.contains(sentence)), "{with}: {said:?}");
        }
    }
    assert_eq!(server.differences(Duration::from_secs(0)).await.unwrap(), Vec::<String>::new());
    for Tampering { module, with, says, .. } in LAST {
        run(&store, &server, module, with).await;
        let said = server.differences(Duration::from_secs(0)).await.unwrap();
        assert!(said.iter().any(|said| said.contains(says[0])), "{with}: {said:?}");
    }
    server.stop().await.unwrap();
}

/// A customer with an address buys two, and a clerk gives some of the money back.
async fn sell(server: &Server) {
    let staff = server.staff().await.unwrap();
    let product = json!({
        "title": "Tea", "status": "active",
        "variants": [{ "sku": "TEA", "prices": [{ "amount": 1000, "currency": "USD" }], "stock": 10 }],
    });
    let product = staff.post("/v1/admin/products", &product, &[]).await.unwrap();
    let variant = product.expect(StatusCode::CREATED).unwrap()["variants"][0]["id"].clone();
    let ada = json!({ "email": "ada@example.com", "password": "correct horse battery", "name": "Ada" });
    staff.post("/v1/auth/register", &ada, &[]).await.unwrap().expect(StatusCode::CREATED).unwrap();
    let token = staff.sign_in("ada@example.com", "correct horse battery").await.unwrap();
    let customer = staff.with_token(&token);
    let address =
        json!({ "name": "Ada", "line1": "1 Main St", "city": "London", "country": "GB", "postalCode": "N1" });
    customer.post("/v1/addresses", &address, &[]).await.unwrap().expect(StatusCode::CREATED).unwrap();
    let key = [("idempotency-key", "tea")];
    let order = customer.post("/v1/checkout", &checkout(variant.as_str().unwrap()), &key).await.unwrap();
    let order = order.expect(StatusCode::CREATED).unwrap();
    let intents = format!("/v1/admin/payment-intents?orderId={}", order["id"].as_str().unwrap());
    let intent = staff.get(&intents).await.unwrap()["data"][0]["id"].clone();
    let refund = json!({ "paymentIntentId": intent, "amount": { "amount": 100, "currency": "USD" }, "reason": "dent" });
    let refund = staff.post("/v1/admin/refunds", &refund, &[("idempotency-key", "dent")]).await.unwrap();
    refund.expect(StatusCode::CREATED).unwrap();
    let give_up = Instant::now() + Duration::from_secs(10);
    while !server.differences(Duration::from_secs(1)).await.unwrap().is_empty() {
        assert!(Instant::now() < give_up, "the books of an untouched shop do not agree");
    }
}

async fn run(store: &Store, server: &Server, module: &str, sql: &str) {
    match store {
        Store::Sqlite => {
            let file = server.folder().join(format!("{module}.db"));
            let mut file = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
            // 2020, as the files have it: in microseconds.
            let sql = sql.replace("{past}", "1577836800000000");
            file.execute(AssertSqlSafe(sql)).await.unwrap();
            file.close().await.unwrap();
        }
        Store::Postgres(url) => {
            let mut database = PgConnection::connect(&format!("{url}_{module}")).await.unwrap();
            let sql = sql.replace("{past}", "TIMESTAMPTZ '2020-01-01Z'");
            database.execute(AssertSqlSafe(sql)).await.unwrap();
        }
    }
}
