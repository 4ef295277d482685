//! Customers and staff: who they are, what they may do, and how they stop being let in.

use serde_json::{Value, json};

use crate::world::{PASSWORD, World, address, text};

async fn sign_in(world: &World, email: &str) -> Value {
    let body = json!({ "email": email, "password": PASSWORD });
    world.post("/v1/auth/login", &body).send().await.expect(200)
}

fn refresh(tokens: &Value) -> Value {
    json!({ "refreshToken": tokens["refreshToken"] })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_registers_signs_in_and_has_an_account() {
    let world = World::open().await;
    let body = json!({ "email": "Ada@Example.com", "password": PASSWORD, "name": "Ada" });
    let registered = world.post("/v1/auth/register", &body).send().await.expect(201);
    let again = world.post("/v1/auth/register", &body).send().await;
    assert_eq!(again.problem(409), "email_taken");

    let tokens = sign_in(&world, "ada@example.com").await;
    assert_eq!(tokens["tokenType"], "Bearer");
    assert!(tokens["expiresIn"].as_u64().unwrap() > 0);
    let ada = text(&tokens["accessToken"]);
    let account = world.get("/v1/account").bearer(&ada).send().await.expect(200);

    assert_eq!((&account["id"], &account["name"]), (&registered["id"], &json!("Ada")));
    assert_eq!((&account["email"], &account["kind"]), (&json!("Ada@Example.com"), &json!("customer")));
    assert!(account.get("password").is_none() && account.get("passwordHash").is_none());
    let renamed =
        world.patch("/v1/account", &json!({ "name": "Ada King" })).bearer(&ada).send().await.expect(200);
    assert_eq!(renamed["name"], "Ada King");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_good_once_and_a_second_use_ends_the_session() {
    let world = World::open().await;
    world.customer("ada@example.com").await;
    let first = sign_in(&world, "ada@example.com").await;
    let second = world.post("/v1/auth/refresh", &refresh(&first)).send().await.expect(200);
    assert_ne!(first["refreshToken"], second["refreshToken"]);
    let third = world.post("/v1/auth/refresh", &refresh(&second)).send().await.expect(200);

    let stolen = world.post("/v1/auth/refresh", &refresh(&first)).send().await;

    assert_eq!(stolen.problem(401), "refresh_token_reused");
    world.post("/v1/auth/refresh", &refresh(&third)).send().await.problem(401);
    let another = sign_in(&world, "ada@example.com").await;
    world.post("/v1/auth/refresh", &refresh(&another)).send().await.expect(200);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_out_stays_out() {
    let world = World::open().await;
    world.customer("ada@example.com").await;
    let tokens = sign_in(&world, "ada@example.com").await;

    world.post("/v1/auth/logout", &refresh(&tokens)).send().await.expect(204);
    world.post("/v1/auth/logout", &refresh(&tokens)).send().await.expect(204);

    world.post("/v1/auth/refresh", &refresh(&tokens)).send().await.problem(401);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_book_belongs_to_one_customer() {
    let world = World::open().await;
    let (ada, eve) = (world.customer("ada@example.com").await, world.customer("eve@example.com").await);
    let made = world.post("/v1/addresses", &address()).bearer(&ada).send().await.expect(201);
    let path = format!("/v1/addresses/{}", text(&made["id"]));

    assert_eq!(world.get(&path).bearer(&ada).send().await.expect(200)["city"], "Portland");
    let other = json!({ "city": "Salem" });
    assert_eq!(world.get(&path).bearer(&eve).send().await.problem(404), "not_found");
    assert_eq!(world.patch(&path, &other).bearer(&eve).send().await.problem(404), "not_found");
    assert_eq!(world.delete(&path).bearer(&eve).send().await.problem(404), "not_found");
    assert_eq!(world.get(&path).send().await.problem(401), "authentication_required");
    assert_eq!(world.get("/v1/addresses").bearer(&eve).send().await.expect(200)["data"], json!([]));

    assert_eq!(world.patch(&path, &other).bearer(&ada).send().await.expect(200)["city"], "Salem");
    world.delete(&path).bearer(&ada).send().await.expect(204);
    assert_eq!(world.get(&path).bearer(&ada).send().await.problem(404), "not_found");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_has_no_business_behind_the_counter() {
    let world = World::open().await;
    let ada = world.customer("ada@example.com").await;
    let admin = world.get("/openapi/admin.json").send().await.expect(200);

    for (path, operations) in admin["paths"].as_object().unwrap() {
        if operations.get("get").is_none() || path.contains('{') {
            continue;
        }
        assert_eq!(world.get(path).send().await.problem(401), "authentication_required", "{path}");
        let reply = world.get(path).bearer(&ada).send().await;
        if reply.body["code"] == "invalid_parameter" {
            // It wants to know of what; it would not have told.
            continue;
        }
        let permission = text(&reply.body["permission"]);
        assert!(permission.ends_with(":read"), "{path}: {}", reply.body);
        assert_eq!(reply.problem(403), "permission_missing", "{path}");
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_may_do_what_their_role_grants_and_nothing_else() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 5).await;
    let order = text(&world.buy(&variant, 1).await["id"]);
    let role = json!({ "name": "reader", "permissions": ["orders:read"] });
    world.post("/v1/admin/roles", &role).staff().send().await.expect(201);
    let kim = json!({ "email": "kim@example.com", "name": "Kim", "role": "reader" });
    let hired = world.post("/v1/admin/staff", &kim).staff().send().await.expect(201);
    let setup = json!({ "token": hired["setupToken"], "password": PASSWORD });
    world.post("/v1/auth/setup", &setup).send().await.expect(201);
    assert_eq!(world.post("/v1/auth/setup", &setup).send().await.problem(400), "invalid_setup_token");
    let kim = world.sign_in("kim@example.com", PASSWORD).await;

    let orders = world.get("/v1/admin/orders").bearer(&kim).send().await.expect(200);
    assert_eq!(orders["data"][0]["id"], order.as_str());
    let refund = json!({
        "paymentIntentId": "pi_00000000000000000000000000", "reason": "r",
        "amount": { "amount": 1, "currency": "USD" },
    });
    let cancel = format!("/v1/admin/orders/{order}/cancel");
    let refused = [
        ("refunds:write", world.post("/v1/admin/refunds", &refund).fresh_key()),
        ("orders:write", world.post(&cancel, &json!({}))),
        (
            "staff:write",
            world.post("/v1/admin/staff", &json!({ "email": "a@b.de", "name": "A", "role": "owner" })),
        ),
        (
            "roles:write",
            world.post("/v1/admin/roles", &json!({ "name": "all", "permissions": ["orders:write"] })),
        ),
        ("products:read", world.get("/v1/admin/products")),
        ("events:read", world.get("/v1/admin/events")),
    ];
    for (permission, ask) in refused {
        let reply = ask.bearer(&kim).send().await;
        assert_eq!(reply.body["permission"], permission);
        assert_eq!(reply.problem(403), "permission_missing");
    }
    assert_eq!(world.order(&order).await["status"], "placed");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_grants_what_they_do_not_hold() {
    let world = World::open().await;
    let role =
        json!({ "name": "hr", "permissions": ["staff:read", "staff:write", "roles:read", "roles:write"] });
    world.post("/v1/admin/roles", &role).staff().send().await.expect(201);
    let pat = json!({ "email": "pat@example.com", "name": "Pat", "role": "hr", "password": PASSWORD });
    world.post("/v1/admin/staff", &pat).staff().send().await.expect(201);
    let pat = world.sign_in("pat@example.com", PASSWORD).await;

    let rich = json!({ "name": "rich", "permissions": ["refunds:write"] });
    let owner = json!({ "email": "eve@example.com", "name": "Eve", "role": "owner", "password": PASSWORD });

    world.post("/v1/admin/roles", &rich).bearer(&pat).send().await.problem(403);
    world.post("/v1/admin/staff", &owner).bearer(&pat).send().await.problem(403);
    let unknown = json!({ "name": "odd", "permissions": ["everything"] });
    world.post("/v1/admin/roles", &unknown).staff().send().await.problem(422);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_customer_is_out_at_once() {
    let world = World::open().await;
    let ada = world.customer("ada@example.com").await;
    let account = world.get("/v1/account").bearer(&ada).send().await.expect(200);
    let tokens = sign_in(&world, "ada@example.com").await;

    let path = format!("/v1/admin/customers/{}", text(&account["id"]));
    world.patch(&path, &json!({ "status": "disabled" })).staff().send().await.expect(200);

    assert_eq!(world.get("/v1/account").bearer(&ada).send().await.problem(401), "invalid_token");
    world.post("/v1/auth/refresh", &refresh(&tokens)).send().await.problem(401);
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    assert_eq!(world.post("/v1/auth/login", &body).send().await.problem(403), "account_disabled");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_with_staff_gives_out_no_first_owners_token() {
    let world = World::open().await;

    assert!(world.runs("user").modules.user.as_ref().unwrap().first_owner().await.unwrap().is_none());
    for (email, password) in
        [("admin@example.com", "admin"), ("owner@shop.example", "owner"), ("root@localhost.localdomain", "")]
    {
        let body = json!({ "email": email, "password": password });
        let status = world.post("/v1/auth/login", &body).send().await.status.as_u16();
        assert!(matches!(status, 401 | 422), "{email}: {status}");
    }
    world.close().await;
}
