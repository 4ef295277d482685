//! Money: manual capture, refunds and the ledger, as staff sees them.

use serde_json::{Value, json};

use crate::world::{World, text};

async fn intent(world: &World, order: &str) -> Value {
    let path = format!("/v1/admin/payment-intents?orderId={order}");
    world.get(&path).staff().send().await.expect(200)["data"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn authorized_money_is_captured_in_parts_and_never_more_than_was_authorized() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let mut body = world.order_of(&variant, 1);
    body["payment"]["capture"] = json!("manual");
    let order = world.post("/v1/checkout", &body).fresh_key().send().await.expect(201);
    assert_eq!(order["paymentStatus"], "authorized");
    let id = text(&order["id"]);
    let pi = text(&intent(&world, &id).await["id"]);
    let path = format!("/v1/admin/payment-intents/{pi}/capture");
    let part = |amount: i64| json!({ "amount": { "amount": amount, "currency": "USD" } });

    world.post(&path, &part(400)).staff().fresh_key().send().await.expect(200);
    world.eventually("the part", async || world.order(&id).await["paymentStatus"] == "partiallyPaid").await;
    let too_much = world.post(&path, &part(601)).staff().fresh_key().send().await;
    assert_eq!(too_much.status, 409, "{}", too_much.body);
    world.post(&path, &json!({})).staff().fresh_key().send().await.expect(200);

    world.eventually("the rest", async || world.order(&id).await["paymentStatus"] == "paid").await;
    assert_eq!(intent(&world, &id).await["status"], "succeeded");
    world.close().await;
}

/// An order whose money is promised and not taken, and its intent.
async fn promised(world: &World, variant: &str) -> (String, String) {
    let mut body = world.order_of(variant, 1);
    body["payment"]["capture"] = json!("manual");
    let order = world.post("/v1/checkout", &body).fresh_key().send().await.expect(201);
    let id = text(&order["id"]);
    let pi = text(&intent(world, &id).await["id"]);
    (id, pi)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_canceled_once_and_one_that_was_taken_is_to_be_refunded() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let (order, held) = promised(&world, &variant).await;
    let taken = text(&intent(&world, &text(&world.buy(&variant, 1).await["id"])).await["id"]);
    let cancel = |pi: &str| {
        let path = format!("/v1/admin/payment-intents/{pi}/cancel");
        world.ask(reqwest::Method::POST, &path).staff()
    };

    assert_eq!(cancel(&held).send().await.problem(400), "idempotency_key_required");
    let first = cancel(&held).key("one").send().await;
    let replayed = cancel(&held).key("one").send().await;
    let second = cancel(&held).key("two").send().await;
    let refused = cancel(&taken).fresh_key().send().await;

    assert_eq!(first.clone().expect(200)["status"], "canceled");
    assert_eq!((replayed.status, &replayed.bytes), (first.status, &first.bytes));
    assert_eq!((second.status, &second.bytes), (first.status, &first.bytes), "canceled is canceled");
    assert!(text(&refused.body["detail"]).contains("refund it instead"), "{}", refused.body);
    assert_eq!(refused.problem(409), "invalid_transition");
    let left = world.get(&format!("/v1/admin/payment-intents/{taken}")).staff().send().await.expect(200);
    assert_eq!((&left["status"], &left["captured"]), (&json!("succeeded"), &left["amount"]));
    world.eventually("the void", async || world.order(&order).await["paymentStatus"] == "pending").await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_against_a_rule_leaves_its_key_for_the_one_that_was_meant() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let pi = text(&intent(&world, &text(&world.buy(&variant, 1).await["id"])).await["id"]);
    let refund = |amount: i64, reason: &str| {
        let amount = json!({ "amount": amount, "currency": "USD" });
        let body = json!({ "paymentIntentId": pi, "amount": amount, "reason": reason });
        let ask = world.post("/v1/admin/refunds", &body).staff().key("mine");
        async move { ask.send().await }
    };

    assert_eq!(refund(0, "broken").await.problem(422), "invalid_refund");
    assert_eq!(refund(100, "４２４２４２４２４２４２４２４２").await.problem(422), "card_data_not_allowed");
    let given = refund(100, "broken").await;
    assert_eq!(given.status, 201, "{}", given.body);
    assert_eq!(refund(200, "broken").await.problem(422), "idempotency_key_reused");
    let again = refund(100, "broken").await;
    assert_eq!(
        (&again.bytes, &again.headers["idempotent-replayed"]),
        (&given.bytes, &"true".parse().unwrap())
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disputed_payment_says_so_to_staff() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let mut body = world.order_of(&variant, 1);
    body["payment"]["token"] = json!("dispute");
    let order = world.post("/v1/checkout", &body).fresh_key().send().await.expect(201);
    let id = text(&order["id"]);
    world
        .eventually("the dispute", async || {
            let intent = intent(&world, &id).await;
            intent["disputed"] == intent["captured"]
        })
        .await;
    let intent = intent(&world, &id).await;
    let refund = json!({ "paymentIntentId": intent["id"], "amount": { "amount": 1, "currency": "USD" }, "reason": "x" });
    let refused = world.post("/v1/admin/refunds", &refund).staff().fresh_key().send().await;
    assert_eq!(refused.problem(409), "refund_exceeds_captured");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_order_gives_up_what_was_only_authorized() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let mut body = world.order_of(&variant, 1);
    body["payment"]["capture"] = json!("manual");
    let order = world.post("/v1/checkout", &body).fresh_key().send().await.expect(201);
    let id = text(&order["id"]);

    world.post(&format!("/v1/admin/orders/{id}/cancel"), &json!({})).staff().send().await.expect(200);

    world.eventually("the void", async || world.order(&id).await["paymentStatus"] == "voided").await;
    assert_eq!(intent(&world, &id).await["status"], "canceled");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_adds_up_to_nothing() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let order = world.buy(&variant, 2).await;
    let pi = text(&intent(&world, &text(&order["id"])).await["id"]);
    let refund =
        json!({ "paymentIntentId": pi, "amount": { "amount": 500, "currency": "USD" }, "reason": "broken" });
    world.post("/v1/admin/refunds", &refund).staff().fresh_key().send().await.expect(201);

    let balances = world.get("/v1/admin/ledger/balances").staff().send().await.expect(200);

    let amounts =
        balances["data"].as_array().unwrap().iter().map(|b| b["balance"]["amount"].as_i64().unwrap());
    let (sum, largest) = amounts.fold((0, 0), |(sum, largest), amount| (sum + amount, amount.max(largest)));
    assert_eq!(sum, 0, "{balances}");
    assert!(largest >= 1500, "{balances}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_webhook_changes_nothing() {
    let world = World::open().await;
    let body = json!({ "type": "payment.captured", "key": "x" });
    let forged = world
        .post("/v1/webhooks/test", &body)
        .header("webhook-id", "evt_1")
        .header("webhook-timestamp", "1700000000")
        .header("webhook-signature", "v1,Zm9yZ2Vk")
        .send()
        .await;
    assert!(forged.status == 400 || forged.status == 401, "{}", forged.body);
    let stored = world.get("/v1/admin/webhook-events").staff().send().await.expect(200);
    assert_eq!(stored["data"], json!([]));
    world.close().await;
}
