//! The module behind its frame, as a client meets it.

#![expect(clippy::unwrap_used, reason = "a test whose world is not as expected should stop")]

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use actix_web::{Error, body::MessageBody};
use kernel::call::BoxFuture;
use kernel::{Call, Clock, Principal};
use platform::http::{Authenticate, Problem};
use platform::testing::{self, TestDb, front};
use serde_json::{Value, json};
use user::tokens::{Bearer, Verifier};
use user::{FirstOwner, HashCost, HashQueue, MIGRATIONS, Module, NAME, Settings};
use user_api::{ListKeys, Users};

/// As the gateway does it: with the keys of the contract.
struct ByToken(Arc<dyn Users>, Clock);

impl Authenticate for ByToken {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Principal, Problem>> {
        Box::pin(async move {
            let call = Call::by_module("gateway", Duration::from_secs(5));
            let keys = self.0.keys(&call, ListKeys {}).await.unwrap();
            let bearer = Verifier::new(keys).verify(token, self.1.now());
            bearer
                .map(Bearer::principal)
                .map_err(|refusal| Problem::unauthorized("invalid_token", refusal.to_string()))
        })
    }
}

async fn module() -> (TestDb, Module) {
    let db = testing::db(NAME, MIGRATIONS).await;
    let settings = Settings {
        issuer: "cleave".into(),
        access_token: Duration::from_mins(10),
        refresh_token: Duration::from_hours(24),
        password_min_length: 8,
        argon2: HashCost { memory_kib: 8, iterations: 1, parallelism: 1 },
        hashing: HashQueue { workers: 1, places: 8, wait: Duration::from_secs(5) },
    };
    let module = Module::new(db.clone(), db.tasks(), &settings).unwrap();
    (db, module)
}

async fn shop(
    module: &Module,
    db: &TestDb,
) -> impl Service<actix_http::Request, Response = ServiceResponse<impl MessageBody>, Error = Error> {
    let authenticate = ByToken(module.contract(), db.clock().clone());
    front(module.mount(), user::routes, Arc::new(authenticate), db.clock().clone()).await
}

/// What the module says to a request with a token, if there is one, and a body, if there is one.
async fn ask<S, B>(app: &S, method: Method, path: &str, token: &str, body: Value) -> (u16, Value)
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let mut request = TestRequest::default().method(method).uri(path);
    if !token.is_empty() {
        request = request.insert_header(("authorization", format!("Bearer {token}")));
    }
    if !body.is_null() {
        request = request.set_json(body);
    }
    testing::ask(app, request).await
}

fn code((status, body): (u16, Value)) -> (u16, String) {
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

fn field((status, body): (u16, Value)) -> (u16, String) {
    (status, body["errors"][0]["pointer"].as_str().unwrap_or_default().to_owned())
}

const PASSWORD: &str = "correct horse battery";
const NOTHING: Value = Value::Null;
const NOBODY: &str = "";

#[actix_web::test]
async fn somebody_becomes_a_customer_and_stays_one() {
    let (db, module) = module().await;
    let app = shop(&module, &db).await;
    let (get, post) = (Method::GET, Method::POST);
    let credentials = json!({"email": "Ada@Example.com", "password": PASSWORD});

    let body = json!({"email": "Ada@Example.com", "password": PASSWORD, "name": "Ada Lovelace"});
    let (status, account) = ask(&app, post.clone(), "/v1/auth/register", NOBODY, body.clone()).await;
    assert_eq!(status, 201, "{account}");
    assert_eq!((&account["name"], &account["email"]), (&json!("Ada Lovelace"), &json!("Ada@Example.com")));
    let again = ask(&app, post.clone(), "/v1/auth/register", NOBODY, body).await;
    assert_eq!(code(again), (409, "email_taken".into()));

    let (status, tokens) = ask(&app, post.clone(), "/v1/auth/login", NOBODY, credentials).await;
    assert_eq!(status, 200);
    assert_eq!((&tokens["tokenType"], &tokens["expiresIn"]), (&json!("Bearer"), &json!(600)));
    let access = tokens["accessToken"].as_str().unwrap();
    assert_eq!(ask(&app, get.clone(), "/v1/account", access, NOTHING).await, (200, account.clone()));
    assert_eq!(
        code(ask(&app, get.clone(), "/v1/account", NOBODY, NOTHING).await),
        (401, "authentication_required".into())
    );

    let (status, renamed) =
        ask(&app, Method::PATCH, "/v1/account", access, json!({"name": "Ada King"})).await;
    assert_eq!((status, &renamed["name"]), (200, &json!("Ada King")));

    let first = json!({"refreshToken": tokens["refreshToken"]});
    let (status, second) = ask(&app, post.clone(), "/v1/auth/refresh", NOBODY, first.clone()).await;
    assert_eq!(status, 200);
    let (_, same) = ask(&app, post.clone(), "/v1/auth/refresh", NOBODY, first.clone()).await;
    assert_eq!(same["refreshToken"], second["refreshToken"], "the answer may have been lost");
    let second = json!({"refreshToken": second["refreshToken"]});
    assert_eq!(ask(&app, post.clone(), "/v1/auth/refresh", NOBODY, second.clone()).await.0, 200);
    let reused = ask(&app, post.clone(), "/v1/auth/refresh", NOBODY, first).await;
    assert_eq!(code(reused), (401, "refresh_token_reused".into()));

    assert_eq!(ask(&app, post.clone(), "/v1/auth/logout", NOBODY, second).await, (204, NOTHING));
    assert_eq!(
        ask(&app, post, "/v1/auth/logout", NOBODY, json!({"refreshToken": "x"})).await,
        (204, NOTHING)
    );
}

#[actix_web::test]
async fn what_is_asked_badly_is_refused() {
    let (db, module) = module().await;
    let app = shop(&module, &db).await;
    let register = |body: Value| ask(&app, Method::POST, "/v1/auth/register", NOBODY, body);
    let good = json!({"email": "ada@example.com", "password": PASSWORD, "name": "Ada"});
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    for (name, value) in [
        ("email", json!("ada")),
        ("email", json!(format!("{}@", "a@a.a.".repeat(800)))),
        ("password", json!("short")),
        ("password", json!("nul\0nul\0nul")),
        ("password", json!("x".repeat(1025))),
        ("password", json!(12_345_678)),
        ("name", json!("  ")),
        ("name", json!("x".repeat(60_000))),
        ("role", json!("owner")),
        ("kind", json!("staff")),
    ] {
        let problem = register(with(name, value)).await;
        assert!(!problem.1.to_string().contains("nul"), "what was typed is not repeated");
        assert_eq!(field(problem), (422, format!("/{name}")));
    }

    assert_eq!(register(good).await.0, 201);
    let login = |email: &'static str, password: &'static str| {
        ask(&app, Method::POST, "/v1/auth/login", NOBODY, json!({"email": email, "password": password}))
    };
    let strip = |(status, mut body): (u16, Value)| {
        body["requestId"] = NOTHING;
        (status, body)
    };
    let wrong = strip(login("ada@example.com", "wrong horse battery").await);
    assert_eq!(
        strip(login("nobody@example.com", PASSWORD).await),
        wrong,
        "which of the two is wrong is not told"
    );
    assert_eq!(code(wrong), (401, "invalid_credentials".into()));
    assert_eq!(field(login("ada@example.com", "a\0b").await), (422, "/password".into()));
    for token in ["", "x", &"a".repeat(255)] {
        let refused =
            ask(&app, Method::POST, "/v1/auth/refresh", NOBODY, json!({"refreshToken": token})).await;
        assert_eq!(code(refused), (401, "invalid_refresh_token".into()));
    }
}

#[actix_web::test]
async fn a_new_shop_is_set_up_and_staffed() {
    let (db, module) = module().await;
    let app = shop(&module, &db).await;
    let (get, post, patch) = (Method::GET, Method::POST, Method::PATCH);
    let Some(FirstOwner::With(token)) = module.first_owner().await.unwrap() else { panic!("no token") };
    let setup = |body: Value| ask(&app, Method::POST, "/v1/auth/setup", NOBODY, body);
    let sign_in = async |email: &str| {
        let body = json!({"email": email, "password": PASSWORD});
        let (_, tokens) = ask(&app, Method::POST, "/v1/auth/login", NOBODY, body).await;
        tokens["accessToken"].as_str().unwrap().to_owned()
    };

    assert_eq!(
        code(setup(json!({"token": "x", "password": PASSWORD})).await),
        (400, "invalid_setup_token".into())
    );
    let body =
        json!({"token": token.reveal(), "password": PASSWORD, "email": "grace@example.com", "name": "Grace"});
    let (status, owner) = setup(body.clone()).await;
    assert_eq!((status, &owner["role"]), (201, &json!("owner")));
    assert_eq!(code(setup(body).await), (400, "invalid_setup_token".into()));
    let owner = sign_in("grace@example.com").await;
    assert_eq!(ask(&app, get.clone(), "/v1/account", &owner, NOTHING).await.1["kind"], "staff");

    let role = json!({"name": "desk", "permissions": ["staff:write", "customers:read"]});
    assert_eq!(ask(&app, post.clone(), "/v1/admin/roles", &owner, role).await.0, 201);
    let unknown = json!({"name": "x", "permissions": ["tax:read", "tax:evade"]});
    assert_eq!(
        field(ask(&app, post.clone(), "/v1/admin/roles", &owner, unknown).await),
        (422, "/permissions/1".into())
    );
    let grant = json!({"permissions": ["staff:write"]});
    let stale = ask(&app, patch.clone(), "/v1/admin/roles/desk", &owner, grant).await;
    assert_eq!(code(stale), (428, "precondition_required".into()));

    let hire = json!({"email": "kim@example.com", "name": "Kim", "role": "desk"});
    let (status, kim) = ask(&app, post.clone(), "/v1/admin/staff", &owner, hire).await;
    assert_eq!(status, 201);
    assert_eq!(setup(json!({"token": kim["setupToken"], "password": PASSWORD})).await.0, 201);
    let kim = sign_in("kim@example.com").await;
    assert_eq!(ask(&app, get.clone(), "/v1/admin/customers", &kim, NOTHING).await.0, 200);
    let (status, problem) = ask(&app, get.clone(), "/v1/admin/staff", &kim, NOTHING).await;
    assert_eq!((status, &problem["permission"]), (403, &json!("staff:read")));
    let above = json!({"email": "eve@example.com", "name": "Eve", "role": "owner"});
    assert_eq!(
        code(ask(&app, post, "/v1/admin/staff", &kim, above).await),
        (403, "grant_exceeds_own".into())
    );

    let (_, staff) = ask(&app, get, "/v1/admin/staff?limit=1", &owner, NOTHING).await;
    let id = staff["data"][0]["id"].as_str().unwrap();
    assert_eq!(staff["hasMore"], true);
    let path = format!("/v1/admin/staff/{id}");
    assert_eq!(ask(&app, patch, &path, &owner, json!({"status": "disabled"})).await.1["status"], "disabled");
    assert_eq!(
        code(ask(&app, Method::PATCH, "/v1/account", &kim, json!({})).await),
        (401, "invalid_token".into())
    );
}

#[actix_web::test]
async fn a_customer_keeps_an_address_book() {
    let (db, module) = module().await;
    let app = shop(&module, &db).await;
    let mut tokens = Vec::new();
    for email in ["ada@example.com", "grace@example.com"] {
        let body = json!({"email": email, "password": PASSWORD, "name": "Somebody"});
        ask(&app, Method::POST, "/v1/auth/register", NOBODY, body).await;
        let body = json!({"email": email, "password": PASSWORD});
        let (_, pair) = ask(&app, Method::POST, "/v1/auth/login", NOBODY, body).await;
        tokens.push(pair["accessToken"].as_str().unwrap().to_owned());
    }
    let body =
        json!({"name": "Ada", "line1": "1 Main St", "city": "London", "postalCode": "N1", "country": "GB"});

    let (status, address) = ask(&app, Method::POST, "/v1/addresses", &tokens[0], body.clone()).await;
    assert_eq!((status, &address["defaultShipping"], &address["line2"]), (201, &json!(true), &NOTHING));
    let path = format!("/v1/addresses/{}", address["id"].as_str().unwrap());
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let change = if method == Method::PATCH { json!({"city": "Paris"}) } else { NOTHING };
        assert_eq!(code(ask(&app, method, &path, &tokens[1], change).await), (404, "not_found".into()));
    }
    let mut wrong = body;
    wrong["country"] = json!("gb");
    assert_eq!(
        field(ask(&app, Method::POST, "/v1/addresses", &tokens[0], wrong).await),
        (422, "/country".into())
    );
    let cleared =
        ask(&app, Method::PATCH, &path, &tokens[0], json!({"postalCode": null, "city": "Paris"})).await;
    assert_eq!((&cleared.1["postalCode"], &cleared.1["city"]), (&NOTHING, &json!("Paris")));
    let undefault = ask(&app, Method::PATCH, &path, &tokens[0], json!({"defaultBilling": false})).await;
    assert_eq!(field(undefault), (422, "/defaultBilling".into()));
    assert_eq!(ask(&app, Method::DELETE, &path, &tokens[0], NOTHING).await.0, 204);
    let (_, list) = ask(&app, Method::GET, "/v1/addresses", &tokens[0], NOTHING).await;
    assert_eq!(list, json!({"data": [], "hasMore": false}));
}
