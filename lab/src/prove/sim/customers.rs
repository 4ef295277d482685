//! Those who ask from outside: customers who repeat what was not answered, staff, and the bank with its webhooks.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::test::TestRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use kernel::Id;
use payment_api::AttemptId;
use platform::seam;
use product_api::VariantId;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use super::plan::{Fate, Kind, Plan, Wish};
use super::shop::{Shop, VARIANT};
use super::world::{Spot, World};

/// The key of the shop's webhook secret.
const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// How often a customer sends the same request.
const TRIES: u32 = 12;
/// How often the bank sends the same webhook.
const WEBHOOKS: u32 = 40;

/// Everybody outside, in one run.
#[derive(Clone)]
pub(super) struct Outside {
    pub(super) shop: Rc<Shop>,
    pub(super) world: Arc<World>,
    replicas: usize,
    seed: u64,
    open: Rc<Cell<usize>>,
    told: Rc<RefCell<Vec<Told>>>,
    failures: Rc<RefCell<Vec<String>>>,
}

/// What a customer was told for good.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) key: String,
    pub(super) wish: usize,
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Told {
    /// The order, when there is one.
    pub(super) fn order(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        (self.status == 201).then(|| body["id"].as_str().map(str::to_owned))?
    }
}

impl Outside {
    pub(super) fn new(shop: &Rc<Shop>, world: &Arc<World>, plan: &Plan) -> Self {
        Self {
            shop: Rc::clone(shop),
            world: Arc::clone(world),
            replicas: plan.replicas,
            seed: plan.seed,
            open: Rc::default(),
            told: Rc::default(),
            failures: Rc::default(),
        }
    }

    /// Whether everybody has got what they came for, or gave up.
    pub(super) fn is_empty(&self) -> bool {
        self.open.get() == 0
    }

    pub(super) fn told(&self) -> Vec<Told> {
        self.told.borrow().clone()
    }

    /// Answers that said the shop had failed.
    pub(super) fn failures(&self) -> Vec<String> {
        self.failures.borrow().clone()
    }

    fn come(&self, business: impl Future<Output = ()> + 'static) {
        let open = Rc::clone(&self.open);
        open.set(open.get() + 1);
        tokio::task::spawn_local(async move {
            business.await;
            open.set(open.get() - 1);
        });
    }

    /// Everybody who wants something.
    pub(super) fn arrive(&self, plan: &Plan) {
        for (number, wish) in plan.wishes.iter().enumerate() {
            let (outside, wish) = (self.clone(), wish.clone());
            self.come(async move {
                tokio::time::sleep(Duration::from_millis(wish.at)).await;
                outside.fulfil(number, wish).await;
            });
        }
    }

    async fn fulfil(&self, number: usize, wish: Wish) {
        let mut random = SmallRng::seed_from_u64(self.seed ^ (number as u64 + 1) << 32);
        let payment = json!({
            "provider": "test", "token": wish.fate.token(),
            "capture": if wish.taken_at_once { "automatic" } else { "manual" },
        });
        let item = json!({ "variantId": Id::<product_api::VariantKind>::from_uuid(VARIANT) as VariantId, "quantity": wish.quantity });
        let (path, token, body) = if wish.cart {
            let Some((id, token)) = self.fill_cart(number, &item, &mut random).await else { return };
            (format!("/v1/carts/{id}/complete"), Some(token), json!({ "payment": payment }))
        } else {
            let body = json!({
                "currency": "USD", "items": [item], "email": "ada@example.com", "payment": payment,
            });
            ("/v1/checkout".to_owned(), None, body)
        };
        for twin in 0..wish.at_once {
            // Who completes the same cart has a key of their own; who sends the same request twice has not.
            let key = if wish.cart { format!("wish-{number}-{twin}") } else { format!("wish-{number}") };
            let (outside, path, token, body) = (self.clone(), path.clone(), token.clone(), body.clone());
            let mut random = SmallRng::seed_from_u64(random.random());
            let cancel = wish.canceled && twin == 0;
            self.come(async move {
                let Some(told) =
                    outside.insist(number, &key, &path, token.as_deref(), &body, &mut random).await
                else {
                    return;
                };
                if let Some(order) = told.order().filter(|_| cancel) {
                    let path = format!("/v1/admin/orders/{order}/cancel");
                    outside
                        .insist(number, &format!("cancel-{number}"), &path, None, &json!({}), &mut random)
                        .await;
                }
            });
        }
    }

    async fn fill_cart(
        &self,
        number: usize,
        item: &Value,
        random: &mut SmallRng,
    ) -> Option<(String, String)> {
        let key = format!("cart-{number}");
        let body = json!({ "currency": "USD", "items": [item] });
        let made = self.insist(number, &key, "/v1/carts", None, &body, random).await?;
        let cart: Value = serde_json::from_slice(&made.body).ok()?;
        let (id, token) = (cart["id"].as_str()?.to_owned(), cart["token"].as_str()?.to_owned());
        for _ in 0..TRIES {
            let request = TestRequest::patch()
                .uri(&format!("/v1/carts/{id}"))
                .insert_header(("X-Cart-Token", token.clone()))
                .insert_header(("If-Match", "\"1\""))
                .set_json(json!({ "email": "ada@example.com" }));
            let (status, _) = self.send(random, request).await;
            // An answer that was lost: then the cart is of another version already.
            if status == 200 || status == 412 {
                return Some((id, token));
            }
            tokio::time::sleep(Duration::from_millis(random.random_range(100..3_000))).await;
        }
        None
    }

    /// Sends a request under its key until there is an answer for good, and now and then once more.
    async fn insist(
        &self,
        wish: usize,
        key: &str,
        path: &str,
        token: Option<&str>,
        body: &Value,
        random: &mut SmallRng,
    ) -> Option<Told> {
        let mut first = None;
        for _ in 0..TRIES {
            let mut request =
                TestRequest::post().uri(path).insert_header(("Idempotency-Key", key)).set_json(body);
            if let Some(token) = token {
                request = request.insert_header(("X-Cart-Token", token));
            }
            if path.starts_with("/v1/admin") {
                request = request.insert_header(("Authorization", "Bearer staff"));
            }
            let (status, body) = self.send(random, request).await;
            self.world.tell(|| format!("{key} is answered {status} in {} bytes", body.len()));
            if is_for_good(status, &body) {
                let told = Told { key: key.to_owned(), wish, status, body };
                self.told.borrow_mut().push(told.clone());
                if first.is_some() || random.random_bool(0.5) {
                    return Some(told);
                }
                first = Some(told);
            }
            tokio::time::sleep(Duration::from_millis(random.random_range(100..5_000))).await;
        }
        first
    }

    /// Sends a request to one of the processes. Status 0 says that it died before it answered.
    async fn send(&self, random: &mut SmallRng, request: TestRequest) -> (u16, Vec<u8>) {
        let process = self.world.process(random.random_range(0..self.replicas));
        let answer = seam::within(process.clone(), (self.shop.door)(request)).await;
        if process.is_dead() {
            return (0, Vec::new());
        }
        if answer.0 >= 500 {
            let said = String::from_utf8_lossy(&answer.1);
            self.failures.borrow_mut().push(format!("somebody was answered {} {said}", answer.0));
        }
        answer
    }

    /// Lets payers decide and the bank tell what it has to tell.
    pub(super) fn look_at_bank(&self) {
        let charges = std::mem::take(&mut self.shop.books.open().to_tell);
        for charge in charges {
            let outside = self.clone();
            self.come(async move { outside.tell_of(charge).await });
        }
    }

    async fn tell_of(&self, charge: Uuid) {
        let mut random = SmallRng::seed_from_u64(self.seed ^ charge.as_u128() as u64);
        // Some take longer than the shop waits for them.
        let longest = if random.random_bool(0.15) { 30 * 60_000 } else { 40_000 };
        tokio::time::sleep(Duration::from_millis(random.random_range(0..longest))).await;
        let (kind, amount) = {
            let mut books = self.shop.books.open();
            let Some(charged) = books.charges.get_mut(&charge) else { return };
            charged.decided = true;
            (
                if charged.fate == Fate::Refused { "charge.declined" } else { "charge.succeeded" },
                charged.amount,
            )
        };
        let body = json!({
            "type": kind, "charge": AttemptId::from_uuid(charge), "reference": format!("bank_{}", charge.simple()),
            "amount": amount,
        });
        for _ in 0..WEBHOOKS {
            if self.webhook(charge, &body, &mut random).await {
                return;
            }
            tokio::time::sleep(Duration::from_secs(random.random_range(1..120))).await;
        }
    }

    /// Sends a webhook. Returns whether the shop has thanked for it.
    async fn webhook(&self, charge: Uuid, body: &Value, random: &mut SmallRng) -> bool {
        let process = self.world.process(random.random_range(0..self.replicas));
        let outside = Rc::new(Cell::new(None));
        let (told, here) = (Rc::clone(&outside), Arc::clone(&process));
        // Waiting for its turn it may find the process dead; then only this task is undone.
        let turn =
            tokio::task::spawn_local(async move { told.set(here.turn_at(Spot::Webhook, "webhook").await) });
        let times = match turn.await {
            Err(_) => 0,
            Ok(()) => match outside.take() {
                Some(Kind::WebhookLost) => 0,
                Some(Kind::WebhookTwice) => 2,
                _ => 1,
            },
        };
        let mut thanked = false;
        for _ in 0..times {
            let request = signed(charge, body, self.world.clock.now().unix_seconds());
            let (status, _) = self.send(random, request).await;
            self.world.tell(|| format!("the webhook of {charge} is answered {status}"));
            thanked = status == 204;
        }
        thanked
    }
}

/// Whether this is the last word on a request.
fn is_for_good(status: u16, body: &[u8]) -> bool {
    let passing = || {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        ["idempotency_in_progress", "cart_locked", "order_contended"]
            .iter()
            .any(|code| body["code"] == **code)
    };
    !(matches!(status, 0 | 202 | 500..) || status == 409 && passing())
}

fn signed(charge: Uuid, body: &Value, now: i64) -> TestRequest {
    let (id, body) = (format!("evt_{}", charge.simple()), body.to_string());
    let key = STANDARD.decode(SECRET).unwrap_or_default();
    let signature = Hmac::<Sha256>::new_from_slice(&key).map(|mut hmac| {
        hmac.update(format!("{id}.{now}.{body}").as_bytes());
        STANDARD.encode(hmac.finalize().into_bytes())
    });
    TestRequest::post()
        .uri("/v1/webhooks/test")
        .insert_header(("webhook-id", id))
        .insert_header(("webhook-timestamp", now.to_string()))
        .insert_header(("webhook-signature", format!("v1,{}", signature.unwrap_or_default())))
        .insert_header(("Content-Type", "application/json"))
        .set_payload(body)
}
