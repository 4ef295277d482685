//! Several processes on one PostgreSQL database share the load, and what may happen once happens once, whichever of
//! them is asked and whichever is killed.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "this is a test whose customers are tasks of their own, and it says why it does nothing"
)]

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::join_all;
use lab::api::{Api, Reply};
use lab::bench::checkout;
use lab::books::Books;
use lab::server::{EVERYTHING, Server, Settings, Store, postgres_on};
use lab::switch::Switch;
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_cleave");
const PATIENCE: Duration = Duration::from_secs(30);
const PASSWORD: &str = "correct horse battery staple";

/// A shop in several processes, and its books.
struct World {
    server: Server,
    /// Anybody, at each process.
    apis: Vec<Api>,
    staff: Api,
    books: Books,
}

impl World {
    /// `None`, and a line that says so, where the tests are not to run on PostgreSQL.
    async fn open(groups: &[&str]) -> Option<Self> {
        let url = url()?;
        let store = Store::Postgres(url.clone());
        let server = Server::start_set(Path::new(BINARY), store, groups, settings()).await.unwrap();
        let api = |at| Api::new(server.address_of(at).unwrap()).unwrap();
        let apis: Vec<Api> = (0..groups.len()).map(api).collect();
        let staff = server.staff().await.unwrap();
        Some(Self { apis, staff, books: Books::of(&url).unwrap(), server })
    }

    /// Puts a product with one variant on sale. Returns the variant's id.
    async fn on_sale(&self, stock: i64) -> String {
        let product = json!({
            "title": "Tea", "status": "active",
            "variants": [{ "sku": "TEA", "prices": [{ "amount": 1000, "currency": "USD" }], "stock": stock }],
        });
        let product = self.staff.post("/v1/admin/products", &product, &[]).await.unwrap();
        text(&product.expect(reqwest::StatusCode::CREATED).unwrap()["variants"][0]["id"])
    }

    /// Buys one at a process, under this key.
    async fn buy(&self, at: usize, variant: &str, key: &str) -> Reply {
        self.apis[at].post("/v1/checkout", &checkout(variant), &[("idempotency-key", key)]).await.unwrap()
    }

    /// Nothing was lost or doubled, and these orders are those that customers know of.
    async fn agrees(&self, orders: &HashSet<String>) {
        let differences = self.books.differences(&self.server, orders, PATIENCE).await.unwrap();
        assert!(differences.is_empty(), "{differences:#?}");
    }
}

/// Passwords cost little here, and a server that is busy with other tests is waited for.
fn settings() -> Settings {
    let settings = [
        ("CLEAVE__AUTH__ARGON2__MEMORY_KIB", "64"),
        ("CLEAVE__AUTH__ARGON2__ITERATIONS", "1"),
        ("CLEAVE__DATABASE__POOL_SIZE", "4"),
        ("CLEAVE__DATABASE__ACQUIRE_TIMEOUT_MS", "20000"),
    ];
    settings.map(|(name, value)| (name, value.to_owned())).to_vec()
}

fn url() -> Option<String> {
    if std::env::var("CLEAVE_TEST_STORE").is_ok_and(|store| store == "postgres") {
        let server = std::env::var("CLEAVE_TEST_POSTGRES").unwrap();
        return Some(postgres_on(&server, "replicas").unwrap());
    }
    println!("skipped: a SQLite file belongs to one process; this is for PostgreSQL");
    None
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn key() -> String {
    format!("{:032x}", rand::random::<u128>())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_buyers_at_two_replicas_of_fifty_units_place_fifty_orders() {
    let Some(world) = World::open(&[EVERYTHING, EVERYTHING]).await else { return };
    let variant = world.on_sale(50).await;
    let keys: Vec<String> = (0..200).map(|_| key()).collect();

    let replies = join_all(keys.iter().enumerate().map(|(at, key)| world.buy(at % 2, &variant, key))).await;

    let placed: HashSet<String> =
        replies.iter().filter(|reply| reply.status == 201).map(|reply| text(&reply.body["number"])).collect();
    let refused = replies.iter().filter(|reply| reply.body["code"] == "out_of_stock").count();
    assert_eq!((placed.len(), refused), (50, 150));
    for at in [0, 1] {
        let here = replies.iter().skip(at).step_by(2).filter(|reply| reply.status == 201).count();
        assert!(here > 0, "replica {at} has sold nothing");
    }
    world.agrees(&placed).await;
    world.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_at_two_replicas_at_once_has_one_effect_and_one_answer() {
    let Some(world) = World::open(&[EVERYTHING, EVERYTHING]).await else { return };
    let variant = world.on_sale(100).await;
    let mut placed = HashSet::new();
    for _ in 0..10 {
        let key = key();
        let ask = |at: usize| {
            let (world, variant, key) = (&world, &variant, &key);
            async move {
                loop {
                    let reply = world.buy(at % 2, variant, key).await;
                    if reply.body["code"] != "idempotency_in_progress" {
                        return reply.expect(reqwest::StatusCode::CREATED).unwrap();
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        };

        let orders = join_all((0..6).map(ask)).await;

        assert!(orders.iter().all(|order| *order == orders[0]), "{orders:#?}");
        placed.insert(text(&orders[0]["number"]));
    }
    assert_eq!(placed.len(), 10);
    world.agrees(&placed).await;
    world.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_shown_to_two_replicas_at_once_leads_to_one_successor() {
    let Some(world) = World::open(&[EVERYTHING, EVERYTHING]).await else { return };
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD, "name": "Ada" });
    world.apis[0].post("/v1/auth/register", &ada, &[]).await.unwrap();
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
    let signed_in = world.apis[1].post("/v1/auth/login", &ada, &[]).await.unwrap();
    let mut token = text(&signed_in.body["refreshToken"]);
    for _ in 0..5 {
        let body = json!({ "refreshToken": token });
        let shown = (0..8).map(|at| world.apis[at % 2].post("/v1/auth/refresh", &body, &[]));

        let replies: Vec<Reply> = join_all(shown).await.into_iter().map(Result::unwrap).collect();

        let successors: HashSet<String> = replies
            .iter()
            .filter(|reply| reply.status == 200)
            .map(|reply| text(&reply.body["refreshToken"]))
            .collect();
        assert_eq!(successors.len(), 1, "{replies:#?}");
        token = successors.into_iter().next().unwrap();
    }
    // What one replica has signed the other believes.
    let last = world.apis[0].post("/v1/auth/refresh", &json!({ "refreshToken": token }), &[]).await.unwrap();
    let ada = world.apis[1].with_token(&text(&last.body["accessToken"]));
    assert_eq!(ada.get("/v1/account").await.unwrap()["email"], "ada@example.com");
    world.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_replica_had_begun_the_other_brings_to_its_end() {
    let Some(mut world) = World::open(&[EVERYTHING, EVERYTHING]).await else { return };
    let variant = world.on_sale(1000).await;
    let address = world.server.address_of(1).unwrap().to_owned();
    let keys: Vec<String> = (0..60).map(|_| key()).collect();
    let begun = keys.iter().map(|key| tokio::spawn(begin(address.clone(), variant.clone(), key.clone())));
    let begun: Vec<_> = begun.collect();
    tokio::time::sleep(Duration::from_millis(150)).await;

    world.server.kill(1).await.unwrap();

    let mut placed: HashSet<String> = HashSet::new();
    for begun in begun {
        placed.extend(begun.await.unwrap());
    }
    let acknowledged = placed.len();
    // Nobody asks again: what is not finished is found by the other replica itself, when its lease has run out.
    let give_up = Instant::now() + Duration::from_mins(2);
    while !world.staff.get("/v1/admin/processes").await.unwrap()["data"].as_array().unwrap().is_empty() {
        assert!(Instant::now() < give_up, "a checkout was left where it stood");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let found = world.books.placed().await.unwrap();
    assert!(found > acknowledged as i64, "{found} orders are placed, {acknowledged} were acknowledged");
    // Whoever got no answer asks the other one under the same key, and is told what has become of it.
    for key in &keys {
        let reply = world.buy(0, &variant, key).await;
        placed.insert(text(&reply.expect(reqwest::StatusCode::CREATED).unwrap()["number"]));
    }
    println!("{acknowledged} of {} were acknowledged before the replica was killed", keys.len());
    assert!(acknowledged < keys.len(), "it was killed when all was done");
    assert_eq!(placed.len(), keys.len());
    world.agrees(&placed).await;
    world.server.stop().await.unwrap();
}

/// Buys one and does not insist. Returns the order's number, if there is an answer.
async fn begin(address: String, variant: String, key: String) -> Option<String> {
    let reply = Api::new(address)
        .ok()?
        .post("/v1/checkout", &checkout(&variant), &[("idempotency-key", &key)])
        .await
        .ok()?;
    (reply.status == 201).then(|| text(&reply.body["number"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_price_is_read_at_the_other_replica_within_moments_and_charged_at_once() {
    let Some(world) = World::open(&[EVERYTHING, EVERYTHING]).await else { return };
    let variant = world.on_sale(1000).await;
    let read = async || world.apis[1].get("/v1/products/tea").await.unwrap()["variants"][0]["price"].clone();
    assert_eq!(read().await["amount"], 1000);
    let change = json!({ "prices": [{ "amount": 2000, "currency": "USD" }] });
    let path = format!("/v1/admin/variants/{variant}");

    let changed = world.staff.patch(&path, &change, &[("if-match", "*")]).await.unwrap();
    changed.expect(reqwest::StatusCode::OK).unwrap();
    let changed = Instant::now();

    let order = world.buy(1, &variant, &key()).await.expect(reqwest::StatusCode::CREATED).unwrap();
    assert_eq!(order["totals"]["total"]["amount"], 2000, "{order}");
    while read().await["amount"] != 2000 {
        // Nobody's reading prolongs the second for which an answer is kept; the rest is for a busy machine.
        assert!(changed.elapsed() < Duration::from_secs(4), "the old price is still shown");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_payment_replicas_is_killed_and_purchases_go_on() {
    let Some(mut world) = World::open(&["user+product+order", "payment", "payment"]).await else { return };
    let variant = world.on_sale(1000).await;
    let mut placed = HashSet::new();
    for number in 0..60 {
        if number == 20 {
            world.server.kill(1).await.unwrap();
        }
        if number == 40 {
            world.server.kill_and_restart(1).await.unwrap();
        }
        let reply = world.buy(0, &variant, &key()).await;
        placed.insert(text(&reply.expect(reqwest::StatusCode::CREATED).unwrap()["number"]));
    }
    assert_eq!(placed.len(), 60);
    world.agrees(&placed).await;
    world.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn payment_moves_out_and_back_while_customers_come_at_a_fixed_rate() {
    let Some(url) = url() else { return };
    let switch = Switch { rate: Some(15.0), moves: 2, pause: 0.5, json: false, settings: settings() };

    let report = switch.on(Path::new(BINARY), &url).await.unwrap();

    assert!(report.is_sound(), "{report}");
    assert!(report.told.orders.len() > 30, "{report}");
}
