//! Bad input gets a clear answer and changes nothing: the examples of the threat model's section 7, family by family,
//! and what else of the same kind came to mind.

mod access;
mod conditions;
mod described;
mod shape;
mod values;
mod wire;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, text};

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
        // A module that is none of ours counts for itself.
        for (module, sql) in HELD.into_iter().filter(|(module, _)| self.world.is_ours(module)) {
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
