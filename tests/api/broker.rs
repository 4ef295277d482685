//! A shop in several processes whose events travel through a broker that breaks while customers buy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use platform::testing::{TestBroker, forget_streams};
use serde_json::{Value, json};

use crate::apart::processes;
use crate::placement::{Between, prefix};
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(30);

/// A shop of three processes and its broker.
async fn open(server: &TestBroker, prefix: &str) -> World {
    let broker = Some((server.url(), prefix.to_owned()));
    World::open_over(
        Between { broker, ..Between::asked() },
        &processes(&["user+product", "order", "payment"]),
        "",
    )
    .await
}

/// Buys one after another until it is over. Returns how many.
async fn buy_until(world: &World, variant: &str, over: &AtomicBool) -> i64 {
    let mut bought = 0;
    while !over.load(Ordering::Relaxed) {
        buy(world, variant, 1).await;
        bought += 1;
    }
    bought
}

/// Buys so often, and takes no purchase that waits for anything that is away.
async fn buy(world: &World, variant: &str, times: usize) {
    for _ in 0..times {
        let began = Instant::now();
        let order = world.buy(variant, 1).await;
        assert_eq!(order["paymentStatus"], "paid", "{order}");
        assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
    }
}

/// The goods of so many orders have left the shelf: each of them was heard of, once.
async fn has_sold(world: &World, variant: &str, count: i64) {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let stock = world.stock(variant).await;
        let gone = 1000 - stock["onHand"].as_i64().unwrap();
        assert!(gone <= count, "doubled: {stock}");
        if gone == count && stock["reserved"] == json!(0) {
            return;
        }
        assert!(Instant::now() < give_up, "{gone} of {count}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Nothing was set aside anywhere, and no money was made or lost.
async fn is_sound(world: &World) {
    for db in world.databases() {
        let (parked,): (i64,) = db.query("SELECT COUNT(*) FROM parked_events").one().await.unwrap();
        assert_eq!(parked, 0, "{}", db.module());
    }
    let ledger = world.get("/v1/admin/ledger/balances").staff().send().await.expect(200);
    let balances: &Vec<Value> = ledger["data"].as_array().unwrap();
    let sum: i64 = balances.iter().map(|balance| balance["balance"]["amount"].as_i64().unwrap()).sum();
    assert_eq!(sum, 0, "{ledger}");
}

#[tokio::test(flavor = "multi_thread")]
async fn purchases_go_on_while_the_broker_is_away_or_has_forgotten_all() {
    let Some(mut server) = TestBroker::start() else { return };
    let world = open(&server, &prefix()).await;
    let variant = world.on_sale("CUP", 1000, 1000).await;
    buy(&world, &variant, 10).await;

    server.stop();
    buy(&world, &variant, 10).await;
    has_sold(&world, &variant, 20).await;

    server.wipe();
    server.go_on();
    buy(&world, &variant, 10).await;
    has_sold(&world, &variant, 30).await;
    is_sound(&world).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_who_buy_while_the_broker_is_stopped_and_started_do_not_notice() {
    let Some(mut server) = TestBroker::start() else { return };
    let world = open(&server, &prefix()).await;
    let variant = world.on_sale("CUP", 1000, 1000).await;
    let over = AtomicBool::new(false);
    let outage = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.stop();
        tokio::time::sleep(Duration::from_secs(5)).await;
        server.go_on();
        tokio::time::sleep(Duration::from_secs(2)).await;
        over.store(true, Ordering::Relaxed);
    };

    let (bought, ()) = tokio::join!(buy_until(&world, &variant, &over), outage);

    has_sold(&world, &variant, bought).await;
    is_sound(&world).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_deleted_while_customers_buy_loses_and_doubles_nothing() {
    let Some(server) = TestBroker::start() else { return };
    let prefix = prefix();
    let world = open(&server, &prefix).await;
    let variant = world.on_sale("CUP", 1000, 1000).await;
    let over = AtomicBool::new(false);
    let vandal = async {
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            forget_streams(&server.url(), &prefix, &["order", "payment"]).await;
        }
        over.store(true, Ordering::Relaxed);
    };

    let (bought, ()) = tokio::join!(buy_until(&world, &variant, &over), vandal);

    has_sold(&world, &variant, bought).await;
    is_sound(&world).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_opens_although_its_broker_is_not_there() {
    let Some(mut server) = TestBroker::start() else { return };
    server.stop();
    let world = open(&server, &prefix()).await;
    let variant = world.on_sale("CUP", 1000, 1000).await;
    buy(&world, &variant, 3).await;
    has_sold(&world, &variant, 3).await;
    // Closing takes the streams away, for which there has to be somebody.
    server.go_on();
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_may_change_the_transport_while_the_others_go_on() {
    let Some(server) = TestBroker::start() else { return };
    let mut world = open(&server, &prefix()).await;
    let variant = world.on_sale("CUP", 1000, 1000).await;
    buy(&world, &variant, 5).await;

    // The order module's process reads logs again and publishes nothing any more.
    world.restart(1, |settings| settings.replace("transport = \"nats\"", "transport = \"http\"")).await;
    buy(&world, &variant, 5).await;
    has_sold(&world, &variant, 10).await;

    world.restart(1, |settings| settings.replace("transport = \"http\"", "transport = \"nats\"")).await;
    buy(&world, &variant, 5).await;
    has_sold(&world, &variant, 15).await;
    is_sound(&world).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_looks_at_the_broker() {
    let Some(mut server) = TestBroker::start() else { return };
    let world = open(&server, &prefix()).await;
    let well = world.command(1, &["doctor"]).await;
    assert!(well.status.success(), "{}", String::from_utf8_lossy(&well.stdout));
    assert!(String::from_utf8_lossy(&well.stdout).contains("well (version 2."));

    server.stop();
    let away = world.command(1, &["doctor"]).await;
    assert!(!away.status.success());
    assert!(String::from_utf8_lossy(&away.stdout).contains("does not answer"));
    server.go_on();
    world.close().await;
}
