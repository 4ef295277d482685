//! Buying: step by step, in one go, and what can come between.

use platform::db::Json;
use platform::http::StoredAnswer;
use serde_json::{Value, json};

use crate::world::{World, address, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_buys_step_by_step() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1999, 10).await;

    let body = json!({ "currency": "USD", "items": [{ "variantId": variant, "quantity": 2 }] });
    let cart = world.post("/v1/carts", &body).send().await.expect(201);
    assert_eq!(cart["items"][0]["unitPrice"], json!({ "amount": 1999, "currency": "USD" }));
    assert_eq!(cart["totals"]["total"], json!({ "amount": 3998, "currency": "USD" }));
    let (id, token) = (text(&cart["id"]), text(&cart["token"]));
    let missing = world.get(&format!("/v1/carts/{id}/requirements")).cart(&token).send().await.expect(200);
    let codes: Vec<_> =
        missing["data"].as_array().unwrap().iter().map(|missing| text(&missing["code"])).collect();
    assert_eq!(codes, ["email_missing", "shipping_address_missing"]);

    let details = json!({ "email": "ada@example.com", "shippingAddress": address() });
    world.patch(&format!("/v1/carts/{id}"), &details).cart(&token).send().await.expect(200);
    let missing = world.get(&format!("/v1/carts/{id}/requirements")).cart(&token).send().await.expect(200);
    assert_eq!(missing["data"], json!([]));
    let payment = json!({
        "payment": { "provider": "test", "token": "approve" },
        "expectedTotal": { "amount": 3998, "currency": "USD" },
    });
    let complete = format!("/v1/carts/{id}/complete");
    let reply = world.post(&complete, &payment).cart(&token).key("one").send().await;
    let location = reply.headers["location"].to_str().unwrap().to_owned();
    let order = reply.expect(201);

    assert_eq!(location, format!("/v1/orders/{}", text(&order["id"])));
    assert_eq!((&order["status"], &order["paymentStatus"]), (&json!("placed"), &json!("paid")));
    assert_eq!(order["fulfillmentStatus"], "unfulfilled");
    assert!(!text(&order["number"]).is_empty());
    assert_eq!(order["shippingAddress"]["city"], "Portland");
    let seen = world.get(&location).cart(&token).send().await.expect(200);
    assert_eq!((&seen["id"], &seen["number"]), (&order["id"], &order["number"]));
    assert_eq!(world.get(&location).send().await.problem(404), "not_found");
    world.eventually("the sale of the stock", async || world.stock(&variant).await["onHand"] == 8).await;
    assert_eq!(world.stock(&variant).await["reserved"], 0);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_buys_in_one_go_and_sees_the_order() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 500, 10).await;

    let order = world.buy(&variant, 3).await;

    let token = text(&order["token"]);
    let seen = world.get(&format!("/v1/orders/{}", text(&order["id"]))).cart(&token).send().await.expect(200);
    assert_eq!(seen["totals"]["total"]["amount"], 1500);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_sees_their_orders_and_nobody_elses() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 500, 10).await;
    let (ada, bob) = (world.customer("ada@example.com").await, world.customer("bob@example.com").await);

    let body = world.order_of(&variant, 1);
    let order = world.post("/v1/checkout", &body).bearer(&ada).fresh_key().send().await.expect(201);

    let path = format!("/v1/orders/{}", text(&order["id"]));
    assert_eq!(world.get(&path).bearer(&ada).send().await.expect(200)["id"], order["id"]);
    assert_eq!(world.get(&path).bearer(&bob).send().await.problem(404), "not_found");
    let list = world.get("/v1/orders").bearer(&ada).send().await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(world.get("/v1/orders").bearer(&bob).send().await.expect(200)["data"], json!([]));
    assert_eq!(world.get("/v1/orders").send().await.problem(401), "authentication_required");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shipping_and_tax_are_the_shops_own() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let option = json!({ "name": "Standard", "price": { "amount": 500, "currency": "USD" } });
    let option = world.post("/v1/admin/shipping-options", &option).staff().send().await.expect(201);
    let tax = json!({ "country": "US", "region": "OR", "basisPoints": 725 });
    world.post("/v1/admin/tax-regions", &tax).staff().send().await.expect(201);

    let (id, token) = world.ready_cart(&variant, 3).await;
    let missing = world.get(&format!("/v1/carts/{id}/requirements")).cart(&token).send().await.expect(200);
    assert_eq!(missing["data"][0]["code"], "shipping_option_missing");
    let options =
        world.get(&format!("/v1/carts/{id}/shipping-options")).cart(&token).send().await.expect(200);
    assert_eq!(options["data"][0]["name"], "Standard");
    let choice = json!({ "shippingOptionId": option["id"] });
    let cart = world.patch(&format!("/v1/carts/{id}"), &choice).cart(&token).send().await.expect(200);

    let amount = |part: &str| cart["totals"][part]["amount"].as_i64().unwrap();
    assert_eq!(
        (amount("subtotal"), amount("shipping"), amount("tax"), amount("total")),
        (3000, 500, 254, 3754)
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_price_is_shown_and_not_charged() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let mut body = world.order_of(&variant, 1);
    body["expectedTotal"] = json!({ "amount": 900, "currency": "USD" });

    let reply = world.post("/v1/checkout", &body).fresh_key().send().await;

    assert_eq!(reply.body["totals"]["total"]["amount"], 1000);
    assert_eq!(reply.problem(409), "cart_changed");
    assert_eq!(world.stock(&variant).await["reserved"], 0);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_payment_gives_the_stock_back_and_opens_the_cart() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 2).await;
    let (id, token) = world.ready_cart(&variant, 2).await;
    let complete = format!("/v1/carts/{id}/complete");
    let pay = |token: &str| json!({ "payment": { "provider": "test", "token": token } });

    let declined = world.post(&complete, &pay("decline")).cart(&token).fresh_key().send().await;

    assert_eq!(declined.body["declineCode"], "card_declined");
    assert_eq!(declined.problem(402), "payment_declined");
    world.eventually("the release", async || world.stock(&variant).await["reserved"] == 0).await;
    let order = world.post(&complete, &pay("approve")).cart(&token).fresh_key().send().await.expect(201);
    assert_eq!(order["status"], "placed");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_the_provider_does_not_know_is_refused_and_holds_nothing() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 2).await;
    let mut body = world.order_of(&variant, 1);
    body["payment"]["token"] = json!("no such token");

    let reply = world.post("/v1/checkout", &body).fresh_key().send().await;

    assert_eq!(reply.problem(422), "payment_refused");
    world.eventually("the release", async || world.stock(&variant).await["reserved"] == 0).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_timed_out_but_was_charged_becomes_one_order() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 5).await;
    let mut body = world.order_of(&variant, 1);
    body["payment"]["token"] = json!("timeout_but_charged");

    let reply = world.post("/v1/checkout", &body).key("slow").send().await;

    let order = match reply.status.as_u16() {
        201 => text(&reply.body["id"]),
        202 => text(&reply.body["orderId"]),
        other => panic!("{other}: {}", reply.body),
    };
    world.eventually("the order", async || world.order(&order).await["status"] == "placed").await;
    assert_eq!(world.order(&order).await["paymentStatus"], "paid");
    let again = world.post("/v1/checkout", &body).key("slow").send().await.expect(201);
    assert_eq!(text(&again["id"]), order);
    let intents =
        world.get(&format!("/v1/admin/payment-intents?orderId={order}")).staff().send().await.expect(200);
    assert_eq!(intents["data"].as_array().unwrap().len(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_who_has_to_act_gets_the_order_afterwards() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 5).await;
    let mut body = world.order_of(&variant, 1);
    body["payment"]["token"] = json!("requires_action");

    let waiting = world.post("/v1/checkout", &body).key("3ds").send().await.expect(202);

    assert_eq!(waiting["status"], "requiresAction");
    let url = text(&waiting["nextAction"]["url"]);
    let path = &url[url.find("/v1/").unwrap()..];
    world.post(path, &json!({ "outcome": "approve" })).send().await;
    let order = text(&waiting["orderId"]);
    world.eventually("the order", async || world.order(&order).await["status"] == "placed").await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incomplete_purchase_says_what_is_missing() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 5).await;
    let mut body = world.order_of(&variant, 1);
    body["email"] = json!(null);

    let reply = world.post("/v1/checkout", &body).key("k").send().await;
    assert_eq!(reply.body["errors"][0]["code"], "email_missing");
    assert_eq!(reply.problem(422), "cart_incomplete");
    body["email"] = json!("ada@example.com");
    world.post("/v1/checkout", &body).key("k").send().await.expect(201);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guests_token_is_told_again_and_kept_nowhere() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 5).await;
    let cart = json!({ "currency": "USD", "items": [{ "variantId": variant, "quantity": 1 }] });
    let order = world.order_of(&variant, 1);
    for (path, body) in [("/v1/carts", &cart), ("/v1/checkout", &order)] {
        let first = world.post(path, body).key("a-key-nobody-keeps").send().await;
        let again = world.post(path, body).key("a-key-nobody-keeps").send().await;
        assert_eq!((first.status.as_u16(), &first.bytes), (201, &again.bytes), "{path}");
        assert_eq!(again.headers["idempotent-replayed"], "true");
        let token = text(&first.body["token"]);
        let own = first.headers["location"].to_str().unwrap();
        world.get(own).cart(&token).send().await.expect(200);

        let db = world.database("order");
        let kept: Vec<(String, Json<StoredAnswer>)> = db
            .query("SELECT key, answer FROM idempotency_keys WHERE answer IS NOT NULL")
            .all()
            .await
            .unwrap();
        let checkouts: Vec<(Json<Value>, Option<Json<StoredAnswer>>)> =
            db.query("SELECT payment, answer FROM checkouts").all().await.unwrap();
        assert!(!kept.is_empty());
        for (key, answer) in kept {
            assert!(
                !key.contains("nobody") && !String::from_utf8(answer.0.body).unwrap().contains(&token),
                "{path}"
            );
        }
        for (payment, answer) in checkouts {
            let answer = String::from_utf8(answer.unwrap().0.body).unwrap();
            assert!(!payment.0.to_string().contains(&token) && !answer.contains(&token), "{path}");
        }
    }
    world.close().await;
}
