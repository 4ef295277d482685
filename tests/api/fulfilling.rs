//! After the purchase: shipping and canceling.

use serde_json::json;

use crate::world::{World, text};

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_shipped_in_parts_and_completed_with_the_last() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let order = world.buy(&variant, 3).await;
    let (id, item) = (text(&order["id"]), text(&order["items"][0]["id"]));
    let parcel = |quantity: i64| {
        json!({
            "orderId": id, "items": [{ "orderItemId": item, "quantity": quantity }], "trackingNumber": "1Z999",
        })
    };

    let first = world.post("/v1/admin/fulfillments", &parcel(1)).staff().send().await.expect(201);
    assert_eq!(first["trackingNumber"], "1Z999");
    assert_eq!(world.order(&id).await["fulfillmentStatus"], "partiallyFulfilled");
    let too_many = world.post("/v1/admin/fulfillments", &parcel(3)).staff().send().await;
    assert_eq!(too_many.problem(422), "invalid_fulfillment");
    world.post("/v1/admin/fulfillments", &parcel(2)).staff().send().await.expect(201);

    let order = world.order(&id).await;
    assert_eq!((&order["status"], &order["fulfillmentStatus"]), (&json!("completed"), &json!("fulfilled")));
    let cancel = world.post(&format!("/v1/admin/orders/{id}/cancel"), &json!({})).staff().send().await;
    assert_eq!(cancel.problem(409), "invalid_transition");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_order_gives_goods_and_money_back() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let order = world.buy(&variant, 3).await;
    let id = text(&order["id"]);
    world.eventually("the sale", async || world.stock(&variant).await["onHand"] == 7).await;

    let body = json!({ "reason": "changed their mind" });
    let path = format!("/v1/admin/orders/{id}/cancel");
    let canceled = world.post(&path, &body).staff().send().await.expect(200);

    assert_eq!((&canceled["status"], &canceled["cancelReason"]), (&json!("canceled"), &body["reason"]));
    world.eventually("the restock", async || world.stock(&variant).await["onHand"] == 10).await;
    world.eventually("the refund", async || world.order(&id).await["paymentStatus"] == "refunded").await;
    assert_eq!(world.order(&id).await["amounts"]["refunded"]["amount"], 3000);
    world.post(&path, &body).staff().send().await.expect(200);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_an_order_is_canceled_and_the_rest_stands() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let order = world.buy(&variant, 3).await;
    let (id, item) = (text(&order["id"]), text(&order["items"][0]["id"]));
    world.eventually("the sale", async || world.stock(&variant).await["onHand"] == 7).await;

    let body = json!({ "items": [{ "orderItemId": item, "quantity": 1 }], "restock": false });
    let path = format!("/v1/admin/orders/{id}/cancel");
    let order = world.post(&path, &body).staff().key("part").send().await.expect(200);

    assert_eq!((&order["status"], &order["items"][0]["canceledQuantity"]), (&json!("placed"), &json!(1)));
    world
        .eventually("the refund", async || world.order(&id).await["amounts"]["refunded"]["amount"] == 1000)
        .await;
    assert_eq!(world.stock(&variant).await["onHand"], 7);
    let again = world.post(&path, &body).staff().key("part").send().await;
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let too_many = json!({ "items": [{ "orderItemId": item, "quantity": 3 }] });
    assert_eq!(world.post(&path, &too_many).staff().send().await.problem(422), "invalid_order_item");
    world.close().await;
}
