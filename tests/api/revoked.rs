//! Access tokens that are taken back before their time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::apart::processes;
use crate::world::{PASSWORD, World, text};

/// How long a token may still be believed: a second, and what a busy machine adds.
const PATIENCE: Duration = Duration::from_secs(2);

impl World {
    /// Waits until a token is not believed any more on this path.
    async fn revoked(&self, token: &str, path: &str) {
        let began = Instant::now();
        loop {
            let reply = self.get(path).bearer(token).send().await;
            if reply.status == 401 {
                assert_eq!(reply.problem(401), "invalid_token");
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{path} is still open after {:?}", began.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn signs_in(&self, email: &str) -> (String, Value) {
        let body = json!({ "email": email, "password": PASSWORD });
        let tokens = self.post("/v1/auth/login", &body).send().await.expect(200);
        (text(&tokens["accessToken"]), json!({ "refreshToken": tokens["refreshToken"] }))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_out_or_is_robbed_is_out_everywhere() {
    let world = World::open().await;
    let elsewhere = world.customer("ada@example.com").await;
    let (here, refresh) = world.signs_in("ada@example.com").await;
    world.get("/v1/orders").bearer(&here).send().await.expect(200);

    world.post("/v1/auth/logout", &refresh).send().await.expect(204);
    world.revoked(&here, "/v1/orders").await;
    world.revoked(&here, "/v1/account").await;
    world.get("/v1/orders").bearer(&elsewhere).send().await.expect(200);

    let (robbed, first) = world.signs_in("ada@example.com").await;
    let second = world.post("/v1/auth/refresh", &first).send().await.expect(200);
    let next = json!({ "refreshToken": second["refreshToken"] });
    let third = world.post("/v1/auth/refresh", &next).send().await.expect(200);
    assert_eq!(world.post("/v1/auth/refresh", &first).send().await.problem(401), "refresh_token_reused");
    for token in [&robbed, &text(&second["accessToken"]), &text(&third["accessToken"])] {
        world.revoked(token, "/v1/orders").await;
    }
    world.get("/v1/orders").bearer(&elsewhere).send().await.expect(200);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_have_what_their_role_is_now_and_nothing_once_dismissed() {
    let world = World::open().await;
    let role = |permissions: Value| json!({ "name": "desk", "permissions": permissions });
    world.post("/v1/admin/roles", &role(json!(["orders:read"]))).staff().send().await.expect(201);
    let kim = json!({ "email": "kim@example.com", "name": "Kim", "role": "desk", "password": PASSWORD });
    let kim = world.post("/v1/admin/staff", &kim).staff().send().await.expect(201);
    let path = format!("/v1/admin/staff/{}", text(&kim["id"]));
    let (before, refresh) = world.signs_in("kim@example.com").await;
    world.get("/v1/admin/orders").bearer(&before).send().await.expect(200);

    let grant = json!({ "permissions": ["products:read"] });
    let desk = world.get("/v1/admin/roles/desk").staff().send().await;
    let version = desk.headers["etag"].to_str().unwrap();
    let change = world.patch("/v1/admin/roles/desk", &grant).staff().header("if-match", version);
    change.send().await.expect(200);
    world.revoked(&before, "/v1/admin/orders").await;
    let tokens = world.post("/v1/auth/refresh", &refresh).send().await.expect(200);
    let granted = text(&tokens["accessToken"]);
    world.get("/v1/admin/products").bearer(&granted).send().await.expect(200);
    world.get("/v1/admin/orders").bearer(&granted).send().await.problem(403);

    world.patch(&path, &json!({ "role": "viewer" })).staff().send().await.expect(200);
    world.revoked(&granted, "/v1/admin/products").await;
    let refresh = json!({ "refreshToken": tokens["refreshToken"] });
    let tokens = world.post("/v1/auth/refresh", &refresh).send().await.expect(200);
    let viewer = text(&tokens["accessToken"]);
    world.get("/v1/admin/orders").bearer(&viewer).send().await.expect(200);

    world.patch(&path, &json!({ "status": "disabled" })).staff().send().await.expect(200);
    world.revoked(&viewer, "/v1/admin/orders").await;
    world.get("/v1/admin/orders").staff().send().await.expect(200);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_knows_staff_wait_and_customers_go_on() {
    let mut world = World::open_as(&processes(&["product+order+payment", "user"]), "").await;
    let ada = world.customer("ada@example.com").await;
    world.get("/v1/orders").bearer(&ada).send().await.expect(200);
    world.take_down(1).await;

    let began = Instant::now();
    let refused = loop {
        let reply = world.get("/v1/admin/orders").staff().send().await;
        if reply.status == 503 {
            break reply;
        }
        assert!(began.elapsed() < Duration::from_secs(15), "staff are still believed");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };

    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(refused.problem(503), "module_unavailable");
    world.get("/v1/orders").bearer(&ada).send().await.expect(200);
    world.leave().await;
}
