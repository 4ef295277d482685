use std::sync::Arc;

use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::{ETAG, HeaderValue};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, Error};
use kernel::call::BoxFuture;
use kernel::{Clock, Principal};
use platform::http::{Authenticate, Frame, Problem, Routes};
use product_api::VariantId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::shop::Shop;

/// Believes every token: its text is the list of permissions.
struct Anybody;

impl Authenticate for Anybody {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Principal, Problem>> {
        let permissions = token.split(',').map(str::to_owned).collect();
        Box::pin(async { Ok(Principal::Staff { account: Uuid::from_u128(1), permissions }) })
    }
}

macro_rules! serve {
    ($shop:expr) => {{
        let mount = $shop.module.mount();
        let app = App::new().configure(|app| {
            (mount.services)(app);
            crate::routes(&mut Routes::of(app));
        });
        let api = Routes::described(crate::routes);
        init_service(app.wrap(Frame::new(Clock::system(), Arc::new(Anybody), &api))).await
    }};
}

struct Said {
    status: u16,
    etag: Option<HeaderValue>,
    body: Value,
}

impl Said {
    fn text(&self, pointer: &str) -> &str {
        self.body
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("{pointer}: {}", self.body))
    }

    /// Status, code and the place at fault.
    fn refusal(&self) -> (u16, &str, &str) {
        let pointer = self.body.pointer("/errors/0/pointer").and_then(Value::as_str).unwrap_or("");
        (self.status, self.text("/code"), pointer)
    }
}

async fn ask<S, B>(app: &S, request: TestRequest) -> Said
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    B: actix_web::body::MessageBody,
{
    let response = call_service(app, request.to_request()).await;
    let (status, etag) = (response.status().as_u16(), response.headers().get(ETAG).cloned());
    let bytes = read_body(response).await;
    Said { status, etag, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}

fn staff(request: TestRequest) -> TestRequest {
    request.insert_header(("Authorization", "Bearer *"))
}

/// A post without a body, under a key of its own.
fn confirmed(path: &str) -> TestRequest {
    let key = Clock::system().uuid().to_string();
    staff(TestRequest::post().uri(path)).insert_header(("Idempotency-Key", key))
}

fn post(path: &str, body: Value) -> TestRequest {
    confirmed(path).set_json(body)
}

fn shirt() -> Value {
    json!({
        "title": "Ocean Blue Shirt", "status": "active",
        "variants": [{"sku": "SHIRT", "prices": [{"amount": 1999, "currency": "USD"}], "stock": 50}],
    })
}

#[actix_web::test]
async fn what_staff_add_is_on_sale() {
    let shop = Shop::open().await;
    let app = serve!(shop);
    let made = ask(&app, post("/v1/admin/products", shirt())).await;
    assert_eq!((made.status, made.text("/variants/0/sku")), (201, "SHIRT"));

    let list = ask(&app, get("/v1/products?limit=20")).await;
    let shown = &list.body["data"][0];
    assert_eq!((&shown["id"], &shown["slug"]), (&made.body["id"], &json!("ocean-blue-shirt")));
    assert_eq!(shown["variants"][0]["id"], made.body["variants"][0]["id"]);
    assert_eq!(shown["variants"][0]["price"], json!({"amount": 1999, "currency": "USD"}));
    assert_eq!((&shown["variants"][0]["available"], &list.body["hasMore"]), (&json!(50), &json!(false)));

    for name in [made.text("/id"), "ocean-blue-shirt"] {
        assert_eq!(ask(&app, get(&format!("/v1/products/{name}"))).await.body, *shown);
    }
    let other = ask(&app, get("/v1/products/ocean-blue-shirt?currency=EUR")).await;
    assert_eq!(other.body["variants"][0]["price"], Value::Null);
    let variant = made.text("/variants/0/id");
    let available = ask(&app, get(&format!("/v1/variants/{variant}/availability"))).await;
    assert_eq!(available.body, json!({"variantId": variant, "available": 50}));
}

#[actix_web::test]
async fn no_answer_is_older_than_what_it_shows() {
    let shop = Shop::open().await;
    let app = serve!(shop);
    let made = ask(&app, post("/v1/admin/products", shirt())).await;
    let variant: VariantId = made.text("/variants/0/id").parse().unwrap();
    let first = ask(&app, get("/v1/products/ocean-blue-shirt")).await;
    let etag = first.etag.clone().unwrap();
    let again = get("/v1/products/ocean-blue-shirt").insert_header(("If-None-Match", etag.clone()));
    assert_eq!(ask(&app, again).await.status, 304);

    shop.reserve(shop.db.clock().uuid(), &[(variant, 2)]).await.unwrap();

    let again = get("/v1/products/ocean-blue-shirt").insert_header(("If-None-Match", etag));
    let now = ask(&app, again).await;
    assert_eq!((now.status, &now.body["variants"][0]["available"]), (200, &json!(48)));
    assert_eq!(ask(&app, get("/v1/products")).await.body["data"][0]["variants"][0]["available"], 48);
    let path = format!("/v1/admin/products/{}", made.text("/id"));
    ask(&app, staff(TestRequest::delete().uri(&path))).await;
    assert_eq!(ask(&app, get("/v1/products/ocean-blue-shirt")).await.status, 404);
}

#[actix_web::test]
async fn an_answer_that_is_kept_asks_no_database() {
    let shop = Shop::open().await;
    let app = serve!(shop);
    ask(&app, post("/v1/admin/products", shirt())).await;
    let first = ask(&app, get("/v1/products?limit=20")).await;
    let before = shop.db.stats().counts();
    let second = ask(&app, get("/v1/products?limit=20")).await;
    assert_eq!((first.body, shop.db.stats().counts()), (second.body, before));
}

#[actix_web::test]
async fn a_page_leads_to_the_next() {
    let shop = Shop::open().await;
    let app = serve!(shop);
    for number in 0..3 {
        shop.sells(&format!("mug{number}"), 1).await;
    }
    let first = ask(&app, get("/v1/products?limit=2")).await;
    assert_eq!(first.body["data"].as_array().unwrap().len(), 2);
    let next = format!("/v1/products?limit=2&after={}", first.text("/nextCursor"));
    let second = ask(&app, get(&next)).await;
    assert_eq!((second.text("/data/0/slug"), &second.body["hasMore"]), ("mug0", &json!(false)));
}

#[actix_web::test]
async fn a_change_names_the_version_it_is_meant_for() {
    let shop = Shop::open().await;
    let app = serve!(shop);
    let made = ask(&app, post("/v1/admin/products", shirt())).await;
    let path = format!("/v1/admin/products/{}", made.text("/id"));
    let patch = |etag: Option<&str>| {
        let request =
            staff(TestRequest::patch().uri(&path)).set_json(json!({"title": "Shirt", "vendor": null}));
        match etag {
            Some(etag) => request.insert_header(("If-Match", etag)),
            None => request,
        }
    };
    assert_eq!(ask(&app, patch(None)).await.status, 428);
    assert_eq!(ask(&app, patch(Some("\"v7\""))).await.status, 412);
    let changed = ask(&app, patch(Some("\"v1\""))).await;
    assert_eq!((changed.status, changed.text("/title")), (200, "Shirt"));
    assert_eq!(changed.etag.unwrap(), "\"v2\"");

    let path = format!("/v1/admin/variants/{}", made.text("/variants/0/id"));
    let change = staff(TestRequest::patch().uri(&path)).set_json(json!({"sku": null}));
    let changed = ask(&app, change.insert_header(("If-Match", "\"v1\""))).await;
    assert_eq!((changed.status, &changed.body["sku"]), (200, &Value::Null));
    assert_eq!(ask(&app, staff(get(&path))).await.etag.unwrap(), "\"v2\"");
}

#[actix_web::test]
async fn a_refusal_says_where() {
    let shop = Shop::open().await;
    let app = serve!(shop);
    ask(&app, post("/v1/admin/products", shirt())).await;
    let with = |field: &str, value: Value| {
        let mut body = shirt();
        body[field] = value;
        post("/v1/admin/products", body)
    };
    let expected = [
        (with("title", json!("")), (422, "invalid_product", "/title")),
        (post("/v1/admin/products", shirt()), (409, "sku_taken", "/variants/0/sku")),
        (with("variants", json!([])), (422, "invalid_product", "/variants")),
        (with("variants", json!([{"stock": -1}])), (422, "invalid_product", "/variants/0/stock")),
        (with("variants", json!([{"price": 1}])), (422, "invalid_body", "/variants/0/price")),
        (with("status", json!("gone")), (422, "invalid_body", "/status")),
        (with("images", json!([{"url": "javascript:1"}])), (422, "invalid_product", "/images/0/url")),
    ];
    for (request, refusal) in expected {
        assert_eq!(ask(&app, request).await.refusal(), refusal);
    }
    let taken = post("/v1/admin/products", json!({"title": "X", "slug": "ocean-blue-shirt"}));
    assert_eq!(ask(&app, taken).await.refusal(), (409, "slug_taken", "/slug"));
    for path in ["/v1/products/nothing", "/v1/products/%00", "/v1/products/cart_01h455vb4pex5vsknk084sn02q"] {
        assert_eq!(ask(&app, get(path)).await.status, 404, "{path}");
    }
    assert_eq!(ask(&app, get("/v1/products?color=red")).await.refusal().1, "invalid_parameter");
    assert_eq!(ask(&app, get("/v1/products/x?limit=1")).await.refusal().1, "invalid_parameter");
    assert_eq!(ask(&app, get("/v1/products?currency=XXX")).await.refusal().1, "invalid_parameter");
}

#[actix_web::test]
async fn nobody_does_what_was_not_granted() {
    let shop = Shop::open().await;
    let app = serve!(shop);
    let granted = ("Authorization", "Bearer products:read,stock:read");
    for path in ["/v1/admin/products", "/v1/admin/stock-levels/adjust", "/v1/admin/imports"] {
        let body = match path {
            "/v1/admin/products" => shirt(),
            "/v1/admin/imports" => json!({"csv": ""}),
            _ => json!({"variantId": "var_01h455vb4pex5vsknk084sn02q", "delta": 1, "reason": "x"}),
        };
        let asked = TestRequest::post().uri(path).set_json(body).insert_header(granted);
        assert_eq!(ask(&app, asked).await.refusal().1, "permission_missing", "{path}");
    }
    assert_eq!(ask(&app, get("/v1/admin/products")).await.status, 401);
    assert_eq!(ask(&app, get("/v1/admin/products").insert_header(granted)).await.status, 200);
}

#[actix_web::test]
async fn stock_is_looked_after_over_http() {
    let shop = Shop::open().await;
    let app = serve!(shop);
    let made = ask(&app, post("/v1/admin/products", shirt())).await;
    let variant = made.text("/variants/0/id");
    shop.reserve(shop.db.clock().uuid(), &[(variant.parse().unwrap(), 49)]).await.unwrap();
    let adjust = |delta: i64| {
        let body = json!({"variantId": variant, "delta": delta, "reason": "broken"});
        post("/v1/admin/stock-levels/adjust", body)
    };
    assert_eq!(ask(&app, adjust(-2)).await.refusal().1, "insufficient_stock");
    let keyed = || adjust(-1).insert_header(("Idempotency-Key", "once"));
    let first = ask(&app, keyed()).await;
    assert_eq!((first.status, &first.body["onHand"], &first.body["available"]), (200, &json!(49), &json!(0)));
    assert_eq!(ask(&app, keyed()).await.body, first.body);

    let levels = ask(&app, staff(get(&format!("/v1/admin/stock-levels?variantId={variant}")))).await;
    assert_eq!(levels.body["data"][0]["onHand"], 49);
    let moves = ask(&app, staff(get(&format!("/v1/admin/stock-movements?variantId={variant}")))).await;
    let kinds: Vec<_> =
        moves.body["data"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, ["adjusted", "received"]);
    let held = ask(&app, staff(get("/v1/admin/reservations?status=held"))).await;
    assert_eq!(held.body["data"][0]["items"][0]["quantity"], 49);
    let location = ask(&app, post("/v1/admin/stock-locations", json!({"name": "Main"}))).await;
    assert_eq!(location.refusal(), (409, "stock_location_exists", "/name"));
}

#[actix_web::test]
async fn a_file_is_previewed_and_confirmed() {
    let shop = Shop::open().await;
    let app = serve!(shop);
    let file = |price: &str| json!({"csv": format!("Handle,Title,Variant Price\nmug,Mug,{price}\n"), "currency": "EUR"});
    let bad = ask(&app, post("/v1/admin/imports", file("x"))).await;
    assert_eq!(
        (bad.status, bad.text("/status"), bad.text("/errors/0/column")),
        (201, "refused", "Variant Price")
    );
    let confirm = |said: &Said| confirmed(&format!("/v1/admin/imports/{}/confirm", said.text("/id")));
    assert_eq!(ask(&app, confirm(&bad)).await.refusal().1, "import_refused");

    let good = ask(&app, post("/v1/admin/imports", file("9.99"))).await;
    assert_eq!(good.text("/status"), "previewed");
    let done = ask(&app, confirm(&good)).await;
    assert_eq!((done.status, done.text("/status")), (200, "completed"));
    let shown = ask(&app, get("/v1/products/mug?currency=EUR")).await;
    assert_eq!(shown.body["variants"][0]["price"]["amount"], 999);
    let wide = json!({"csv": ",".repeat(2_000_000)});
    assert_eq!(ask(&app, post("/v1/admin/imports", wide)).await.refusal(), (422, "invalid_import", "/csv"));
}
