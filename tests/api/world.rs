//! A shop for one test: its own databases, free ports, and somebody to talk to it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use cleave::OpenShop;
use cleave::books::Books;
use cleave::declared::MODULES;
use futures::future::join_all;
use platform::Db;
use platform::testing::forget_streams;
use platform::tls::plain_client;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;
use tokio::process::Command;

use crate::foreign::Foreign;
use crate::placement::{self, Between};

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// An open shop with an owner, and nothing in it: in one process, or taken apart as the environment asks for.
pub(crate) struct World {
    /// The process that is talked to comes first.
    processes: Vec<OpenShop>,
    /// Payment, when it is none of ours.
    foreign: Option<Foreign>,
    client: Client,
    owner: String,
    server: Option<(String, String)>,
    between: Between,
    folder: TempDir,
}

/// An answer: its status, its headers, its body.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub bytes: Vec<u8>,
    pub body: Value,
}

/// A request on its way.
pub(crate) struct Ask<'w> {
    world: &'w World,
    request: reqwest::RequestBuilder,
}

impl World {
    /// Opens a shop as the environment asks for.
    pub(crate) async fn open() -> Self {
        Self::open_with("").await
    }

    /// Opens a shop with these settings on top.
    pub(crate) async fn open_with(settings: &str) -> Self {
        Self::open_as(&placement::groups(), settings).await
    }

    /// Opens a shop in these processes, the first of which is talked to.
    pub(crate) async fn open_as(groups: &[Vec<String>], settings: &str) -> Self {
        Self::open_over(Between::asked(), groups, settings).await
    }

    /// As [`World::open_as`], where processes speak with each other like this.
    pub(crate) async fn open_over(between: Between, groups: &[Vec<String>], settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = postgres();
        let (processes, foreign) = placement::start(folder.path(), groups, &between, |groups| {
            let url = server.as_ref().map_or(String::new(), |(url, name)| {
                format!("[database]\nurl = \"{url}/{name}\"\npool_size = 4\n")
            });
            format!("{url}{groups}[auth.argon2]\nmemory_kib = 64\niterations = 1\n{settings}")
        })
        .await;
        let client = plain_client().unwrap().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        let mut world = Self { processes, foreign, client, owner: String::new(), server, between, folder };
        world.runs("user").modules.hire("owner@shop.example", "Owner", "owner", PASSWORD).await.unwrap();
        world.owner = world.sign_in("owner@shop.example", PASSWORD).await;
        world
    }

    /// The process that runs a module.
    pub(crate) fn runs(&self, module: &str) -> &OpenShop {
        self.processes.iter().find(|process| process.databases.of(module).is_some()).unwrap()
    }

    /// Whether a module is one of those in this workspace.
    pub(crate) fn is_ours(&self, module: &str) -> bool {
        module != "payment" || self.foreign.is_none()
    }

    /// Takes a process down.
    pub(crate) async fn take_down(&mut self, at: usize) {
        self.processes.remove(at).close().await;
    }

    /// Takes a process down and starts it again where it was, with its settings changed.
    pub(crate) async fn restart(&mut self, at: usize, change: impl Fn(String) -> String) {
        let internal = self.internal(at);
        self.take_down(at).await;
        let process = placement::start_again(self.folder.path(), at, internal, change).await;
        self.processes.insert(at, process);
    }

    /// Runs the binary with the settings of a process, for a program.
    pub(crate) async fn command(&self, at: usize, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_cleave"))
            .args(arguments)
            .arg("--json")
            .arg("--config")
            .arg(self.folder.path().join(format!("{at}.toml")))
            .arg("--data")
            .arg(self.folder.path().join("data"))
            .output()
            .await
            .unwrap()
    }

    /// How many processes of ours it has.
    pub(crate) fn processes(&self) -> usize {
        self.processes.len()
    }

    /// Where a process is reached by others.
    pub(crate) fn internal(&self, at: usize) -> SocketAddr {
        self.processes[at].internal()
    }

    /// The same, as it stands in the settings of others.
    pub(crate) fn url(&self, at: usize) -> String {
        let scheme = if self.between.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.internal(at))
    }

    /// Where a process answers probes alone.
    pub(crate) fn probes(&self, at: usize) -> Option<SocketAddr> {
        self.processes[at].probes()
    }

    /// Where its settings and its certificates are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A module's database.
    pub(crate) fn database(&self, module: &str) -> &Db {
        self.runs(module).databases.of(module).unwrap()
    }

    /// A module's database as this process sees it.
    pub(crate) fn database_at(&self, at: usize, module: &str) -> &Db {
        self.processes[at].databases.of(module).unwrap()
    }

    /// The databases of all modules.
    pub(crate) fn databases(&self) -> impl Iterator<Item = &Db> {
        self.processes.iter().flat_map(|process| process.databases.all())
    }

    /// Where it is reached.
    pub(crate) fn public(&self) -> SocketAddr {
        self.processes[0].public()
    }

    /// Closes the shop, whose books must agree whatever a test has done to it, and takes its databases away.
    pub(crate) async fn close(self) {
        let declared = |db: &Db| MODULES.iter().find(|module| module.name == db.module()).unwrap();
        let books = Books::of(self.databases().map(|db| (db, declared(db))));
        let differences = books.differences(Duration::from_secs(20)).await.unwrap();
        assert!(differences.is_empty(), "{differences:?}");
        self.leave().await;
    }

    /// Closes a shop whose modules were not only asked by each other, and takes its databases away.
    pub(crate) async fn leave(self) {
        // It waits for news of orders, which would be waited for in turn.
        drop(self.foreign);
        join_all(self.processes.into_iter().map(OpenShop::close)).await;
        if let Some((url, prefix)) = &self.between.broker {
            forget_streams(url, prefix, &["user", "product", "payment", "order"]).await;
        }
        let Some((url, name)) = self.server else { return };
        let mut admin = PgConnection::connect(&format!("{url}/postgres")).await.unwrap();
        for module in ["user", "product", "payment", "order"] {
            let drop = format!("DROP DATABASE IF EXISTS {name}_{module} WITH (FORCE)");
            admin.execute(sqlx::AssertSqlSafe(drop)).await.unwrap();
            admin.execute(sqlx::AssertSqlSafe(format!("DROP ROLE IF EXISTS {name}_{module}"))).await.unwrap();
        }
    }

    pub(crate) fn get(&self, path: &str) -> Ask<'_> {
        self.ask(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Ask<'_> {
        self.ask(Method::POST, path).with(|request| request.json(body))
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Ask<'_> {
        self.ask(Method::PATCH, path).with(|request| request.json(body))
    }

    pub(crate) fn delete(&self, path: &str) -> Ask<'_> {
        self.ask(Method::DELETE, path)
    }

    pub(crate) fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        Ask { world: self, request: self.client.request(method, format!("http://{}{path}", self.public())) }
    }

    /// The owner's access token.
    pub(crate) fn owner(&self) -> &str {
        &self.owner
    }

    /// Signs somebody in. Returns the access token.
    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> String {
        let reply =
            self.post("/v1/auth/login", &json!({ "email": email, "password": password })).send().await;
        reply.expect(200)["accessToken"].as_str().unwrap().to_owned()
    }

    /// Registers a customer. Returns the access token.
    pub(crate) async fn customer(&self, email: &str) -> String {
        let body = json!({ "email": email, "password": PASSWORD, "name": "A Customer" });
        self.post("/v1/auth/register", &body).send().await.expect(201);
        self.sign_in(email, PASSWORD).await
    }

    /// Puts a product with one variant on sale. Returns the variant's id.
    pub(crate) async fn on_sale(&self, sku: &str, cents: i64, stock: i64) -> String {
        let body = json!({
            "title": format!("Product {sku}"), "status": "active",
            "variants": [{ "sku": sku, "prices": [{ "amount": cents, "currency": "USD" }], "stock": stock }],
        });
        let product = self.post("/v1/admin/products", &body).staff().send().await.expect(201);
        product["variants"][0]["id"].as_str().unwrap().to_owned()
    }

    /// What a one-call checkout of so many of a variant says.
    #[expect(clippy::unused_self, reason = "it stands beside the other things a world is asked for")]
    pub(crate) fn order_of(&self, variant: &str, quantity: i64) -> Value {
        json!({
            "currency": "USD", "items": [{ "variantId": variant, "quantity": quantity }],
            "email": "guest@example.com", "shippingAddress": address(),
            "payment": { "provider": "test", "token": "approve" },
        })
    }

    /// Buys so many of a variant in one call. Returns the order.
    pub(crate) async fn buy(&self, variant: &str, quantity: i64) -> Value {
        self.post("/v1/checkout", &self.order_of(variant, quantity)).fresh_key().send().await.expect(201)
    }

    /// A guest's cart that is ready to be completed. Returns its id and its token.
    pub(crate) async fn ready_cart(&self, variant: &str, quantity: i64) -> (String, String) {
        let body = json!({ "currency": "USD", "items": [{ "variantId": variant, "quantity": quantity }] });
        let cart = self.post("/v1/carts", &body).send().await.expect(201);
        let (id, token) = (text(&cart["id"]), text(&cart["token"]));
        let details = json!({ "email": "guest@example.com", "shippingAddress": address() });
        self.patch(&format!("/v1/carts/{id}"), &details).cart(&token).send().await.expect(200);
        (id, token)
    }

    /// An order as staff sees it.
    pub(crate) async fn order(&self, id: &str) -> Value {
        self.get(&format!("/v1/admin/orders/{id}")).staff().send().await.expect(200)
    }

    /// The level of a variant at its first location.
    pub(crate) async fn stock(&self, variant: &str) -> Value {
        let levels = self.get(&format!("/v1/admin/stock-levels?variantId={variant}")).staff().send().await;
        levels.expect(200)["data"][0].clone()
    }

    /// Asks again and again until something holds; events take a moment to arrive.
    pub(crate) async fn eventually<F, Fut>(&self, what: &str, holds: F)
    where
        F: Fn() -> Fut,
        Fut: Future<Output = bool>,
    {
        let give_up = Instant::now() + Duration::from_secs(20);
        while !holds().await {
            assert!(Instant::now() < give_up, "{what} did not come about");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Ask<'_> {
    pub(crate) fn with(
        mut self,
        change: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Self {
        self.request = change(self.request);
        self
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        self.with(|request| request.header(name, value))
    }

    /// As the owner.
    pub(crate) fn staff(self) -> Self {
        let token = self.world.owner.clone();
        self.bearer(&token)
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.with(|request| request.bearer_auth(token))
    }

    pub(crate) fn cart(self, token: &str) -> Self {
        self.header("x-cart-token", token)
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Under a key nobody has used.
    pub(crate) fn fresh_key(self) -> Self {
        let key = format!("{:032x}", rand::random::<u128>());
        self.key(&key)
    }

    pub(crate) async fn send(self) -> Reply {
        let response = self.request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.unwrap().to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply { status, headers, bytes, body }
    }
}

impl Reply {
    /// The body, if the status is the expected one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// The problem's code, if it is a well-formed problem with this status.
    #[track_caller]
    pub(crate) fn problem(self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        for member in ["type", "title", "status", "detail", "code", "requestId"] {
            assert!(!self.body[member].is_null(), "`{member}` is missing in {}", self.body);
        }
        assert_eq!(self.body["status"], status);
        text(&self.body["code"])
    }
}

pub(crate) fn address() -> Value {
    json!({ "name": "Ada", "line1": "1 Main St", "city": "Portland", "region": "OR", "postalCode": "97201", "country": "US" })
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The server's url without a path, and a name nobody uses there; `None` on SQLite.
fn postgres() -> Option<(String, String)> {
    if placement::variable("CLEAVE_TEST_STORE")? != "postgres" {
        return None;
    }
    let url = placement::variable("CLEAVE_TEST_POSTGRES")
        .expect("CLEAVE_TEST_STORE=postgres wants CLEAVE_TEST_POSTGRES");
    let (server, _) = url.rsplit_once('/').unwrap();
    Some((server.to_owned(), format!("t{:016x}", rand::random::<u64>())))
}
