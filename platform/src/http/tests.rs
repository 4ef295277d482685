//! A small shop behind the frame, asked badly in every way we know of.

mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::test::{self, TestRequest};
use actix_web::web::{self, Data};
use actix_web::{App, Error, body::MessageBody, get, patch, post};
use kernel::call::BoxFuture;
use kernel::{Clock, Page, Principal};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::*;

/// How often a handler was reached.
type Reached = Data<AtomicUsize>;

struct Order;
impl kernel::Entity for Order {
    const PREFIX: &'static str = "ord";
}

const ORDER: &str = "/v1/orders/ord_01h455vb4pex5vsknk084sn02q";

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OrderBody {
    quantity: u32,
    #[serde(default)]
    #[expect(dead_code, reason = "only its shape is tested")]
    note: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct OrderView {
    quantity: u32,
}

#[derive(Serialize, ToSchema)]
struct RefundView {
    by: String,
}

/// Reads an order
#[utoipa::path(responses((status = 200, body = OrderView)))]
#[get("/v1/orders/{id}")]
async fn read_order(_: PathId<Order>, caller: Caller, reached: Reached) -> Result<Answer, Problem> {
    reached.fetch_add(1, Ordering::SeqCst);
    tracing::debug!(request = %caller.request_id(), "read");
    Ok(Answer::ok(&OrderView { quantity: 1 }).with_etag(3))
}

#[utoipa::path(responses((status = 200, body = PageView<OrderView>)))]
#[get("/v1/orders")]
async fn list_orders(params: Params<PageParams>, reached: Reached) -> Result<Answer, Problem> {
    let request = page_request::<u32>("orders", params.0.limit, params.0.after.as_deref())?;
    reached.fetch_add(1, Ordering::SeqCst);
    let first = request.after.unwrap_or(0) + 1;
    let items = (first..=first + request.limit).map(|quantity| OrderView { quantity }).collect();
    let page = Page::cut(items, request.limit);
    Ok(Answer::ok(&PageView::new("orders", page, |last| last.quantity)?))
}

#[utoipa::path(request_body = OrderBody, responses((status = 201, body = OrderView)))]
#[post("/v1/orders")]
async fn create_order(command: Command<OrderBody>, reached: Reached) -> Result<Answer, Problem> {
    reached.fetch_add(1, Ordering::SeqCst);
    Ok(Answer::created(ORDER, &OrderView { quantity: command.body.quantity }))
}

#[utoipa::path(request_body = OrderBody, responses((status = 200, body = OrderView)))]
#[patch("/v1/orders/{id}")]
async fn change_order(
    _: PathId<Order>,
    expected: IfMatch,
    _: Command<OrderBody>,
    reached: Reached,
) -> Result<Answer, Problem> {
    expected.check(3)?;
    reached.fetch_add(1, Ordering::SeqCst);
    Ok(Answer::no_content())
}

#[utoipa::path(responses((status = 200, body = RefundView)))]
#[post("/v1/admin/refunds")]
async fn refund(command: Command<()>, reached: Reached) -> Result<Answer, Problem> {
    let staff = command.caller.require("refunds:write")?;
    let key = command.require_key()?;
    reached.fetch_add(1, Ordering::SeqCst);
    Ok(Answer::ok(&RefundView { by: format!("{staff} {} {}", key.scope, key.operation) }))
}

const FILES: LargeBody = LargeBody { most: 1024 * 1024, permission: "files:write" };

async fn upload(command: Command<OrderBody>, reached: Reached) -> Result<Answer, Problem> {
    command.caller.require(FILES.permission)?;
    reached.fetch_add(1, Ordering::SeqCst);
    Ok(Answer::no_content())
}

#[utoipa::path(responses((status = 200)))]
#[get("/v1/panics")]
async fn panics() -> Result<Answer, Problem> {
    panic!("the till is on fire")
}

struct Tokens;
impl Authenticate for Tokens {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Principal, Problem>> {
        Box::pin(async move {
            match token {
                "clerk" => {
                    Ok(Principal::Staff { account: Uuid::nil(), permissions: vec!["refunds:write".into()] })
                }
                "archivist" => {
                    Ok(Principal::Staff { account: Uuid::nil(), permissions: vec!["files:write".into()] })
                }
                "customer" => Ok(Principal::Customer { account: Uuid::nil() }),
                _ => Err(Problem::unauthorized("invalid_token", "The token is not ours")),
            }
        })
    }
}

fn routes(app: &mut Routes<'_>) {
    app.service(read_order)
        .service(list_orders)
        .service(create_order)
        .service(change_order)
        .service(refund)
        .service(panics);
}

/// Everything a server of ours needs, on a clock that stands still.
macro_rules! shop {
    ($reached:expr) => {{
        let api = Routes::described(routes);
        let clock = Clock::held_at("2026-01-01T00:00:00Z".parse().unwrap());
        App::new()
            .app_data($reached.clone())
            .configure(|app| routes(&mut Routes::of(app)))
            .service(web::resource("/v1/admin/files").app_data(FILES).route(web::post().to(upload)))
            .route("/v1/web-error", web::get().to(|_: web::Json<Value>| async { "no" }))
            .configure(|app| Pages::new(&documents(api.clone())).mount(app))
            .wrap(Frame::new(clock, Arc::new(Tokens), &api))
    }};
}
use shop;

fn nobody() -> Reached {
    Data::new(AtomicUsize::new(0))
}

/// The answer as its caller sees it, also when it travelled as an error.
async fn ask<S, B>(app: &S, request: TestRequest) -> (StatusCode, Value, actix_web::http::header::HeaderMap)
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    let response = match app.call(request.to_request()).await {
        Ok(response) => response.into_parts().1.map_into_boxed_body(),
        Err(error) => error.error_response(),
    };
    let (status, headers) = (response.status(), response.headers().clone());
    let body = actix_web::body::to_bytes(response.into_body()).await.unwrap_or_default();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null), headers)
}

fn get_(uri: &str) -> TestRequest {
    TestRequest::get().uri(uri)
}
fn post_(body: &str) -> TestRequest {
    let body = body.to_owned().into_bytes();
    TestRequest::post()
        .uri("/v1/orders")
        .insert_header(("content-type", "application/json"))
        .set_payload(body)
}
fn method(name: &str, uri: &str) -> TestRequest {
    TestRequest::default().method(Method::from_bytes(name.as_bytes()).unwrap()).uri(uri)
}
fn refund_(key: &str) -> TestRequest {
    TestRequest::post()
        .uri("/v1/admin/refunds")
        .insert_header(("authorization", "Bearer clerk"))
        .insert_header(("idempotency-key", key))
}

#[actix_web::test]
async fn what_is_asked_badly_is_refused_before_a_handler_sees_it() {
    let ok = "{\"quantity\":1}";
    let large = format!("{{\"quantity\":1,\"note\":\"{}\"}}", "x".repeat(64 * 1024));
    let long_url = format!("/v1/orders?after={}", "x".repeat(4 * 1024));
    let long_cursor = format!("/v1/orders?after={}", "A".repeat(1024));
    let many = (0..65).fold(get_(ORDER), |request, n| request.insert_header((format!("x-{n}"), "1")));
    let cases = vec![
        (method("TRACE", "/v1/orders"), 405, "method_not_allowed"),
        (method("OPTIONS", "/v1/orders"), 405, "method_not_allowed"),
        (method("FOO", "/v1/orders"), 405, "method_not_allowed"),
        (method("DELETE", ORDER), 405, "method_not_allowed"),
        (get_("/v1/nothing"), 404, "not_found"),
        (get_("/v1/orders/"), 404, "not_found"),
        (get_("//v1//orders"), 404, "not_found"),
        (get_("/V1/orders"), 404, "not_found"),
        (get_("/v1/orders/..%2f..%2fadmin/refunds"), 404, "not_found"),
        (get_("/v1/%2e%2e/admin/refunds"), 404, "not_found"),
        (get_("/v1/orders/prod_01h455vb4pex5vsknk084sn02q"), 404, "not_found"),
        (get_("/v1/orders/ORD_01h455vb4pex5vsknk084sn02q"), 404, "not_found"),
        (get_("/v1/orders/%C0%AE"), 400, "malformed_url"),
        (get_("/v1/orders?after=%ED%A0%80"), 400, "malformed_url"),
        (get_(&long_url), 414, "url_too_long"),
        (many, 431, "headers_too_large"),
        (get_(ORDER).insert_header(("x-fat", "x".repeat(17_000))), 431, "headers_too_large"),
        (get_(ORDER).insert_header(("accept", "application/xml")), 406, "not_acceptable"),
        (get_("/v1/orders?filter[a][b][c]=1"), 400, "invalid_parameter"),
        (get_("/v1/orders?limit=5&limit=5"), 400, "invalid_parameter"),
        (get_("/v1/orders?limit=0"), 400, "invalid_parameter"),
        (get_("/v1/orders?limit=101"), 400, "invalid_parameter"),
        (get_(&long_cursor), 400, "invalid_cursor"),
        (get_("/v1/orders?after=bm9uc2Vuc2U"), 400, "invalid_cursor"),
        (get_("/v1/orders?access_token=clerk"), 401, "invalid_token"),
        (get_(ORDER).insert_header(("authorization", "Bearer forged")), 401, "invalid_token"),
        (get_(ORDER).insert_header(("authorization", "Basic YTpi")), 401, "invalid_token"),
        (get_(ORDER).insert_header(("authorization", "Bearer")), 401, "invalid_token"),
        (get_(ORDER).insert_header(("authorization", "Bearer a b")), 401, "invalid_token"),
        (
            get_(ORDER)
                .append_header(("authorization", "Bearer clerk"))
                .append_header(("authorization", "Bearer x")),
            401,
            "invalid_token",
        ),
        (method("POST", "/v1/admin/refunds"), 401, "authentication_required"),
        (
            method("POST", "/v1/admin/refunds").insert_header(("authorization", "Bearer customer")),
            403,
            "permission_missing",
        ),
        (
            method("POST", "/v1/admin/refunds").insert_header(("authorization", "bearer clerk")),
            400,
            "idempotency_key_required",
        ),
        (refund_(""), 400, "invalid_idempotency_key"),
        (refund_(&"k".repeat(256)), 400, "invalid_idempotency_key"),
        (refund_("one, two"), 400, "invalid_idempotency_key"),
        (refund_("one").append_header(("idempotency-key", "two")), 400, "invalid_idempotency_key"),
        (refund_("k\u{fc}"), 400, "invalid_idempotency_key"),
        (refund_("one").set_payload("{}"), 400, "body_not_expected"),
        (post_(""), 400, "malformed_json"),
        (post_("\u{feff}{}"), 400, "malformed_json"),
        (post_("{\"quantity\":1,}"), 400, "malformed_json"),
        (post_("{\"quantity\":1}{\"quantity\":2}"), 400, "malformed_json"),
        (post_(&"[".repeat(60_000)), 400, "malformed_json"),
        (post_("[]"), 422, "invalid_body"),
        (post_("{\"quantity\":\"1\"}"), 422, "invalid_body"),
        (post_("{\"quantity\":1,\"total\":0}"), 422, "invalid_body"),
        (post_("{\"quantity\":1,\"quantity\":2}"), 422, "invalid_body"),
        (post_(&large), 413, "body_too_large"),
        (post_(ok).insert_header(("content-length", "70000")), 413, "body_too_large"),
        (post_(ok).insert_header(("content-encoding", "gzip")), 415, "unsupported_media_type"),
        (post_(ok).insert_header(("content-encoding", "br")), 415, "unsupported_media_type"),
        (post_(ok).insert_header(("content-type", "text/plain")), 415, "unsupported_media_type"),
        (post_(ok).insert_header(("content-type", "multipart/form-data")), 415, "unsupported_media_type"),
        (
            post_(ok).insert_header(("content-type", "application/json; charset=utf-16")),
            415,
            "unsupported_media_type",
        ),
        (post_(ok).append_header(("content-type", "text/plain")), 415, "unsupported_media_type"),
        (TestRequest::post().uri("/v1/orders").set_payload(ok), 415, "unsupported_media_type"),
        (post_(ok).uri(ORDER).method(Method::PATCH), 428, "precondition_required"),
        (
            post_(ok).uri(ORDER).method(Method::PATCH).insert_header(("if-match", "\"v2\"")),
            412,
            "precondition_failed",
        ),
        (
            post_(ok).uri(ORDER).method(Method::PATCH).insert_header(("if-match", "W/\"v3\"")),
            412,
            "precondition_failed",
        ),
        (get_("/v1/web-error"), 400, "bad_request"),
        (get_("/docs/nothing.js"), 404, "not_found"),
    ];

    let reached = nobody();
    let app = test::init_service(shop!(reached)).await;
    for (request, status, code) in cases {
        let request = request.insert_header(("x-request-id", "r-1"));
        let (got, body, headers) = ask(&app, request).await;
        assert_eq!((got.as_u16(), body["code"].as_str()), (status, Some(code)), "{body}");
        assert_eq!(headers.get("content-type").unwrap(), "application/problem+json", "{body}");
        assert_eq!((&body["status"], &body["requestId"]), (&json!(status), &json!("r-1")));
        assert!(body["instance"].as_str().is_some_and(|path| !path.contains('?')), "{body}");
        assert_eq!(headers.get("allow").is_some(), status == 405, "{body}");
        assert_eq!(headers.get("www-authenticate").is_some(), status == 401, "{body}");
        assert_eq!(headers.get("cache-control").unwrap(), "no-store");
        assert_eq!(reached.load(Ordering::SeqCst), 0, "a handler was reached: {body}");
    }
}

#[actix_web::test]
async fn what_is_asked_well_is_answered() {
    let reached = nobody();
    let app = test::init_service(shop!(reached)).await;

    let (status, body, headers) = ask(&app, get_(ORDER).insert_header(("x-request-id", "r-7"))).await;
    assert_eq!((status.as_u16(), body), (200, json!({"quantity": 1})));
    assert_eq!(headers.get("etag").unwrap(), "\"v3\"");
    assert_eq!(headers.get("x-request-id").unwrap(), "r-7");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ] {
        assert_eq!(headers.get(name).unwrap(), value);
    }

    let body = "{\"quantity\":4}";
    let utf8 = post_(body).insert_header(("content-type", "application/json; charset=\"UTF-8\""));
    let (status, answer, headers) = ask(&app, utf8).await;
    assert_eq!((status.as_u16(), answer), (201, json!({"quantity": 4})));
    assert_eq!(headers.get("location").unwrap(), ORDER);

    let (status, answer, _) = ask(&app, refund_("\"k-1\"")).await;
    assert_eq!(status.as_u16(), 200);
    let nil = Uuid::nil();
    assert_eq!(answer["by"], format!("{nil} staff:{nil} POST /v1/admin/refunds"));

    let change = post_(body).uri(ORDER).method(Method::PATCH).insert_header(("if-match", "\"v3\""));
    assert_eq!(ask(&app, change).await.0.as_u16(), 204);
    assert_eq!(reached.load(Ordering::SeqCst), 4);
}

#[actix_web::test]
async fn a_list_is_read_page_by_page() {
    let app = test::init_service(shop!(nobody())).await;
    let (_, first, _) = ask(&app, get_("/v1/orders?limit=2")).await;
    let cursor = first["nextCursor"].as_str().unwrap();
    let (_, second, _) = ask(&app, get_(&format!("/v1/orders?limit=2&after={cursor}"))).await;

    assert_eq!((&first["data"][1], &second["data"][0]), (&json!({"quantity": 2}), &json!({"quantity": 3})));
    assert_eq!(first["hasMore"], true);
}

#[actix_web::test]
async fn a_handler_that_panics_harms_nobody_else() {
    let app = test::init_service(shop!(nobody())).await;
    let (status, body, headers) = ask(&app, get_("/v1/panics").insert_header(("x-request-id", "r-9"))).await;

    assert_eq!(
        (status.as_u16(), &body["code"], &body["requestId"]),
        (500, &json!("internal"), &json!("r-9"))
    );
    assert!(!body.to_string().contains("till"));
    assert_eq!(headers.get("x-request-id").unwrap(), "r-9");
    assert_eq!(ask(&app, get_(ORDER)).await.0.as_u16(), 200);
}

#[actix_web::test]
async fn a_path_says_which_methods_it_has() {
    let app = test::init_service(shop!(nobody())).await;
    let allow = async |uri: &str| {
        let (_, _, headers) = ask(&app, method("DELETE", uri)).await;
        headers.get("allow").unwrap().to_str().unwrap().to_owned()
    };
    assert_eq!(allow("/v1/orders").await, "GET, HEAD, POST");
    assert_eq!(allow(ORDER).await, "GET, HEAD, PATCH");
}

#[actix_web::test]
async fn the_docs_need_nothing_from_elsewhere() {
    let app = test::init_service(shop!(nobody())).await;
    let browser = get_("/docs/").insert_header(("accept", "text/html"));
    let (status, _, headers) = ask(&app, browser).await;
    assert_eq!(status.as_u16(), 200);
    assert!(headers.get("content-security-policy").unwrap().to_str().unwrap().contains("script-src 'self'"));

    let (_, store, _) = ask(&app, get_("/openapi/store.json")).await;
    let (_, admin, _) = ask(&app, get_("/openapi/admin.json")).await;
    let paths = |document: &Value| document["paths"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let schemas = |document: &Value| {
        document["components"]["schemas"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(store["openapi"], "3.1.0");
    assert_eq!(paths(&admin), ["/v1/admin/refunds"]);
    assert_eq!(paths(&store), ["/v1/orders", "/v1/orders/{id}", "/v1/panics"]);
    assert_eq!(schemas(&admin), ["FieldError", "Problem", "RefundView"]);
    assert_eq!(schemas(&store), ["FieldError", "OrderBody", "OrderView", "PageView_OrderView", "Problem"]);
    let post = &store["paths"]["/v1/orders"]["post"];
    assert_eq!(post["parameters"][0]["name"], "Idempotency-Key");
    let problem = &post["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"];
    assert_eq!(problem, "#/components/schemas/Problem");
    assert_eq!(store["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}
