//! Who is let in when not everybody can be.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use crate::world::{Reply, World};

/// A shop that works on ten requests at once, with all that the tests of one test ask within it.
async fn small() -> World {
    World::open_with("[gateway.admission]\nmin_concurrency = 10\nmax_concurrency = 10\n").await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_slow_work_fills_the_shop_customers_buy_and_staff_are_asked_to_wait() {
    let world = small().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let buy = async || world.post("/v1/checkout", &world.order_of(&variant, 1)).fresh_key().send().await;
    buy().await.expect(201);
    world.get("/v1/admin/orders").staff().send().await.expect(200);

    // Nothing can be written in the user module until these are given back, and staff keep their places meanwhile.
    let mut held = Vec::new();
    for _ in 0..if world.database("user").is_sqlite() { 1 } else { POOL } {
        held.push(world.database("user").begin().await.unwrap());
    }
    let slow = join_all((0..10).map(|number| {
        let role = json!({ "name": format!("role-{number}"), "permissions": ["orders:read"] });
        let (world, request) = (&world, role);
        async move { world.post("/v1/admin/roles", &request).staff().fresh_key().send().await }
    }));
    let meanwhile = async {
        let add = async || world.post("/v1/admin/products", &json!({})).staff().fresh_key().send().await;
        let mut refused = Vec::new();
        for _ in 0..200 {
            refused = join_all((0..30).map(|_| add())).await;
            refused.retain(|reply| reply.status == 503);
            if !refused.is_empty() {
                break;
            }
        }
        let closed = |reply: &Reply| reply.headers.get("connection").is_some_and(|kept| kept == "close");
        assert_eq!(
            refused.iter().filter(|reply| closed(reply)).count(),
            0,
            "an unread body costs no connection"
        );
        let refused = refused.pop().expect("somebody is turned away");
        let later: u32 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=5).contains(&later), "{later}");
        assert_eq!(refused.body["retryable"], true);
        assert_eq!(refused.problem(503), "temporary_reduced_capacity");
        buy().await.expect(201);
        world.get("/v1/products").send().await.expect(200);
        // Until then those who wait for a place have given up.
        tokio::time::sleep(2 * WAIT).await;
        held.clear();
    };
    let (roles, ()) = tokio::join!(slow, meanwhile);
    let made = roles.iter().filter(|reply| reply.status == 201).count();
    // Half of ten places are the most that staff borrow, and one who waits for a body has lent its own to another.
    assert!((1..10).contains(&made), "{made} of 10");
    world.get("/v1/admin/orders").staff().send().await.expect(200);
    world.close().await;
}

/// How long a request waits to be let in.
const WAIT: Duration = Duration::from_millis(50);
/// Connections that a module has on PostgreSQL in these tests.
const POOL: usize = 4;
