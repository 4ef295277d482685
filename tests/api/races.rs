//! Everybody at once: what may happen once happens once.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::world::{World, text};

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_buyers_of_fifty_units_place_fifty_orders() {
    let world = World::open().await;
    let variant = world.on_sale("LAST", 1000, 50).await;
    let body = world.order_of(&variant, 1);

    let replies = join_all((0..200).map(|_| world.post("/v1/checkout", &body).fresh_key().send())).await;

    let placed = replies.iter().filter(|reply| reply.status == 201).count();
    let refused =
        replies.iter().filter(|reply| reply.status == 409 && reply.body["code"] == "out_of_stock").count();
    let others: Vec<_> =
        replies.iter().filter(|reply| reply.status != 201 && reply.body["code"] != "out_of_stock").collect();
    assert_eq!((placed, refused), (50, 150), "{others:?}");
    world.eventually("the sale", async || world.stock(&variant).await["onHand"] == 0).await;
    assert_eq!(world.stock(&variant).await["reserved"], 0);
    let orders = world.get("/v1/admin/orders?limit=100").staff().send().await.expect(200);
    assert_eq!(orders["data"].as_array().unwrap().len(), 50);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_completions_of_one_cart_place_one_order() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 100).await;
    let (id, token) = world.ready_cart(&variant, 1).await;
    let complete = format!("/v1/carts/{id}/complete");
    let body = json!({ "payment": { "provider": "test", "token": "approve" } });

    let replies =
        join_all((0..64).map(|_| world.post(&complete, &body).cart(&token).fresh_key().send())).await;

    let mut ids: Vec<String> = replies.into_iter().map(|reply| text(&reply.expect(201)["id"])).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let orders = world.get("/v1/admin/orders").staff().send().await.expect(200);
    assert_eq!(orders["data"].as_array().unwrap().len(), 1);
    world.eventually("the sale", async || world.stock(&variant).await["onHand"] == 99).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_refunds_of_sixty_percent_give_money_back_once() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let order = world.buy(&variant, 1).await;
    let intents = world
        .get(&format!("/v1/admin/payment-intents?orderId={}", text(&order["id"])))
        .staff()
        .send()
        .await
        .expect(200);
    let body = json!({
        "paymentIntentId": intents["data"][0]["id"], "amount": { "amount": 600, "currency": "USD" }, "reason": "race",
    });

    let replies =
        join_all((0..64).map(|_| world.post("/v1/admin/refunds", &body).staff().fresh_key().send())).await;

    let given = replies.iter().filter(|reply| reply.status == 201).count();
    let refused = replies.iter().filter(|reply| reply.status == 409).count();
    assert_eq!(
        (given, refused),
        (1, 63),
        "{:?}",
        replies.iter().find(|reply| reply.status.is_server_error())
    );
    let id = text(&order["id"]);
    world
        .eventually("the refund", async || world.order(&id).await["amounts"]["refunded"]["amount"] == 600)
        .await;
    assert_eq!(world.order(&id).await["paymentStatus"], "partiallyRefunded");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promise_that_is_captured_and_canceled_at_once_is_one_of_both() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 100).await;
    for _ in 0..4 {
        let mut body = world.order_of(&variant, 1);
        body["payment"]["capture"] = json!("manual");
        let order = world.post("/v1/checkout", &body).fresh_key().send().await.expect(201);
        let path = format!("/v1/admin/payment-intents?orderId={}", text(&order["id"]));
        let pi = text(&world.get(&path).staff().send().await.expect(200)["data"][0]["id"]);
        let act = |at: usize| {
            let path = format!("/v1/admin/payment-intents/{pi}");
            let ask = match at % 2 {
                0 => world.post(&format!("{path}/capture"), &json!({})),
                _ => world.ask(reqwest::Method::POST, &format!("{path}/cancel")),
            };
            async move { ask.staff().fresh_key().send().await }
        };

        let replies = join_all((0..16).map(act)).await;

        let (taken, given_up) = (
            replies.iter().step_by(2).filter(|reply| reply.status == 200).count(),
            replies.iter().skip(1).step_by(2).filter(|reply| reply.status == 200).count(),
        );
        assert!((taken == 1 && given_up == 0) || (taken == 0 && given_up >= 1), "{taken} {given_up}");
        assert!(replies.iter().all(|reply| reply.status == 200 || reply.status == 409));
        let after = world.get(&path).staff().send().await.expect(200)["data"][0].clone();
        let (status, captured) =
            if taken == 1 { ("succeeded", &after["amount"]["amount"]) } else { ("canceled", &json!(0)) };
        assert_eq!((&after["status"], &after["captured"]["amount"]), (&json!(status), captured), "{after}");
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_times_the_same_key_have_one_effect_and_identical_answers() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 100).await;
    let body = world.order_of(&variant, 1);

    let replies = join_all((0..64).map(|_| async {
        loop {
            let reply = world.post("/v1/checkout", &body).key("the-same").send().await;
            if reply.body["code"] != "idempotency_in_progress" {
                return reply;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }))
    .await;

    let first = replies[0].clone();
    assert_eq!(first.status, 201, "{}", first.body);
    for reply in &replies {
        assert_eq!((reply.status, &reply.bytes), (first.status, &first.bytes));
        assert_eq!(reply.headers["location"], first.headers["location"]);
    }
    first.expect(201);
    world.eventually("the sale", async || world.stock(&variant).await["onHand"] == 99).await;
    let other = world.post("/v1/checkout", &world.order_of(&variant, 2)).key("the-same").send().await;
    assert_eq!(other.problem(422), "idempotency_key_reused");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_that_is_adjusted_by_many_adds_up() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 0).await;
    let change = |delta: i64| json!({ "variantId": variant, "delta": delta, "reason": "count" });
    let send = |body: Value| {
        let ask = world.post("/v1/admin/stock-levels/adjust", &body).staff().fresh_key();
        async move { ask.send().await }
    };

    let more = join_all((0..30).map(|_| send(change(2)))).await;
    let less = join_all((0..64).map(|_| send(change(-1)))).await;

    assert!(more.iter().all(|reply| reply.status.is_success()), "{:?}", more[0]);
    assert_eq!(less.iter().filter(|reply| reply.status.is_success()).count(), 60);
    assert_eq!(less.iter().filter(|reply| reply.status == 409).count(), 4);
    assert_eq!(world.stock(&variant).await["onHand"], 0);
    world.close().await;
}
