//! The log: what a purchase says, and that it is said once.

use serde_json::{Value, json};

use crate::world::{World, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_is_told_as_cloud_events() {
    let world = World::open().await;
    let ada = world.customer("ada@example.com").await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let body = world.order_of(&variant, 1);
    let order = world.post("/v1/checkout", &body).bearer(&ada).fresh_key().send().await.expect(201);
    let account = world.get("/v1/account").bearer(&ada).send().await.expect(200);
    world
        .eventually("the events", async || {
            all(&world).await.iter().any(|event| event["type"] == "order.placed")
        })
        .await;

    let events = all(&world).await;
    let created = events.iter().find(|event| event["type"] == "order.created").unwrap();
    assert_eq!((&created["specversion"], &created["source"]), (&json!("1.0"), &json!("/order")));
    assert_eq!(created["subject"], order["id"]);
    assert_eq!(created["data"]["orderId"], order["id"]);
    assert_eq!(created["data"]["userId"], account["id"]);
    assert_eq!(created["data"]["totalAmount"], json!({ "amount": 1000, "currency": "USD" }));
    assert!(text(&created["data"]["timestamp"]).ends_with('Z'));
    let mut ids: Vec<String> = events.iter().map(|event| text(&event["id"])).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_goes_on_where_it_was_left() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    // On PostgreSQL an event can be read a moment after its commit, when it has its position.
    world
        .eventually("the product's event", async || {
            all(&world).await.iter().any(|event| event["type"] == "product.created")
        })
        .await;
    let first = world.get("/v1/admin/events").staff().send().await.expect(200);
    let cursor = text(&first["nextCursor"]);
    let path = format!("/v1/admin/events?after={cursor}");
    assert_eq!(world.get(&path).staff().send().await.expect(200)["data"], json!([]));

    world.buy(&variant, 1).await;

    world
        .eventually("the news", async || {
            let news = world.get(&path).staff().send().await.expect(200);
            news["data"].as_array().unwrap().iter().any(|event| event["type"] == "order.created")
        })
        .await;
    assert_eq!(world.get("/v1/admin/events?after=abc").staff().send().await.problem(400), "invalid_cursor");
    assert_eq!(world.get("/v1/admin/events").send().await.problem(401), "authentication_required");
    world.close().await;
}

async fn all(world: &World) -> Vec<Value> {
    let mut events = Vec::new();
    let mut after = String::new();
    loop {
        let page = world.get(&format!("/v1/admin/events?limit=100{after}")).staff().send().await.expect(200);
        events.extend(page["data"].as_array().unwrap().clone());
        if page["hasMore"] == json!(false) {
            return events;
        }
        after = format!("&after={}", text(&page["nextCursor"]));
    }
}
