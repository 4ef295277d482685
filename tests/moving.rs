//! A module's tables brought from its file to PostgreSQL with the real binary, while customers buy.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a test, its customers are tasks of their own, and it says what it did"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kernel::Clock;
use lab::api::Api;
use lab::bench::checkout;
use lab::server::{Server, Store};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;

const BUYERS: usize = 6;
const PAYMENT: usize = 1;

/// What one customer saw.
#[derive(Default)]
struct Seen {
    bought: u64,
    slowest: Duration,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_of_payment_move_to_postgresql_while_customers_buy() {
    let Ok(admin) = std::env::var("CLEAVE_TEST_POSTGRES") else {
        eprintln!("skipped: set CLEAVE_TEST_POSTGRES to a server on which databases may be created");
        return;
    };
    let binary = Path::new(env!("CARGO_BIN_EXE_cleave"));
    let mut server =
        Server::start_apart(binary, Store::Sqlite, &["user+product+order", "payment"]).await.unwrap();
    let staff = server.staff().await.unwrap();
    let product = json!({
        "title": "Tea", "status": "active",
        "variants": [{ "sku": "TEA", "prices": [{ "amount": 1000, "currency": "USD" }], "stock": 1_000_000 }],
    });
    let product = staff.post("/v1/admin/products", &product, &[]).await.unwrap();
    let product = product.expect(StatusCode::CREATED).unwrap();
    let variant = product["variants"][0]["id"].as_str().unwrap().to_owned();

    let url = new_database(&admin).await;
    let (settings, internal) = server.settings(PAYMENT).unwrap();
    let old = std::fs::read_to_string(settings).unwrap();
    let new = settings.with_file_name("new.toml");
    std::fs::write(&new, format!("{old}\n[database.payment]\nurl = \"{url}\"\n")).unwrap();

    let closed = Arc::new(AtomicBool::new(false));
    let buyers: Vec<_> = (0..BUYERS)
        .map(|_| tokio::task::spawn(buy(server.address.clone(), variant.clone(), Arc::clone(&closed))))
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    for rehearse in [true, false] {
        let mut command = server.command(PAYMENT).unwrap();
        command.args(["--json", "move", "payment", "--internal", &internal.to_string(), "--to"]).arg(&new);
        if rehearse {
            command.arg("--rehearse");
        }
        let done = command.output().await.unwrap();
        let said = String::from_utf8(done.stdout).unwrap();
        assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
        let report: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        println!("{report}");
        assert_eq!(report["rehearsed"], rehearse);
        assert!(report["rows"].as_u64().unwrap() > 0);
        assert!(report["pausedMs"].as_u64().unwrap() < 2000, "{report}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    closed.store(true, Ordering::Release);
    let (mut bought, mut slowest) = (0, Duration::ZERO);
    for buyer in buyers {
        let seen = buyer.await.unwrap();
        bought += seen.bought;
        slowest = slowest.max(seen.slowest);
    }
    println!("{bought} bought, the slowest in {slowest:?}");
    assert!(bought > 20, "the shop was hardly used");
    agree(&staff, bought).await;

    // The file is no longer opened, and the new settings open the new database.
    let refused = server.command(PAYMENT).unwrap().arg("migrate").output().await.unwrap();
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && why.contains("moved from here to"), "{why}");
    std::fs::copy(&new, server.settings(PAYMENT).unwrap().0).unwrap();
    server.kill_and_restart(PAYMENT).await.unwrap();
    let closed = Arc::new(AtomicBool::new(false));
    let buyer = tokio::task::spawn(buy(server.address.clone(), variant, Arc::clone(&closed)));
    tokio::time::sleep(Duration::from_millis(500)).await;
    closed.store(true, Ordering::Release);
    bought += buyer.await.unwrap().bought;
    agree(&server.staff().await.unwrap(), bought).await;
    server.stop().await.unwrap();
}

/// An empty database, and its url with the module's own role.
async fn new_database(admin: &str) -> String {
    let name = format!("moved_payment_{}", Clock::system().uuid().simple());
    let admin: PgConnectOptions = admin.parse().unwrap();
    platform::db::provision(&admin, &name, &name, "secret").await.unwrap();
    format!("postgres://{name}:secret@{}:{}/{name}", admin.get_host(), admin.get_port())
}

/// Buys one after another. Nobody is to be refused.
async fn buy(address: String, variant: String, closed: Arc<AtomicBool>) -> Seen {
    let api = Api::new(address).unwrap();
    let mut seen = Seen::default();
    while !closed.load(Ordering::Acquire) {
        let key = format!("{:032x}", rand::random::<u128>());
        let began = Instant::now();
        let reply =
            api.post("/v1/checkout", &checkout(&variant), &[("idempotency-key", &key)]).await.unwrap();
        assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
        seen.slowest = seen.slowest.max(began.elapsed());
        seen.bought += 1;
    }
    seen
}

/// The books say that so much was sold, and no more.
async fn agree(staff: &Api, bought: u64) {
    let balances = staff.get("/v1/admin/ledger/balances").await.unwrap();
    let of = |account: &str| -> i64 {
        let found =
            balances["data"].as_array().unwrap().iter().filter(|balance| balance["account"] == account);
        found.map(|balance| balance["balance"]["amount"].as_i64().unwrap()).sum()
    };
    let sold = 1000 * i64::try_from(bought).unwrap();
    assert_eq!((of("sales"), of("clearing:test")), (-sold, sold), "{balances}");
}
