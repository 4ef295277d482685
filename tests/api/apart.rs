//! A shop in several processes: what holds when one is away, and when a module moves while customers buy.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::placement;
use crate::world::World;

/// Processes that run these modules, `+` between them.
pub(crate) fn processes(groups: &[&str]) -> Vec<Vec<String>> {
    let split = |group: &&str| group.split('+').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    groups.iter().map(split).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_is_away_takes_only_its_own_routes_with_it() {
    let mut world = World::open_as(&processes(&["", "user+product+order", "payment"]), "").await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    world.buy(&variant, 1).await;
    world.take_down(2).await;

    let refunds = world.get("/v1/admin/refunds").staff().send().await;
    assert!(refunds.headers.contains_key("retry-after"));
    assert_eq!(refunds.problem(503), "module_unavailable");
    world.get("/v1/products").send().await.expect(200);
    let orders = world.get("/v1/admin/orders").staff().send().await.expect(200);
    assert_eq!(orders["data"].as_array().unwrap().len(), 1);

    // Nobody knows whether it was paid; nothing is sold, and nothing is lost.
    let unpaid = world.post("/v1/checkout", &world.order_of(&variant, 1)).key("unpaid").send().await;
    assert!([202, 503].contains(&unpaid.status.as_u16()), "{}", unpaid.body);
    assert_eq!(world.stock(&variant).await["onHand"], 9);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_of_a_module_share_its_calls_until_one_is_gone() {
    if placement::variable("CLEAVE_TEST_STORE").is_none_or(|store| store != "postgres") {
        println!("a file belongs to one process: this is for PostgreSQL");
        return;
    }
    let mut world = World::open_as(&processes(&["user+product+order", "payment", "payment"]), "").await;
    let variant = world.on_sale("CUP", 1000, 100).await;
    // Each payment is two commits of whoever is asked: it was begun, and what came of it. Who is not asked makes hardly any.
    let commits = |world: &World, at| world.database_at(at, "payment").stats().counts().commits;
    let before = [commits(&world, 1), commits(&world, 2)];

    for _ in 0..20 {
        world.buy(&variant, 1).await;
    }

    for (replica, before) in [1, 2].into_iter().zip(before) {
        let done = commits(&world, replica) - before;
        assert!(done >= 20, "replica {replica} made {done} commits for half of 20 payments");
    }
    world.take_down(1).await;
    for _ in 0..20 {
        let order = world.buy(&variant, 1).await;
        assert_eq!(order["paymentStatus"], "paid", "{order}");
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_topology_is_looked_at_before_it_is_made() {
    let world = World::open_as(&processes(&["user+product+order+payment", "user"]), "").await;
    let (asked, elsewhere) = (world.internal(0).to_string(), world.url(1));
    let apply = async |arguments: &[&str]| {
        let line = [&["topology", "apply", "--internal", &asked], arguments].concat();
        let output = world.command(0, &line).await;
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let nobody = apply(&["payments", "--here"]).await;
    assert!(nobody.contains("there is no module `payments`"), "{nobody}");
    let stale = apply(&["user", "--here", "--version", "7"]).await;
    assert!(stale.contains("version 1 by now"), "{stale}");
    let misled = apply(&["payment", "--url", &elsewhere]).await;
    if world.database("payment").is_sqlite() {
        assert!(misled.contains("keeps its tables in a file"), "{misled}");
    } else {
        assert!(misled.contains("does not run the payment module on the database"), "{misled}");
        let nowhere = elsewhere.replace(&world.internal(1).port().to_string(), "1");
        let away = apply(&["user", "--url", &nowhere]).await;
        assert!(away.contains(&format!("no process answers at {nowhere}")), "{away}");
    }
    let shown = world.command(0, &["topology", "show", "--internal", &asked]).await;
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["version"], 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payment_moves_out_and_back_while_customers_buy() {
    let world = World::open_as(&processes(&["user+product+order+payment", "payment"]), "").await;
    if world.database("payment").is_sqlite() {
        println!("a file belongs to one process: this is for PostgreSQL");
        return world.close().await;
    }
    let variant = world.on_sale("CUP", 1000, 100_000).await;
    let (over, bought) = (AtomicBool::new(false), AtomicU64::new(0));
    let buyers = join_all((0..8).map(|_| async {
        while !over.load(Ordering::Relaxed) {
            let order = world.buy(&variant, 1).await;
            assert_eq!(order["paymentStatus"], "paid", "{order}");
            bought.fetch_add(1, Ordering::Relaxed);
        }
    }));
    let mover = async {
        let (asked, elsewhere) = (world.internal(0).to_string(), world.url(1));
        for _ in 0..10 {
            for way in [
                ["--url", &elsewhere, "--percent", "1"].as_slice(),
                &["--percent", "50"],
                &["--percent", "100"],
                &["--here"],
            ] {
                let line = [&["topology", "apply", "payment", "--internal", &asked], way].concat();
                let output = world.command(0, &line).await;
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(buyers, mover);

    let bought = bought.load(Ordering::Relaxed);
    assert!(bought > 40, "{bought} orders in ten moves");
    let (attempts,): (i64,) =
        world.database("payment").query("SELECT COUNT(*) FROM attempts").one().await.unwrap();
    assert_eq!(attempts as u64, bought, "each order is paid once");
    world
        .eventually("all goods leave the shelf", async || {
            world.stock(&variant).await["onHand"] == json!(100_000 - bought)
        })
        .await;
    let ledger = world.get("/v1/admin/ledger/balances").staff().send().await.expect(200);
    let sum: i64 =
        ledger["data"].as_array().unwrap().iter().map(|b| b["balance"]["amount"].as_i64().unwrap()).sum();
    assert_eq!(sum, 0, "{ledger}");
    world.close().await;
}
