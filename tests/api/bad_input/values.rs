//! Values that can be read and cannot be meant: money, quantities, queries, and texts that look like something else.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Bad, Fixture, checkout};
use crate::world::{World, address, text};

#[tokio::test(flavor = "multi_thread")]
async fn money_and_quantities_stay_within_their_bounds() {
    let shop = Fixture::open().await;
    let dear = shop.world.on_sale("DEAR", 10_000_000_000_000, 5).await;
    shop.calm().await;
    let mut rows = Vec::new();
    for quantity in [0, -1, -2_147_483_648, 1_000_001, i64::MAX, i64::MIN] {
        let body = json!({ "variantId": shop.variant, "quantity": quantity });
        rows.push(shop.add_to_cart(&body).is(422, "invalid_cart_item").at("/quantity"));
        let path = format!("/v1/carts/{}/items/{}", shop.cart, shop.item);
        let change = Bad::new(Method::PATCH, &path).header("x-cart-token", &shop.token);
        rows.push(change.json(&json!({ "quantity": quantity })).is(422, "invalid_cart_item").at("/quantity"));
        rows.push(checkout(&shop.world.order_of(&shop.variant, quantity)).is(422, "invalid_cart_item"));
    }
    let sum = json!({ "variantId": shop.variant, "quantity": 1_000_000 });
    rows.push(shop.add_to_cart(&sum).is(422, "invalid_cart_item"));
    for field in ["unitPrice", "unit_price", "price", "total", "discount", "tax", "currency"] {
        let mut body = json!({ "variantId": shop.variant, "quantity": 1 });
        body[field] = json!(1);
        rows.push(shop.add_to_cart(&body).is(422, "invalid_body"));
    }
    for field in ["total", "discount", "status", "customerId"] {
        let mut body = shop.world.order_of(&shop.variant, 1);
        body[field] = json!(1);
        rows.push(checkout(&body).is(422, "invalid_body"));
    }
    let usd = |amount: i64| json!({ "amount": amount, "currency": "USD" });
    let mut changed = shop.world.order_of(&shop.variant, 1);
    changed["expectedTotal"] = usd(1);
    let price = |price: Value| {
        let body = json!({ "title": "Mug", "variants": [{ "sku": "MUG", "prices": [price] }] });
        shop.staff(Method::POST, "/v1/admin/products").json(&body)
    };
    let shipping = json!({ "name": "Standard", "price": usd(-1) });
    let overflow = json!({ "currency": "USD", "items": [{ "variantId": dear, "quantity": 999_999 }] });
    rows.extend([
        shop.refund(&usd(0)).is(422, "invalid_refund").at("/amount/amount"),
        shop.refund(&usd(-100)).is(422, "invalid_refund").at("/amount/amount"),
        shop.refund(&usd(2_001)).is(409, "refund_exceeds_captured"),
        shop.refund(&usd(i64::MAX)).is(409, "refund_exceeds_captured"),
        shop.refund(&json!({ "amount": 100, "currency": "EUR" }))
            .is(422, "invalid_refund")
            .at("/amount/currency"),
        shop.refund(&json!({ "amount": 1.5, "currency": "USD" })).is(422, "invalid_body"),
        price(json!({ "amount": 1.5, "currency": "JPY" })).is(422, "invalid_body"),
        price(json!({ "amount": "1", "currency": "USD" })).is(422, "invalid_body"),
        price(json!({ "amount": -1, "currency": "USD" })).is(422, "invalid_product"),
        price(json!({ "amount": 1, "currency": "XBT" })).is(422, "invalid_body"),
        shop.staff(Method::POST, "/v1/admin/shipping-options")
            .json(&shipping)
            .is(422, "invalid_shipping_option"),
        checkout(&changed).is(409, "cart_changed"),
        Bad::post("/v1/carts").json(&overflow).is(422, "amount_too_large"),
    ]);
    for rate in [json!(-1), json!(10_001), json!(7.25), json!("725")] {
        let body = json!({ "country": "US", "region": "OR", "basisPoints": rate });
        let code = if rate.is_i64() { "invalid_tax_region" } else { "invalid_body" };
        rows.push(shop.staff(Method::POST, "/v1/admin/tax-regions").json(&body).is(422, code));
    }
    shop.refuses(rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_into_a_query_stays_a_value() {
    let shop = Fixture::open().await;
    let mut rows = Vec::new();
    for sort in ["price;DROP%20TABLE", "-(select%201)", "__proto__", "title"] {
        rows.push(Bad::get(&format!("/v1/products?sort={sort}")).is(400, "invalid_parameter").at("/sort"));
    }
    for status in ["placed'%20OR%20'1'='1", "placed;DROP%20TABLE%20orders", "%00", ""] {
        let path = format!("/v1/admin/orders?status={status}");
        rows.push(shop.staff(Method::GET, &path).is(400, "invalid_parameter").at("/status"));
    }
    for slug in ["'%20OR%20'1'='1", "%27%3B--", "$.x", "a'-%3E%3E'b", "__proto__", "%BF%27"] {
        let code = if slug == "%BF%27" { (400, "malformed_url") } else { (404, "not_found") };
        rows.push(Bad::get(&format!("/v1/products/{slug}")).is(code.0, code.1));
    }
    let order = text(&shop.order["id"]);
    let filters = [
        ("stock-levels?variantId=", "*", "/variantId"),
        ("stock-movements?variantId=", order.as_str(), "/variantId"),
        ("orders?customerId=", "garbage", "/customerId"),
        ("orders?customerId=", order.as_str(), "/customerId"),
        ("fulfillments?orderId=", "garbage", "/orderId"),
        ("fulfillments?orderId=", shop.variant.as_str(), "/orderId"),
        ("processes?state=", "garbage", "/state"),
        ("reservations?status=", "garbage", "/status"),
    ];
    for (list, value, pointer) in filters {
        let path = format!("/v1/admin/{list}{value}");
        rows.push(shop.staff(Method::GET, &path).is(400, "invalid_parameter").at(pointer));
    }
    let quoted = shop.world.get("/v1/admin/products?q='%20OR%20'1'='1").staff().send().await.expect(200);
    assert_eq!(quoted["data"], json!([]));
    shop.refuses(rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_looks_like_code_is_only_text() {
    let world = World::open().await;
    let names = [
        "{{7*7}}",
        "${7*7}",
        "<%= 7*7 %>",
        "#{7*7}",
        "Robert'); DROP TABLE accounts;--",
        "=cmd|'/c calc'!A0",
    ];
    for (number, name) in names.into_iter().enumerate() {
        let body = json!({ "email": format!("n{number}@example.com"), "password": "correct horse battery", "name": name });
        assert_eq!(world.post("/v1/auth/register", &body).send().await.expect(201)["name"], name);
        let body = json!({ "title": name, "slug": format!("p{number}"), "status": "active" });
        world.post("/v1/admin/products", &body).staff().send().await.expect(201);
        let shown = world.get(&format!("/v1/products/p{number}")).send().await;
        assert_eq!(shown.headers["content-type"], "application/json");
        assert_eq!(shown.expect(200)["title"], name);
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn card_numbers_and_unsigned_messages_are_not_kept() {
    let shop = Fixture::open().await;
    let mut rows = Vec::new();
    for card in ["4242 4242 4242 4242", "4242.4242.4242.4242", "4242424242424242", "5555-5555-5555-4444"] {
        for field in ["name", "line1", "line2", "city"] {
            let mut address = address();
            address[field] = json!(card);
            rows.push(
                shop.patch_cart(&json!({ "shippingAddress": address })).is(422, "card_data_not_allowed"),
            );
            let bad = Bad::post("/v1/addresses").header("authorization", &format!("Bearer {}", shop.ada));
            rows.push(bad.json(&address).is(422, "card_data_not_allowed"));
        }
        let register = json!({ "email": "n@example.com", "password": "correct horse battery", "name": card });
        rows.push(Bad::post("/v1/auth/register").json(&register).is(422, "invalid_body").at("/name"));
        let account = Bad::new(Method::PATCH, "/v1/account");
        let account = account.header("authorization", &format!("Bearer {}", shop.ada));
        rows.push(account.json(&json!({ "name": card })).is(422, "invalid_body").at("/name"));
        let refund = json!({
            "paymentIntentId": shop.intent, "amount": { "amount": 1, "currency": "USD" }, "reason": card,
        });
        let bad = shop.staff(Method::POST, "/v1/admin/refunds").fresh_key().json(&refund);
        rows.push(bad.is(422, "card_data_not_allowed").at("/reason"));
        let mut order = shop.world.order_of(&shop.variant, 1);
        order["shippingAddress"]["name"] = json!(card);
        rows.push(checkout(&order).is(422, "card_data_not_allowed"));
    }
    let hook = |path: &str| Bad::post(path).raw("{\"type\":\"charge.succeeded\"}");
    rows.extend([
        hook("/v1/webhooks/test").is(400, "invalid_signature"),
        hook("/v1/webhooks/test")
            .header("webhook-id", "1")
            .header("webhook-timestamp", "1700000000")
            .header("webhook-signature", "v1,AAAA")
            .is(400, "invalid_signature"),
        hook("/v1/webhooks/nobody").is(404, "not_found"),
    ]);
    shop.refuses(rows).await;
}
