//! What the gateway does for the world, wherever the modules run.

use serde_json::{Value, json};

use crate::world::{Ask, PASSWORD, Reply, World, text};

/// A shop that believes this machine about whom requests come from.
async fn limited(settings: &str) -> World {
    World::open_with(&format!("[gateway]\ntrusted_proxies = [\"127.0.0.1\"]\n{settings}")).await
}

/// The first answer that is 429, which must not take long to come.
async fn refused(ask: impl AsyncFn() -> Reply) -> Reply {
    for _ in 0..100 {
        let reply = ask().await;
        if reply.status == 429 {
            return reply;
        }
    }
    panic!("a hundred requests in a row were let through");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_that_asks_too_much_is_turned_away_and_another_is_not() {
    let world = limited("requests_per_second = 1\nrequest_burst = 3\n").await;
    let ask = async |from: &str| world.get("/v1/products").header("x-forwarded-for", from).send().await;
    let first = ask("192.0.2.1").await;
    assert!(!first.headers.contains_key("ratelimit"), "nothing is said while there is plenty");
    first.expect(200);
    let last = refused(async || ask("192.0.2.1").await).await;
    let wait: u64 = last.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3).contains(&wait), "{wait}");
    assert_eq!(last.headers["ratelimit"], format!("\"requests\";r=0;t={wait}"));
    assert_eq!(last.headers["ratelimit-policy"], "\"requests\";q=3;w=3");
    assert_eq!(last.body["retryable"], true);
    assert_eq!(last.problem(429), "quota_exceeded");
    ask("192.0.2.2").await.expect(200);
    // Nothing of it holds between processes, or for tools on this machine.
    for _ in 0..9 {
        world.get("/v1/products").send().await.expect(200);
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_limited_wherever_it_comes_from_and_guessing_passwords_earlier() {
    let world =
        limited("requests_per_second = 1\nrequest_burst = 3\nsign_ins_per_second = 1\nsign_in_burst = 2\n")
            .await;
    let customer = world.customer("ada@example.com").await;
    let address = std::cell::Cell::new(0);
    let account = refused(async || {
        address.set(address.get() + 1);
        let request = world.get("/v1/account").bearer(&customer);
        request.header("x-forwarded-for", &format!("192.0.2.{}", address.get())).send().await
    });
    assert_eq!(account.await.problem(429), "quota_exceeded");
    assert!(address.get() > 3, "a burst of three passes");

    let guess = async |path: &str| {
        let body = json!({ "email": "ada@example.com", "password": "a guess that is wrong" });
        world.post(path, &body).header("x-forwarded-for", "198.51.100.1").send().await
    };
    assert_eq!(guess("/v1/auth/login").await.problem(401), "invalid_credentials");
    let refused = refused(async || guess("/v1/auth/log%69n").await).await;
    assert!(refused.headers["ratelimit"].to_str().unwrap().starts_with("\"sign-ins\";r=0"));
    assert_eq!(refused.problem(429), "quota_exceeded");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_an_older_version_goes_on_as_it_is() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let address = json!({
        "name": "Ada", "line1": "1 Main St", "city": "Portland", "region": "OR", "zip": "97201", "country": "US"
    });
    let mut purchase = world.order_of(&variant, 1);
    purchase["shippingAddress"] = address.clone();
    let bought =
        world.post("/v1/checkout", &purchase).header("api-version", "2026-09-01").key("old").send().await;
    assert_eq!(bought.headers["api-version"], "2026-09-01");
    assert_eq!(bought.body["shippingAddress"]["zip"], "97201", "{}", bought.body);
    assert!(bought.body["shippingAddress"].get("postalCode").is_none());
    let again =
        world.post("/v1/checkout", &purchase).header("api-version", "2026-09-01").key("old").send().await;
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.bytes, bought.bytes);

    let path = format!("/v1/admin/orders/{}", bought.expect(201)["id"].as_str().unwrap());
    let read = async |version: &str, known: &str| {
        let request = world.get(&path).staff().header("api-version", version);
        request.header("if-none-match", known).send().await
    };
    let (old, new) = (read("2026-09-01", "\"\"").await, read("2026-11-01", "\"\"").await);
    assert_eq!(
        new.body,
        world.order(old.body["id"].as_str().unwrap()).await,
        "the newest is what there is anyway"
    );
    assert_eq!(old.body["shippingAddress"]["zip"], new.body["shippingAddress"]["postalCode"]);
    let (tag, other) = (old.headers["etag"].to_str().unwrap(), new.headers["etag"].to_str().unwrap());
    assert_ne!(tag, other);
    assert_eq!(old.headers["vary"], "api-version");
    assert_eq!(read("2026-09-01", tag).await.status, 304);
    assert_eq!(read("2026-11-01", tag).await.status, 200);
    let list =
        world.get("/v1/admin/orders").staff().header("api-version", "2026-09-01").send().await.expect(200);
    assert_eq!(list["data"][0]["shippingAddress"]["zip"], "97201");

    // Each version knows only its own name for it.
    assert_eq!(world.post("/v1/checkout", &purchase).fresh_key().send().await.problem(422), "invalid_body");
    let unknown = world.get("/v1/products").header("api-version", "2025-01-01").send().await;
    assert_eq!(unknown.body["versions"], json!(["2026-09-01", "2026-11-01"]));
    assert_eq!(unknown.problem(400), "unknown_version");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_book_of_an_older_version_is_its_own() {
    let world = World::open().await;
    let customer = world.customer("ada@example.com").await;
    let body =
        json!({ "name": "Ada", "line1": "1 Main St", "city": "Portland", "zip": "97201", "country": "US" });
    let old = async |ask: Ask<'_>| ask.bearer(&customer).header("api-version", "2026-09-01").send().await;
    let added = old(world.post("/v1/addresses", &body)).await.expect(201);
    assert_eq!(added["zip"], "97201");
    let path = format!("/v1/addresses/{}", added["id"].as_str().unwrap());
    let changed = old(world.patch(&path, &json!({ "zip": "97202" }))).await.expect(200);
    assert_eq!(changed["zip"], "97202");
    let book = world.get("/v1/addresses").bearer(&customer).send().await.expect(200);
    assert_eq!(book["data"][0]["postalCode"], "97202", "{book}");
    let twice = "{\"zip\":\"1\",\"zip\":\"2\"}";
    let ask = world.patch(&path, &json!({})).with(|request| request.body(twice));
    assert_eq!(old(ask).await.problem(422), "invalid_body");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_gets_only_the_fields_it_names() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let (first, second) = (world.buy(&variant, 1).await, world.buy(&variant, 2).await);

    let get = async |path: &str| world.get(path).staff().send().await;
    let list = get("/v1/admin/orders?fields=id,items.quantity&limit=1").await.expect(200);
    assert_eq!(list["data"], json!([{ "id": second["id"], "items": [{ "quantity": 2 }] }]));
    assert_eq!(list["hasMore"], true);
    let next = format!("/v1/admin/orders?limit=1&after={}&fields=id", list["nextCursor"].as_str().unwrap());
    assert_eq!(get(&next).await.expect(200)["data"], json!([{ "id": first["id"] }]));

    let path = format!("/v1/admin/orders/{}", first["id"].as_str().unwrap());
    let one = get(&format!("{path}?fields=totals.total.amount,number,billingAddress.city,canceledAt")).await;
    let expected = json!({
        "totals": { "total": { "amount": first["totals"]["total"]["amount"] } },
        "number": first["number"], "billingAddress": { "city": "Portland" },
    });
    let tag = one.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(one.expect(200), expected);
    let known =
        world.get(&format!("{path}?fields=number")).staff().header("if-none-match", &tag).send().await;
    assert_eq!((known.status.as_u16(), known.bytes.len()), (304, 0));
    let head = world.ask(reqwest::Method::HEAD, &format!("{path}?fields=number")).staff().send().await;
    let whole = get(&format!("{path}?fields=number")).await;
    assert_eq!(
        (head.status.as_u16(), &head.headers["content-length"]),
        (200, &whole.headers["content-length"])
    );
    let old = world.get(&format!("{path}?fields=shippingAddress.postalCode")).staff();
    let old = old.header("api-version", "2026-09-01").send().await.expect(200);
    assert_eq!(old, json!({ "shippingAddress": { "zip": "97201" } }));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_only_take_away() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let order = world.buy(&variant, 1).await;
    let path = format!("/v1/admin/orders/{}", order["id"].as_str().unwrap());
    for (path, fields) in [
        (&*path, "tokenHash"),
        (&path, "token_hash,password_hash"),
        (&path, "id,"),
        (&path, ""),
        (&path, "id&fields=number"),
        (&path, "number.digits"),
        ("/v1/products", "costPrice"),
        ("/v1/products", "data.id"),
        ("/v1/admin/customers", "passwordHash"),
    ] {
        let reply = world.get(&format!("{path}?fields={fields}")).staff().send().await;
        assert_eq!(reply.body["errors"][0]["pointer"], "/fields", "{path} {fields}: {}", reply.body);
        assert_eq!(reply.problem(400), "invalid_parameter");
    }
    // What is not shown at all is not shown in part, and a refusal is whole.
    assert_eq!(world.get(&format!("{path}?fields=id")).send().await.problem(401), "authentication_required");
    let missing = "/v1/admin/orders/ord_00000000000000000000000000?fields=id";
    assert_eq!(world.get(missing).staff().send().await.problem(404), "not_found");
    let strict = world.get("/v1/admin/orders?fields=id&limt=1").staff().send().await;
    assert_eq!(strict.body["errors"][0]["pointer"], "/limt");
    let change = world.post("/v1/checkout?fields=id", &world.order_of(&variant, 1)).fresh_key().send().await;
    assert!(change.expect(201)["number"].is_string(), "only a GET is cut down");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_see_the_customer_and_the_payment_with_the_order() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let guest = world.buy(&variant, 1).await;
    let ada = world.customer("ada@example.com").await;
    let own = world
        .post("/v1/checkout", &world.order_of(&variant, 2))
        .bearer(&ada)
        .fresh_key()
        .send()
        .await
        .expect(201);

    let get = async |path: &str| world.get(path).staff().send().await;
    let list = get("/v1/admin/orders?expand=customer,payment&limit=2").await.expect(200);
    let [first, second] = &list["data"].as_array().unwrap()[..] else { panic!("{list}") };
    assert_eq!((&first["id"], &second["id"]), (&own["id"], &guest["id"]));
    assert_eq!(first["customer"]["email"], "ada@example.com");
    assert_eq!(second["customer"], Value::Null, "a guest has no account");
    assert_eq!(first["payment"]["captured"], first["totals"]["total"]);
    assert_eq!(second["payment"]["orderId"], guest["id"]);
    assert!(list.get("warnings").is_none() && list["hasMore"] == false, "{list}");

    let path = format!(
        "/v1/admin/orders/{}?expand=payment,customer&fields=number,customer.name,payment",
        text(&own["id"])
    );
    let one = get(&path).await;
    let tag = one.headers["etag"].to_str().unwrap().to_owned();
    let one = one.expect(200);
    assert_eq!((&one["number"], &one["customer"]), (&own["number"], &json!({ "name": "A Customer" })));
    let intents = get("/v1/admin/payment-intents?expand=order&limit=1").await.expect(200);
    assert_eq!(intents["data"][0]["order"]["number"], own["number"]);
    assert_eq!(intents["data"][0]["id"], one["payment"]["id"]);

    // The entity tag is of all there is to see, not of the order alone.
    assert!(tag.starts_with("W/"), "{tag}");
    let again = async || world.get(&path).staff().header("if-none-match", &tag).send().await.status;
    assert_eq!(again().await, 304);
    let refund = json!({ "paymentIntentId": one["payment"]["id"], "amount": { "amount": 100, "currency": "USD" }, "reason": "a dent" });
    let refund = world.post("/v1/admin/refunds", &refund).staff().fresh_key().send().await;
    assert!(refund.status.is_success(), "{}", refund.body);
    world.eventually("the refund", async || again().await == 200).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_of_another_module_needs_its_permission() {
    let world = World::open().await;
    let role = json!({ "name": "packer", "permissions": ["orders:read", "payments:read"] });
    world.post("/v1/admin/roles", &role).staff().send().await.expect(201);
    let body = json!({ "email": "pat@shop.example", "name": "Pat", "role": "packer", "password": PASSWORD });
    world.post("/v1/admin/staff", &body).staff().send().await.expect(201);
    let packer = world.sign_in("pat@shop.example", PASSWORD).await;

    let get = async |path: &str| world.get(path).bearer(&packer).send().await;
    get("/v1/admin/orders?expand=payment").await.expect(200);
    let refused = get("/v1/admin/orders?expand=payment,customer").await;
    assert_eq!(refused.body["permission"], "customers:read");
    assert_eq!(refused.problem(403), "permission_missing");
    for path in [
        "/v1/admin/orders?expand=customer.orders",
        "/v1/admin/orders?expand=order",
        "/v1/admin/orders?expand=",
        "/v1/admin/customers?expand=order",
        "/v1/products?expand=payment",
    ] {
        let reply = get(path).await;
        assert_eq!(reply.body["errors"][0]["pointer"], "/expand", "{path}: {}", reply.body);
        assert_eq!(reply.problem(400), "invalid_parameter");
    }
    let hidden = get("/v1/admin/orders?fields=customer.email").await;
    assert_eq!(hidden.problem(400), "invalid_parameter");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_shown_without_its_payment_when_that_is_away() {
    let groups = ["", "user+product+order", "payment"]
        .map(|group| group.split('+').filter(|name| !name.is_empty()).map(str::to_owned).collect());
    let mut world = World::open_as(&groups, "").await;
    let variant = world.on_sale("CUP", 1000, 10).await;
    let order = world.buy(&variant, 1).await;
    world.take_down(2).await;

    let path = format!("/v1/admin/orders/{}?expand=payment,customer&fields=id,payment", text(&order["id"]));
    let reply = world.get(&path).staff().send().await;
    assert!(!reply.headers.contains_key("etag"), "it is not the whole");
    let body = reply.expect(200);
    assert_eq!((&body["id"], &body["payment"]), (&order["id"], &Value::Null));
    assert_eq!(body["warnings"][0]["expand"], "payment");
    assert_eq!(body["warnings"][0]["code"], "module_unavailable");
    assert_eq!(body["warnings"].as_array().unwrap().len(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_gateway_takes_is_described_where_it_is_taken() {
    let world = World::open().await;
    let admin = world.get("/openapi/admin.json").send().await.expect(200);
    let names = |path: &str, method: &str| {
        let parameters = admin["paths"][path][method]["parameters"].as_array().unwrap().iter();
        parameters.map(|parameter| text(&parameter["name"])).collect::<Vec<_>>()
    };
    let orders = names("/v1/admin/orders", "get");
    for name in ["fields", "expand", "Api-Version"] {
        assert!(orders.iter().any(|other| other == name), "{orders:?}");
    }
    let cancel = names("/v1/admin/orders/{id}/cancel", "post");
    assert!(
        cancel.contains(&"Api-Version".to_owned()) && !cancel.contains(&"fields".to_owned()),
        "{cancel:?}"
    );
    assert!(!names("/v1/admin/customers", "get").contains(&"expand".to_owned()));
    world.close().await;
}
