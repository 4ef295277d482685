//! The binary killed with SIGKILL again and again while customers buy: what was acknowledged is there, what was begun
//! comes to an end by itself, and the books agree.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "this is a test, its customers are tasks of their own, and it says what it did"
)]

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lab::api::Api;
use lab::bench::checkout;
use lab::server::{Server, Store};
use reqwest::StatusCode;
use serde_json::{Value, json};

const KILLS: u32 = 50;
const BUYERS: usize = 8;
const STOCK: i64 = 1_000_000;

/// What the customers remember of it.
#[derive(Default)]
struct Journal {
    /// Orders whose 201 arrived.
    acknowledged: Mutex<HashSet<String>>,
    /// Requests without an answer, to be repeated under their key.
    open: Mutex<Vec<String>>,
    address: Mutex<String>,
    closed: AtomicBool,
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_lose_no_acknowledged_order_and_strand_no_checkout() {
    let server = Server::start(Path::new(env!("CARGO_BIN_EXE_cleave")), Store::Sqlite).await.unwrap();
    survives(server, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_of_any_process_of_five_lose_no_acknowledged_order() {
    let groups = ["", "user", "product", "order", "payment"];
    let binary = Path::new(env!("CARGO_BIN_EXE_cleave"));
    let server = Server::start_apart(binary, Store::Sqlite, &groups).await.unwrap();
    survives(server, groups.len()).await;
}

/// Customers buy while processes are killed, and then the books are read.
async fn survives(mut server: Server, processes: usize) {
    let staff = server.staff().await.unwrap();
    let product = json!({
        "title": "Tea", "status": "active",
        "variants": [{ "sku": "TEA", "prices": [{ "amount": 1000, "currency": "USD" }], "stock": STOCK }],
    });
    let product = staff.post("/v1/admin/products", &product, &[]).await.unwrap();
    let product = product.expect(StatusCode::CREATED).unwrap();
    let variant = product["variants"][0]["id"].as_str().unwrap().to_owned();
    let journal = Arc::new(Journal { address: Mutex::new(server.address.clone()), ..Journal::default() });
    let buyers: Vec<_> =
        (0..BUYERS).map(|_| tokio::task::spawn(buy(Arc::clone(&journal), variant.clone()))).collect();

    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(40 + u64::from(rand::random::<u8>()))).await;
        server.kill_and_restart(rand::random_range(0..processes)).await.unwrap();
        journal.address.lock().unwrap().clone_from(&server.address);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    journal.closed.store(true, Ordering::Release);
    for buyer in buyers {
        buyer.await.unwrap();
    }

    // Whoever got no answer asks again under the same key, and then everybody has one.
    let api = Api::new(server.address.clone()).unwrap();
    let unanswered = std::mem::take(&mut *journal.open.lock().unwrap());
    let repeated = unanswered.len();
    for key in unanswered {
        let id = answer(&api, &variant, &key).await;
        journal.acknowledged.lock().unwrap().insert(id);
    }
    let staff = server.staff().await.unwrap();
    settled(&staff).await;

    let orders = all(&staff, "/v1/admin/orders").await;
    let placed: HashSet<String> =
        orders.iter().filter(|order| order["status"] == "placed").map(|order| text(&order["id"])).collect();
    let acknowledged = journal.acknowledged.lock().unwrap().clone();
    println!(
        "{KILLS} kills, {} orders acknowledged, {repeated} requests repeated, {} placed",
        acknowledged.len(),
        placed.len()
    );
    assert!(acknowledged.len() > 20, "the shop was hardly used");
    let lost: Vec<_> = acknowledged.difference(&placed).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    // Every request was repeated until it was answered, so there is no order that nobody was told of.
    assert_eq!(placed.len(), acknowledged.len());
    let keys: HashSet<String> = orders.iter().map(|order| text(&order["number"])).collect();
    assert_eq!(keys.len(), orders.len(), "each placed order has a number of its own");

    let sold = placed.len() as i64;
    let level =
        staff.get(&format!("/v1/admin/stock-levels?variantId={variant}")).await.unwrap()["data"][0].clone();
    assert_eq!((&level["onHand"], &level["reserved"]), (&json!(STOCK - sold), &json!(0)), "{level}");
    let balances = staff.get("/v1/admin/ledger/balances").await.unwrap();
    let balance = |account: &str| -> i64 {
        let of = balances["data"].as_array().unwrap().iter().filter(|balance| balance["account"] == account);
        of.map(|balance| balance["balance"]["amount"].as_i64().unwrap()).sum()
    };
    assert_eq!(balance("sales"), -1000 * sold, "every placed order is paid once: {balances}");
    assert_eq!(balance("clearing:test"), 1000 * sold);
    assert!(orders.iter().all(|order| order["status"] == "placed" || order["status"] == "canceled"));
    assert_eq!(server.differences(Duration::from_secs(10)).await.unwrap(), Vec::<String>::new());
    server.stop().await.unwrap();
}

/// Buys one after another; what is not answered is left to be repeated.
async fn buy(journal: Arc<Journal>, variant: String) {
    while !journal.closed.load(Ordering::Acquire) {
        let address = journal.address.lock().unwrap().clone();
        let key = format!("{:032x}", rand::random::<u128>());
        journal.open.lock().unwrap().push(key.clone());
        let Ok(api) = Api::new(address) else { continue };
        let sent = api.post("/v1/checkout", &checkout(&variant), &[("idempotency-key", &key)]).await;
        if let Ok(reply) = sent
            && reply.status == StatusCode::CREATED
        {
            journal.acknowledged.lock().unwrap().insert(text(&reply.body["id"]));
            journal.open.lock().unwrap().retain(|open| *open != key);
        } else {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The order that a request came to, asked for until it is there.
async fn answer(api: &Api, variant: &str, key: &str) -> String {
    let give_up = Instant::now() + Duration::from_mins(1);
    loop {
        let reply = api.post("/v1/checkout", &checkout(variant), &[("idempotency-key", key)]).await.unwrap();
        if reply.status == StatusCode::CREATED {
            return text(&reply.body["id"]);
        }
        // A module that was just killed may be left alone for a moment by those that call it.
        let running = [StatusCode::ACCEPTED, StatusCode::SERVICE_UNAVAILABLE].contains(&reply.status)
            || reply.body["code"] == "idempotency_in_progress";
        assert!(running && Instant::now() < give_up, "{} {}", reply.status, reply.body);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until no checkout is on its way and the stock of every sale is gone.
async fn settled(staff: &Api) {
    let give_up = Instant::now() + Duration::from_mins(1);
    loop {
        let running = staff.get("/v1/admin/processes").await.unwrap();
        let levels = staff.get("/v1/admin/stock-levels").await.unwrap();
        if running["data"] == json!([]) && levels["data"][0]["reserved"] == 0 {
            return;
        }
        assert!(Instant::now() < give_up, "still on their way: {running} {levels}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn all(staff: &Api, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut after = String::new();
    loop {
        let separator = if path.contains('?') { '&' } else { '?' };
        let page = staff.get(&format!("{path}{separator}limit=100{after}")).await.unwrap();
        items.extend(page["data"].as_array().unwrap().clone());
        match page["nextCursor"].as_str() {
            Some(cursor) => after = format!("&after={cursor}"),
            None => return items,
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
