//! Keys, versions and ranges: what a request says about the one before it.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Bad, Fixture};
use crate::world::{World, text};

#[tokio::test(flavor = "multi_thread")]
async fn keys_versions_and_states_are_insisted_on() {
    let shop = Fixture::open().await;
    let used = shop.world.order_of(&shop.variant, 1);
    let order = shop.world.post("/v1/checkout", &used).key("used").send().await.expect(201);
    let cancel = format!("/v1/admin/orders/{}/cancel", text(&order["id"]));
    shop.world.post(&cancel, &json!({})).staff().send().await.expect(200);
    let path = format!("/v1/admin/orders/{}", text(&order["id"]));
    let world = &shop.world;
    let refunded = async || world.get(&path).staff().send().await.expect(200)["paymentStatus"] == "refunded";
    world.eventually("the refund", refunded).await;
    shop.calm().await;

    let body = shop.world.order_of(&shop.variant, 1);
    let buy = |keys: &[&str]| {
        let bad = Bad::post("/v1/checkout").json(&body);
        keys.iter().fold(bad, |bad, key| bad.header("idempotency-key", key))
    };
    let (full, long) = ("k".repeat(255), "k".repeat(256));
    let other = shop.world.order_of(&shop.variant, 2);
    let change = |tag: &str| {
        let bad = shop.staff(Method::PATCH, &shop.product()).json(&json!({ "title": "Other" }));
        if tag.is_empty() { bad } else { bad.header("if-match", tag) }
    };
    let parcel = json!({
        "orderId": order["id"], "items": [{ "orderItemId": order["items"][0]["id"], "quantity": 1 }],
    });
    let capture = format!("/v1/admin/payment-intents/{}/capture", shop.intent);
    let location = "loc_00000000000000000000000000";
    let without_key = |path: &str, body: &Value| {
        shop.staff(Method::POST, path).json(body).is(400, "idempotency_key_required")
    };
    let refund = json!({ "paymentIntentId": shop.intent, "amount": { "amount": 1, "currency": "USD" }, "reason": "r" });
    let rows = vec![
        buy(&[]).is(400, "idempotency_key_required"),
        shop.staff(Method::POST, "/v1/admin/refunds").json(&refund).is(400, "idempotency_key_required"),
        without_key(
            "/v1/admin/stock-levels/adjust",
            &json!({ "variantId": shop.variant, "delta": 1, "reason": "r" }),
        ),
        without_key("/v1/admin/stock-levels/count", &json!({ "variantId": shop.variant, "onHand": 1 })),
        without_key(
            "/v1/admin/stock-levels/transfer",
            &json!({ "variantId": shop.variant, "fromLocationId": location, "toLocationId": location, "quantity": 1 }),
        ),
        without_key("/v1/admin/imports", &json!({ "csv": "Handle,Title\nmug,Mug\n" })),
        shop.staff(Method::POST, "/v1/admin/imports/imp_00000000000000000000000000/confirm")
            .is(400, "idempotency_key_required"),
        buy(&[""]).is(400, "invalid_idempotency_key"),
        buy(&[&long]).is(400, "invalid_idempotency_key"),
        buy(&[&format!("{full}\"")]).is(400, "invalid_idempotency_key"),
        buy(&["one, two"]).is(400, "invalid_idempotency_key"),
        buy(&["one", "two"]).is(400, "invalid_idempotency_key"),
        buy(&["schlüssel"]).is(400, "invalid_idempotency_key"),
        buy(&["a\tb"]).is(400, "invalid_idempotency_key"),
        Bad::post("/v1/checkout")
            .json(&other)
            .header("idempotency-key", "used")
            .is(422, "idempotency_key_reused"),
        Bad::post("/v1/checkout")
            .json(&other)
            .header("idempotency-key", "\"used\"")
            .is(422, "idempotency_key_reused"),
        change("").is(428, "precondition_required"),
        change("\"v9\"").is(412, "precondition_failed"),
        change("W/\"v1\"").is(412, "precondition_failed"),
        change("nonsense").is(412, "precondition_failed"),
        shop.staff(Method::POST, "/v1/admin/fulfillments").json(&parcel).is(409, "invalid_transition"),
        shop.staff(Method::POST, &capture)
            .header("idempotency-key", "c")
            .json(&json!({}))
            .is(409, "invalid_transition"),
    ];
    shop.refuses(rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_and_ranges_give_the_whole_answer_or_none() {
    let world = World::open().await;
    world.on_sale("CUP", 1000, 1).await;
    let ada = world.customer("ada@example.com").await;
    let tags = (0..1000).map(|n| format!("\"v{n}\"")).collect::<Vec<_>>().join(", ");
    let ranges = format!("bytes={}", vec!["0-"; 1000].join(","));
    for (name, value) in [
        ("if-none-match", tags.as_str()),
        ("if-none-match", "nonsense"),
        ("range", ranges.as_str()),
        ("range", "bytes=9-1"),
        ("range", "bytes=0-99999999999999999999"),
    ] {
        world.get("/v1/products").header(name, value).send().await.expect(200);
    }

    let shared = world.get("/v1/products").send().await;
    let own = world.get("/v1/products").bearer(&ada).send().await;
    assert_eq!(own.headers["vary"], "authorization, api-version");
    assert!(own.headers["cache-control"].to_str().unwrap().starts_with("private"), "{:?}", own.headers);
    let head = world.ask(Method::HEAD, "/v1/products").send().await;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
    assert_eq!(head.headers["etag"], shared.headers["etag"]);
    world.close().await;
}
