//! Bad input gets a clear answer and changes nothing: the examples of the threat model's section 7, family by family,
//! and what else of the same kind came to mind.

mod wire;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, address, text};

/// What a shop holds, in numbers: whatever a refused request left behind shows in one of them.
const HELD: [(&str, &str); 23] = [
    ("user", "SELECT COUNT(*) FROM accounts"),
    ("user", "SELECT COUNT(*) FROM addresses"),
    ("user", "SELECT COUNT(*) FROM roles"),
    ("user", "SELECT COUNT(*) FROM events"),
    ("product", "SELECT COUNT(*) FROM products"),
    ("product", "SELECT CAST(COALESCE(SUM(version), 0) AS BIGINT) FROM products"),
    ("product", "SELECT COUNT(*) FROM variants"),
    ("product", "SELECT CAST(COALESCE(SUM(version), 0) AS BIGINT) FROM variants"),
    ("product", "SELECT COUNT(*) FROM prices"),
    ("product", "SELECT CAST(COALESCE(SUM(on_hand), 0) AS BIGINT) FROM stock_levels"),
    ("product", "SELECT CAST(COALESCE(SUM(reserved), 0) AS BIGINT) FROM stock_levels"),
    ("product", "SELECT COUNT(*) FROM stock_movements"),
    ("product", "SELECT COUNT(*) FROM events"),
    ("payment", "SELECT COUNT(*) FROM intents"),
    ("payment", "SELECT COUNT(*) FROM movements"),
    ("payment", "SELECT COUNT(*) FROM webhook_events"),
    ("payment", "SELECT COUNT(*) FROM events"),
    ("order", "SELECT COUNT(*) FROM carts"),
    ("order", "SELECT CAST(COALESCE(SUM(version), 0) AS BIGINT) FROM carts"),
    ("order", "SELECT COUNT(*) FROM orders"),
    ("order", "SELECT COUNT(*) FROM fulfillments"),
    ("order", "SELECT COUNT(*) FROM shipping_options"),
    ("order", "SELECT COUNT(*) FROM events"),
];

/// A shop with one of everything.
struct Fixture {
    world: World,
    variant: String,
    product: Value,
    cart: String,
    token: String,
    item: String,
    ada: String,
    order: Value,
    intent: String,
}

/// A request, and the refusal it deserves.
struct Bad {
    method: Method,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
    status: u16,
    code: &'static str,
    pointer: Option<&'static str>,
}

impl Fixture {
    async fn open() -> Self {
        let world = World::open().await;
        let variant = world.on_sale("CUP", 1000, 50).await;
        let product =
            world.get("/v1/admin/products?q=CUP").staff().send().await.expect(200)["data"][0].clone();
        let ada = world.customer("ada@example.com").await;
        let order = world.order_of(&variant, 2);
        let order = world.post("/v1/checkout", &order).bearer(&ada).fresh_key().send().await.expect(201);
        let path = format!("/v1/admin/payment-intents?orderId={}", text(&order["id"]));
        let intents = world.get(&path).staff().send().await.expect(200);
        let (cart, token) = world.ready_cart(&variant, 1).await;
        let shown = world.get(&format!("/v1/carts/{cart}")).cart(&token).send().await.expect(200);
        world.eventually("the sale", async || world.stock(&variant).await["onHand"] == 48).await;
        let fixture = Self {
            variant,
            product,
            cart,
            token,
            item: text(&shown["items"][0]["id"]),
            ada,
            order,
            intent: text(&intents["data"][0]["id"]),
            world,
        };
        fixture.calm().await;
        fixture
    }

    /// Waits until the events of what was done before have arrived everywhere.
    async fn calm(&self) {
        let mut before = self.held().await;
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            let now = self.held().await;
            if now == before {
                return;
            }
            before = now;
        }
    }

    async fn held(&self) -> Vec<(&'static str, i64)> {
        let mut held = Vec::new();
        for (module, sql) in HELD {
            let (count,): (i64,) = self.world.database(module).query(sql).one().await.unwrap();
            held.push((sql, count));
        }
        held
    }

    /// Sends all of them. Every one is refused as it deserves, the shop goes on, and nothing is left behind.
    async fn refuses(self, requests: Vec<Bad>) {
        let before = self.held().await;
        let mut wrong = Vec::new();
        for (row, bad) in requests.into_iter().enumerate() {
            let what = format!("{row}: {} {:.120}", bad.method, bad.path);
            let body = bad.body.clone().unwrap_or_default();
            let body = String::from_utf8_lossy(&body[..body.len().min(160)]).into_owned();
            if let Err(fault) = self.send(bad).await {
                wrong.push(format!("{what} {body}\n    {fault}"));
            }
            let next = self.world.get("/v1/products?limit=1").send().await;
            assert_eq!(next.status, 200, "the shop does not answer after {what}");
        }
        assert!(wrong.is_empty(), "{} are answered otherwise:\n{}", wrong.len(), wrong.join("\n"));
        self.calm().await;
        assert_eq!(self.held().await, before);
        self.world.close().await;
    }

    async fn send(&self, bad: Bad) -> Result<(), String> {
        let ask = self.world.ask(bad.method.clone(), &bad.path).with(|mut request| {
            for (name, value) in bad.headers {
                request = request.header(name, value);
            }
            match bad.body {
                Some(body) => request.body(body),
                None => request,
            }
        });
        let reply = ask.send().await;
        if reply.status.as_u16() != bad.status || reply.body["code"] != bad.code {
            return Err(format!(
                "{} {:.300} instead of {} {}",
                reply.status,
                reply.body.to_string(),
                bad.status,
                bad.code
            ));
        }
        if let Some(pointer) = bad.pointer
            && reply.body["errors"][0]["pointer"] != pointer
        {
            return Err(format!("{} does not point to {pointer}", reply.body));
        }
        reply.problem(bad.status);
        Ok(())
    }

    fn patch_cart(&self, body: &Value) -> Bad {
        Bad::new(Method::PATCH, &format!("/v1/carts/{}", self.cart))
            .header("x-cart-token", &self.token)
            .json(body)
    }

    fn add_to_cart(&self, body: &Value) -> Bad {
        let path = format!("/v1/carts/{}/items", self.cart);
        Bad::new(Method::POST, &path).header("x-cart-token", &self.token).json(body)
    }

    fn refund(&self, amount: &Value) -> Bad {
        let body = json!({ "paymentIntentId": self.intent, "amount": amount, "reason": "broken" });
        self.staff(Method::POST, "/v1/admin/refunds").fresh_key().json(&body)
    }

    fn staff(&self, method: Method, path: &str) -> Bad {
        Bad::new(method, path).header("authorization", &format!("Bearer {}", self.world.owner()))
    }

    fn product(&self) -> String {
        format!("/v1/admin/products/{}", text(&self.product["id"]))
    }
}

impl Bad {
    fn new(method: Method, path: &str) -> Self {
        let path = path.to_owned();
        Self { method, path, headers: Vec::new(), body: None, status: 0, code: "", pointer: None }
    }

    fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    fn post(path: &str) -> Self {
        Self::new(Method::POST, path)
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    fn fresh_key(self) -> Self {
        let key = format!("{:032x}", rand::random::<u128>());
        self.header("idempotency-key", &key)
    }

    fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    fn raw(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("content-type", "application/json").bytes(body)
    }

    fn json(self, body: &Value) -> Self {
        self.raw(body.to_string())
    }

    fn is(mut self, status: u16, code: &'static str) -> Self {
        (self.status, self.code) = (status, code);
        self
    }

    fn at(mut self, pointer: &'static str) -> Self {
        self.pointer = Some(pointer);
        self
    }
}

fn checkout(body: &Value) -> Bad {
    Bad::post("/v1/checkout").fresh_key().json(body)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_in_the_wrong_way_is_told_so() {
    let shop = Fixture::open().await;
    let random = Method::from_bytes(&[b'Q'; 60]).unwrap();
    let cart = json!({ "currency": "USD" }).to_string();
    let rows = vec![
        Bad::new(Method::TRACE, "/v1/orders").is(405, "method_not_allowed"),
        Bad::new(Method::OPTIONS, "/v1/orders").is(405, "method_not_allowed"),
        Bad::new(Method::from_bytes(b"FOO").unwrap(), "/v1/products").is(405, "method_not_allowed"),
        Bad::new(random, "/v1/products").is(405, "method_not_allowed"),
        Bad::new(Method::PUT, "/v1/carts").is(405, "method_not_allowed"),
        Bad::get("/v1/orders/").is(404, "not_found"),
        Bad::get("//v1//orders").is(404, "not_found"),
        Bad::get("/V1/orders").is(404, "not_found"),
        Bad::get("/v1/nothing").is(404, "not_found"),
        Bad::get("/").is(404, "not_found"),
        Bad::get("/v1/products/%C0%AE").is(400, "malformed_url"),
        Bad::get("/v1/products/%ED%A0%80").is(400, "malformed_url"),
        Bad::get("/v1/products/%zz").is(400, "malformed_url"),
        Bad::get("/v1/products/%00").is(404, "not_found"),
        Bad::get("/v1/products").header("accept", "application/xml").is(406, "not_acceptable"),
        Bad::post("/v1/carts")
            .header("content-type", "text/plain")
            .bytes(cart.clone())
            .is(415, "unsupported_media_type"),
        Bad::post("/v1/carts").bytes(cart.clone()).is(415, "unsupported_media_type"),
        Bad::post("/v1/carts")
            .header("content-type", "application/x-www-form-urlencoded")
            .bytes("currency=USD")
            .is(415, "unsupported_media_type"),
        Bad::post("/v1/carts")
            .raw(cart)
            .header("content-type", "text/plain")
            .is(415, "unsupported_media_type"),
    ];
    shop.refuses(rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_refused_without_being_read() {
    let shop = Fixture::open().await;
    let cart = |body: String| Bad::post("/v1/carts").raw(body);
    let keys = (0..5_000).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>().join(",");
    let zeros = format!("{{\"currency\":\"USD\",\"items\":[{}0]}}", "0,".repeat(30_000));
    let long = "x".repeat(60 * 1024);
    let register = json!({ "email": "new@example.com", "password": "correct horse battery", "name": long });
    let import = |csv: String| shop.staff(Method::POST, "/v1/admin/imports").json(&json!({ "csv": csv }));
    let small = json!({ "currency": "USD" }).to_string();
    let many_columns = format!("Handle,Title{}\n", ",x".repeat(10_000));
    let long_line = format!("Handle,Title\nmug,{}\n", "x".repeat(2 * 1024 * 1024));
    let orders = shop.world.get("/v1/admin/products?limit=1&status=active").staff().send().await.expect(200);
    let cursor = text(&orders["nextCursor"]);
    let rows = vec![
        cart(format!("{{\"currency\":\"USD\"{}}}", " ".repeat(64 * 1024))).is(413, "body_too_large"),
        cart("0,".repeat(1_000_000)).is(413, "body_too_large"),
        cart(format!("{{{keys}}}")).is(422, "invalid_body"),
        cart(zeros).is(422, "invalid_body").at("/items/0"),
        cart(format!("{{\"currency\":\"USD\",\"items\":{}{}}}", "[".repeat(33), "]".repeat(33)))
            .is(400, "malformed_json"),
        cart("[".repeat(60_000)).is(400, "malformed_json"),
        Bad::post("/v1/auth/register").json(&register).is(422, "invalid_body").at("/name"),
        shop.patch_cart(&json!({ "email": long })).is(422, "invalid_email").at("/email"),
        cart(small.clone()).header("content-encoding", "gzip").is(415, "unsupported_media_type"),
        cart(small.clone()).header("content-encoding", "br").is(415, "unsupported_media_type"),
        cart(small).header("content-encoding", "gzip, gzip").is(415, "unsupported_media_type"),
        Bad::get(&format!("/v1/products?after={}", "A".repeat(10 * 1024))).is(414, "url_too_long"),
        Bad::get(&format!("/v1/products?after={}", "A".repeat(3 * 1024))).is(400, "invalid_cursor"),
        Bad::get("/v1/products?after=bm9uc2Vuc2U").is(400, "invalid_cursor"),
        Bad::get(&format!("/v1/products?after={cursor}x")).is(400, "invalid_cursor"),
        Bad::get(&format!("/v1/products?after=x{cursor}")).is(400, "invalid_cursor"),
        Bad::get("/v1/products?limit=0").is(400, "invalid_parameter"),
        Bad::get("/v1/products?limit=101").is(400, "invalid_parameter"),
        Bad::get("/v1/products?limit=-1").is(400, "invalid_parameter"),
        Bad::get("/v1/products?limit=99999999999999999999").is(400, "invalid_parameter"),
        import(many_columns).is(422, "invalid_import").at("/csv"),
        import(long_line).is(422, "invalid_import").at("/csv"),
        import("x".repeat(17 * 1024 * 1024)).is(413, "body_too_large"),
        import("not a table".into()).is(422, "invalid_import").at("/csv"),
    ];
    shop.refuses(rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_read_in_two_ways_is_not_read() {
    let shop = Fixture::open().await;
    let cart = |body: &[u8]| Bad::post("/v1/carts").raw(body);
    let utf16: Vec<u8> = "{\"currency\":\"USD\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut rows: Vec<Bad> = [
        "",
        " ",
        "{\"currency\":\"USD\",}",
        "{\"currency\":\"USD\"} // sold",
        "{/* */\"currency\":\"USD\"}",
        "{\"currency\":NaN}",
        "{\"currency\":Infinity}",
        "{\"currency\":1.}",
        "{\"currency\":.5}",
        "{\"currency\":01}",
        "{'currency':'USD'}",
        "{currency:\"USD\"}",
        "\u{feff}{\"currency\":\"USD\"}",
        "{\"currency\":\"USD\"}{\"currency\":\"EUR\"}",
        "{\"currency\":\"US",
        "{\"currency\":\"\\ud800\"}",
        "{\"currency\":\"U\u{0}SD\"}",
    ]
    .iter()
    .map(|body| cart(body.as_bytes()).is(400, "malformed_json"))
    .collect();
    rows.extend(["null", "[]", "\"x\"", "1"].map(|body| cart(body.as_bytes()).is(422, "invalid_body")));
    let unknown = |field: &str| {
        cart(format!("{{\"currency\":\"USD\",\"{field}\":1}}").as_bytes()).is(422, "invalid_body")
    };
    rows.extend([
        cart(&utf16).is(400, "malformed_json"),
        cart(b"{\"currency\":\"\xC3\x28\"}").is(400, "malformed_json"),
        unknown("Currency").at("/Currency"),
        unknown("total").at("/total"),
        unknown("__proto__").at("/__proto__"),
        // A Cyrillic letter in place of one that looks like it.
        unknown("\u{456}tems").at("/\u{456}tems"),
        cart(b"{\"currency\":\"USD\",\"currency\":\"EUR\"}").is(422, "invalid_body").at("/currency"),
        Bad::get("/v1/products?filter[a][b][c]=1").is(400, "invalid_parameter"),
        Bad::get("/v1/products?limit=5&limit=5").is(400, "invalid_parameter"),
        Bad::get("/v1/products/%2565").is(404, "not_found"),
        Bad::get("/v1/products/%25252e%25252e").is(404, "not_found"),
    ]);
    shop.refuses(rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_of_another_type_is_never_coerced() {
    let shop = Fixture::open().await;
    let mut rows = Vec::new();
    for quantity in ["\"1\"", "1.0", "1.5", "1e0", "true", "null", "[1]", "{}", "9223372036854775808"] {
        let body = format!("{{\"variantId\":\"{}\",\"quantity\":{quantity}}}", shop.variant);
        let mut bad = shop.add_to_cart(&Value::Null);
        bad.body = Some(body.into_bytes());
        rows.push(bad.is(422, "invalid_body").at("/quantity"));
    }
    let upper = shop.variant.to_uppercase();
    let (longer, braces) = (format!("{}0", shop.variant), format!("{{{}}}", shop.variant));
    let bare = "00000000-0000-0000-0000-000000000000";
    for id in
        [json!(123), json!(bare), json!(upper), json!(braces), json!(longer), json!(shop.cart), json!("")]
    {
        let body = json!({ "variantId": id, "quantity": 1 });
        rows.push(shop.add_to_cart(&body).is(422, "invalid_body").at("/variantId"));
    }
    let nobodys = json!({ "variantId": "var_00000000000000000000000000", "quantity": 1 });
    rows.push(shop.add_to_cart(&nobodys).is(422, "variant_unavailable"));
    for currency in ["eur", "XXX", "EURO", "€", "DEM", "", "US\u{0}"] {
        rows.push(
            Bad::post("/v1/carts")
                .json(&json!({ "currency": currency }))
                .is(422, "invalid_body")
                .at("/currency"),
        );
    }
    for currency in ["eur", "XXX", "EURO", "%E2%82%AC", "DEM"] {
        rows.push(
            Bad::get(&format!("/v1/products?currency={currency}"))
                .is(400, "invalid_parameter")
                .at("/currency"),
        );
    }
    for value in [json!("yes"), json!(0), json!("true"), json!(null)] {
        let body = json!({ "title": "Mug", "variants": [{ "sku": "MUG", "taxable": value }] });
        let bad = shop.staff(Method::POST, "/v1/admin/products").json(&body);
        rows.push(bad.is(422, "invalid_body").at("/variants/0/taxable"));
    }
    let email = format!("a@{}", "a.".repeat(2_500));
    for email in
        [email.as_str(), "ada", "ada@", "@example.com", "a@b@c.de", "ada@example.com\r\nBcc: eve@example.com"]
    {
        let body = json!({ "email": email, "password": "correct horse battery", "name": "Ada" });
        rows.push(Bad::post("/v1/auth/register").json(&body).is(422, "invalid_body").at("/email"));
        rows.push(shop.patch_cart(&json!({ "email": email })).is(422, "invalid_email").at("/email"));
    }
    let with = |field: &str, value: &str| {
        let mut address = address();
        address[field] = json!(value);
        json!({ "shippingAddress": address })
    };
    let at = "/shippingAddress/phone";
    rows.push(shop.patch_cart(&with("phone", "call me")).is(422, "invalid_address").at(at));
    rows.push(shop.patch_cart(&with("phone", &"1".repeat(1000))).is(422, "invalid_address").at(at));
    for country in ["us", "USA", "U", "Ü", ""] {
        let bad = shop.patch_cart(&with("country", country));
        rows.push(bad.is(422, "invalid_address").at("/shippingAddress/country"));
    }
    for name in ["", "   ", "Ada\r\nBcc: eve@example.com", "Ada\u{0}"] {
        rows.push(
            shop.patch_cart(&with("name", name)).is(422, "invalid_address").at("/shippingAddress/name"),
        );
    }
    shop.refuses(rows).await;
}

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
async fn keys_versions_and_states_are_insisted_on() {
    let shop = Fixture::open().await;
    let used = shop.world.order_of(&shop.variant, 1);
    let order = shop.world.post("/v1/checkout", &used).key("used").send().await.expect(201);
    let cancel = format!("/v1/admin/orders/{}/cancel", text(&order["id"]));
    shop.world.post(&cancel, &json!({})).staff().send().await.expect(200);
    let path = format!("/v1/admin/orders/{}", text(&order["id"]));
    let world = &shop.world;
    let refunded = async || world.get(&path).staff().send().await.expect(200)["paymentStatus"] == "refunded";
    world.eventually("the refund", refunded).await;
    shop.calm().await;

    let body = shop.world.order_of(&shop.variant, 1);
    let buy = |keys: &[&str]| {
        let bad = Bad::post("/v1/checkout").json(&body);
        keys.iter().fold(bad, |bad, key| bad.header("idempotency-key", key))
    };
    let (full, long) = ("k".repeat(255), "k".repeat(256));
    let other = shop.world.order_of(&shop.variant, 2);
    let change = |tag: &str| {
        let bad = shop.staff(Method::PATCH, &shop.product()).json(&json!({ "title": "Other" }));
        if tag.is_empty() { bad } else { bad.header("if-match", tag) }
    };
    let parcel = json!({
        "orderId": order["id"], "items": [{ "orderItemId": order["items"][0]["id"], "quantity": 1 }],
    });
    let capture = format!("/v1/admin/payment-intents/{}/capture", shop.intent);
    let refund = json!({ "paymentIntentId": shop.intent, "amount": { "amount": 1, "currency": "USD" }, "reason": "r" });
    let rows = vec![
        buy(&[]).is(400, "idempotency_key_required"),
        shop.staff(Method::POST, "/v1/admin/refunds").json(&refund).is(400, "idempotency_key_required"),
        buy(&[""]).is(400, "invalid_idempotency_key"),
        buy(&[&long]).is(400, "invalid_idempotency_key"),
        buy(&[&format!("{full}\"")]).is(400, "invalid_idempotency_key"),
        buy(&["one, two"]).is(400, "invalid_idempotency_key"),
        buy(&["one", "two"]).is(400, "invalid_idempotency_key"),
        buy(&["schlüssel"]).is(400, "invalid_idempotency_key"),
        buy(&["a\tb"]).is(400, "invalid_idempotency_key"),
        Bad::post("/v1/checkout")
            .json(&other)
            .header("idempotency-key", "used")
            .is(422, "idempotency_key_reused"),
        Bad::post("/v1/checkout")
            .json(&other)
            .header("idempotency-key", "\"used\"")
            .is(422, "idempotency_key_reused"),
        change("").is(428, "precondition_required"),
        change("\"v9\"").is(412, "precondition_failed"),
        change("W/\"v1\"").is(412, "precondition_failed"),
        change("nonsense").is(412, "precondition_failed"),
        shop.staff(Method::POST, "/v1/admin/fulfillments").json(&parcel).is(409, "invalid_transition"),
        shop.staff(Method::POST, &capture)
            .header("idempotency-key", "c")
            .json(&json!({}))
            .is(409, "invalid_transition"),
    ];
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
    rows.push(shop.staff(Method::GET, "/v1/admin/stock-levels?variantId=*").is(400, "invalid_parameter"));
    let quoted = shop.world.get("/v1/admin/products?q='%20OR%20'1'='1").staff().send().await.expect(200);
    assert_eq!(quoted["data"], json!([]));
    shop.refuses(rows).await;
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
async fn conditions_and_ranges_give_the_whole_answer_or_none() {
    let world = World::open().await;
    world.on_sale("CUP", 1000, 1).await;
    let ada = world.customer("ada@example.com").await;
    let tags = (0..1000).map(|n| format!("\"v{n}\"")).collect::<Vec<_>>().join(", ");
    let ranges = format!("bytes={}", vec!["0-"; 1000].join(","));
    for (name, value) in [
        ("if-none-match", tags.as_str()),
        ("if-none-match", "nonsense"),
        ("range", ranges.as_str()),
        ("range", "bytes=9-1"),
        ("range", "bytes=0-99999999999999999999"),
    ] {
        world.get("/v1/products").header(name, value).send().await.expect(200);
    }

    let shared = world.get("/v1/products").send().await;
    let own = world.get("/v1/products").bearer(&ada).send().await;
    assert_eq!(own.headers["vary"], "authorization");
    assert!(own.headers["cache-control"].to_str().unwrap().starts_with("private"), "{:?}", own.headers);
    let head = world.ask(Method::HEAD, "/v1/products").send().await;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
    assert_eq!(head.headers["etag"], shared.headers["etag"]);
    world.close().await;
}
