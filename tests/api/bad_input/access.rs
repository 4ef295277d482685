//! Those who may not: forged tokens, the things of others, and who there is.

use reqwest::Method;
use serde_json::json;

use super::{Bad, Fixture, checkout};
use crate::world::{World, text};

#[tokio::test(flavor = "multi_thread")]
async fn what_only_looks_like_a_token_opens_nothing() {
    let shop = Fixture::open().await;
    let mut parts = shop.world.owner().split('.').map(str::to_owned);
    let (head, payload, signature) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let account = |token: &str| Bad::get("/v1/account").header("authorization", &format!("Bearer {token}"));
    let zeros = "A".repeat(signature.len());
    let mut ada = shop.ada.split('.').map(str::to_owned);
    let (_, adas_payload, _) = (ada.next(), ada.next().unwrap(), ada.next());
    let refresh = json!({ "email": "ada@example.com", "password": crate::world::PASSWORD });
    let tokens = shop.world.post("/v1/auth/login", &refresh).send().await.expect(200);
    shop.calm().await;
    let mut rows: Vec<Bad> = [
        // {"alg":"none"}, {"alg":"None"} and {"alg":"HS256","typ":"JWT"}
        format!("eyJhbGciOiJub25lIn0.{payload}."),
        format!("eyJhbGciOiJOb25lIn0.{payload}."),
        format!("eyJhbGciOiJub25lIn0.{payload}.{signature}"),
        format!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{payload}.{signature}"),
        format!("{head}.{payload}.{zeros}"),
        format!("{head}.{payload}."),
        format!("{head}.{payload}"),
        format!("{head}.{adas_payload}.{signature}"),
        format!("{head}.{payload}.{signature}.{payload}.{signature}"),
        format!("{head}.{payload}.{signature}A"),
        text(&tokens["refreshToken"]),
        "x".into(),
        ".".repeat(200),
        "a".repeat(8_000),
    ]
    .iter()
    .map(|token| account(token).is(401, "invalid_token"))
    .collect();
    let owner = shop.world.owner().to_owned();
    let register =
        json!({ "email": "nul@example.com", "password": "correct\u{0}horse battery", "name": "Nul" });
    rows.extend([
        Bad::get(&format!("/v1/products?access_token={owner}")).is(401, "invalid_token"),
        Bad::get("/v1/account").header("authorization", "Basic YTpi").is(401, "invalid_token"),
        Bad::get("/v1/account").header("authorization", "Bearer").is(401, "invalid_token"),
        account(&owner).header("authorization", &format!("Bearer {owner}")).is(401, "invalid_token"),
        Bad::get("/v1/account").is(401, "authentication_required"),
        Bad::get("/v1/admin/orders").is(401, "authentication_required"),
        Bad::get("/v1/account")
            .header("x-user-id", "1")
            .header("x-role", "owner")
            .is(401, "authentication_required"),
        Bad::get("/v1/admin/orders").header("x-internal-token", "x").is(401, "authentication_required"),
        Bad::post("/v1/auth/refresh")
            .json(&json!({ "refreshToken": "a".repeat(255) }))
            .is(401, "invalid_refresh_token"),
        Bad::post("/v1/auth/refresh")
            .json(&json!({ "refreshToken": owner }))
            .is(401, "invalid_refresh_token"),
        Bad::post("/v1/auth/setup")
            .json(&json!({ "token": "a".repeat(255), "password": "correct horse battery" }))
            .is(400, "invalid_setup_token"),
        Bad::post("/v1/auth/register").json(&register).is(422, "invalid_body").at("/password"),
        Bad::post("/v1/auth/login")
            .json(&json!({ "email": "ada@example.com", "password": "x".repeat(1024 * 1024) }))
            .is(413, "body_too_large"),
    ]);
    shop.refuses(rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_somebody_elses_is_not_there() {
    let shop = Fixture::open().await;
    let eve = format!("Bearer {}", shop.world.customer("eve@example.com").await);
    shop.calm().await;
    let (order, cart) =
        (format!("/v1/orders/{}", text(&shop.order["id"])), format!("/v1/carts/{}", shop.cart));
    let as_eve = |method: Method, path: &str| Bad::new(method, path).header("authorization", &eve);
    let item = json!({ "variantId": shop.variant, "quantity": 1 });
    let pay = json!({ "payment": { "provider": "test", "token": "approve" } });
    let mut elsewhere = shop.world.order_of(&shop.variant, 1);
    elsewhere["shippingAddressId"] = json!("adr_00000000000000000000000000");
    let rows = vec![
        as_eve(Method::GET, &order).is(404, "not_found"),
        Bad::get(&order).is(404, "not_found"),
        as_eve(Method::GET, "/v1/orders/ord_00000000000000000000000000").is(404, "not_found"),
        as_eve(Method::GET, &cart).is(404, "not_found"),
        Bad::get(&cart).is(404, "not_found"),
        Bad::get(&cart).header("x-cart-token", "guess").is(404, "not_found"),
        as_eve(Method::PATCH, &cart).json(&json!({ "email": "eve@example.com" })).is(404, "not_found"),
        as_eve(Method::POST, &format!("{cart}/items")).json(&item).is(404, "not_found"),
        as_eve(Method::DELETE, &format!("{cart}/items/{}", shop.item)).is(404, "not_found"),
        as_eve(Method::GET, &format!("{cart}/requirements")).is(404, "not_found"),
        as_eve(Method::POST, &format!("{cart}/complete")).header("idempotency-key", "k").json(&pay).is(404, "not_found"),
        Bad::new(Method::PATCH, &order)
            .header("authorization", &format!("Bearer {}", shop.ada))
            .json(&json!({ "status": "paid" }))
            .is(405, "method_not_allowed"),
        as_eve(Method::GET, "/v1/admin/orders").is(403, "permission_missing"),
        as_eve(Method::GET, "/v1/admin/products").is(403, "permission_missing"),
        as_eve(Method::GET, "/v1/products?fields=cost_price").is(400, "invalid_parameter"),
        as_eve(Method::GET, "/v1/orders?include=internal_notes").is(400, "invalid_parameter"),
        as_eve(Method::GET, "/v1/orders?customerId=acc_00000000000000000000000000").is(400, "invalid_parameter"),
        checkout(&elsewhere).is(422, "invalid_body").at("/shippingAddressId"),
        shop.patch_cart(&json!({ "customerId": "x" })).is(422, "invalid_body"),
        Bad::post("/v1/auth/register")
            .json(&json!({ "email": "n@example.com", "password": "correct horse battery", "name": "N", "role": "owner" }))
            .is(422, "invalid_body")
            .at("/role"),
    ];
    shop.refuses(rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_and_a_wrong_password_look_the_same() {
    let world = World::open().await;
    world.customer("ada@example.com").await;
    let refused = async |email: &str| {
        let body = json!({ "email": email, "password": "a wrong password" });
        let mut reply = world.post("/v1/auth/login", &body).send().await;
        reply.body["requestId"] = json!("r");
        let body = reply.body.clone();
        assert_eq!(reply.problem(401), "invalid_credentials");
        body
    };

    assert_eq!(refused("ada@example.com").await, refused("nobody@example.com").await);
    world.close().await;
}
