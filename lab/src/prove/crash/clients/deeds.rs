//! What one of the people does, one thing after another.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use serde_json::{Value, json};

use super::Clients;
use super::sending::{Request, Sender};
use crate::Failure;
use crate::prove::crash::journal::Kind;

/// Ways to pay, and how often each is chosen.
const TOKENS: [(&str, u32); 9] = [
    ("approve", 60),
    ("decline", 8),
    ("timeout_but_charged", 8),
    ("timeout_not_charged", 4),
    ("late_webhook", 4),
    ("duplicate_webhook", 6),
    ("dispute", 4),
    ("requires_action", 4),
    ("refund_times_out", 4),
];

/// Somebody.
pub(super) struct Deeds {
    sender: Arc<Sender>,
    variants: Vec<String>,
    simple: bool,
    chance: StdRng,
}

impl Deeds {
    pub(super) fn new(sender: Arc<Sender>, clients: &Clients, person: u64) -> Self {
        let chance = StdRng::seed_from_u64(clients.seed.wrapping_mul(1000).wrapping_add(person));
        Self { sender, variants: clients.variants.clone(), simple: clients.simple, chance }
    }

    pub(super) async fn go_on(mut self) -> Result<(), Failure> {
        while !self.sender.is_over() {
            match self.chance.random_range(0..100) {
                _ if self.simple => self.buy("approve", "automatic").await.map(drop)?,
                0..75 => self.shop().await?,
                75..82 => self.adjust().await?,
                82..90 => self.import().await?,
                _ => self.join().await?,
            }
            tokio::time::sleep(Duration::from_millis(self.chance.random_range(0..30))).await;
        }
        Ok(())
    }

    /// Buys something, and then whatever happens to orders.
    async fn shop(&mut self) -> Result<(), Failure> {
        let mut at = self.chance.random_range(0..TOKENS.iter().map(|(_, often)| often).sum::<u32>());
        let chosen = TOKENS.iter().find(|(_, often)| {
            let here = at < *often;
            at = at.saturating_sub(*often);
            here
        });
        let token = chosen.map_or("approve", |(token, _)| token);
        let manual = token == "approve" && self.chance.random_bool(0.35);
        let bought = self.buy(token, if manual { "manual" } else { "automatic" }).await?;
        let Some(order) = bought else { return Ok(()) };
        match token {
            "requires_action" => return self.act(&order).await,
            // What is disputed can no longer be given back, nor what was given back disputed.
            "dispute" => return Ok(()),
            _ => {}
        }
        let Some(id) = order["id"].as_str().map(str::to_owned) else { return Ok(()) };
        match self.chance.random_range(0..10) {
            0..7 if manual => self.money(&id, manual).await,
            0..3 => self.money(&id, manual).await,
            3..5 => self.cancel(&id, Value::Null).await,
            5..7 => {
                self.cancel(&id, json!([{ "orderItemId": order["items"][0]["id"], "quantity": 1 }])).await
            }
            7..9 => self.ship(&id, &order).await,
            _ => Ok(()),
        }
    }

    /// One in three puts a cart together first.
    async fn buy(&mut self, token: &str, capture: &str) -> Result<Option<Value>, Failure> {
        let key = self.key();
        let variant = self.variants[self.chance.random_range(0..self.variants.len())].clone();
        let quantity = self.chance.random_range(1..=3);
        let items = json!([{ "variantId": variant, "quantity": quantity }]);
        let email = format!("{key}@lab.example");
        let address = json!({ "name": "Lab", "line1": "1 Main St", "city": "Portland", "country": "US" });
        let payment = json!({ "provider": "test", "token": token, "capture": capture });
        let shown = if self.chance.random_bool(0.05) { 1 } else { 1000 * quantity };
        let total = json!({ "amount": shown, "currency": "USD" });
        let content = json!({ "email": email, "variant": variant, "quantity": quantity, "token": token });
        let mut request = Request {
            kind: Kind::Purchase,
            method: Method::POST,
            path: "/v1/checkout".to_owned(),
            body: json!({
                "currency": "USD", "items": items, "email": email, "shippingAddress": address, "payment": payment,
                "expectedTotal": total,
            }),
            content,
            by_staff: false,
            cart: None,
        };
        if self.chance.random_bool(0.33) {
            let Some((path, token)) = self.cart(items, &email, &address).await? else { return Ok(None) };
            request.path = path;
            request.body = json!({ "payment": payment, "expectedTotal": total });
            request.cart = Some(token);
        }
        self.sender.carry_out(&key, &request, &mut self.chance).await
    }

    /// Returns where the cart is bought, and its token.
    async fn cart(
        &mut self,
        items: Value,
        email: &str,
        address: &Value,
    ) -> Result<Option<(String, String)>, Failure> {
        let mut request = Request {
            kind: Kind::Cart,
            method: Method::POST,
            path: "/v1/carts".to_owned(),
            body: json!({ "currency": "USD", "items": items }),
            content: json!({}),
            by_staff: false,
            cart: None,
        };
        let key = self.key();
        let Some(cart) = self.sender.carry_out(&key, &request, &mut self.chance).await? else {
            return Ok(None);
        };
        let (Some(id), Some(token)) = (cart["id"].as_str(), cart["token"].as_str()) else { return Ok(None) };
        request.method = Method::PATCH;
        request.path = format!("/v1/carts/{id}");
        request.body = json!({ "email": email, "shippingAddress": address });
        request.cart = Some(token.to_owned());
        let key = self.key();
        let told = self.sender.carry_out(&key, &request, &mut self.chance).await?;
        Ok(told.map(|_| (format!("/v1/carts/{id}/complete"), token.to_owned())))
    }

    /// The payer confirms at the provider's page, or refuses.
    async fn act(&mut self, checkout: &Value) -> Result<(), Failure> {
        let Some(page) = checkout["nextAction"]["url"].as_str() else { return Ok(()) };
        let outcome = if self.chance.random_bool(0.7) { "approve" } else { "refuse" };
        let _ = self.sender.post(page, &json!({ "outcome": outcome })).await;
        Ok(())
    }

    /// Money that was promised is taken or given up, and what was taken given back, in part.
    async fn money(&mut self, order: &str, manual: bool) -> Result<(), Failure> {
        let intents = self.sender.get(&format!("/v1/admin/payment-intents?orderId={order}")).await;
        let Some(intent) = intents.as_ref().and_then(|page| page["data"][0]["id"].as_str()) else {
            return Ok(());
        };
        if !manual {
            let body = |key: &str| {
                json!({
                    "paymentIntentId": intent, "amount": { "amount": 400, "currency": "USD" }, "reason": key,
                })
            };
            return self.staff(Kind::Refund, "/v1/admin/refunds".to_owned(), body).await;
        }
        let (kind, verb) =
            if self.chance.random_bool(0.5) { (Kind::Capture, "capture") } else { (Kind::Void, "cancel") };
        let body = |_: &str| if kind == Kind::Capture { json!({}) } else { Value::Null };
        self.staff(kind, format!("/v1/admin/payment-intents/{intent}/{verb}"), body).await
    }

    async fn cancel(&mut self, order: &str, items: Value) -> Result<(), Failure> {
        let kind = if items.is_null() { Kind::Cancel } else { Kind::CancelItems };
        let body = |key: &str| match &items {
            Value::Null => json!({ "reason": key }),
            items => json!({ "reason": key, "items": items }),
        };
        self.staff(kind, format!("/v1/admin/orders/{order}/cancel"), body).await
    }

    async fn ship(&mut self, id: &str, order: &Value) -> Result<(), Failure> {
        let item = json!([{ "orderItemId": order["items"][0]["id"], "quantity": 1 }]);
        let body = |key: &str| json!({ "orderId": id, "items": item, "trackingNumber": key });
        self.staff(Kind::Ship, "/v1/admin/fulfillments".to_owned(), body).await
    }

    async fn adjust(&mut self) -> Result<(), Failure> {
        let variant = self.variants[0].clone();
        let body = |key: &str| json!({ "variantId": variant, "delta": 1, "reason": key });
        self.staff(Kind::Adjust, "/v1/admin/stock-levels/adjust".to_owned(), body).await
    }

    /// A small file of products, which is read and then put into the catalogue.
    async fn import(&mut self) -> Result<(), Failure> {
        let key = self.key();
        let lines = (0..3).map(|number| format!("i{key}-{number},Imported,9.99\n"));
        let csv: String = std::iter::once("Handle,Title,Variant Price\n".to_owned()).chain(lines).collect();
        let mut request = Request {
            kind: Kind::Import,
            method: Method::POST,
            path: "/v1/admin/imports".to_owned(),
            body: json!({ "csv": csv, "currency": "USD" }),
            content: json!({ "slug": format!("i{key}") }),
            by_staff: true,
            cart: None,
        };
        let read = self.sender.carry_out(&key, &request, &mut self.chance).await?;
        let Some(id) = read.as_ref().and_then(|import| import["id"].as_str()) else { return Ok(()) };
        request.kind = Kind::Confirm;
        request.path = format!("/v1/admin/imports/{id}/confirm");
        request.body = Value::Null;
        let key = self.key();
        self.sender.carry_out(&key, &request, &mut self.chance).await.map(drop)
    }

    /// A customer registers, signs in, and goes on with the session.
    async fn join(&mut self) -> Result<(), Failure> {
        let key = self.key();
        let (email, password) = (format!("{key}@lab.example"), "correct horse battery");
        let request = Request {
            kind: Kind::Register,
            method: Method::POST,
            path: "/v1/auth/register".to_owned(),
            body: json!({ "email": email, "password": password, "name": "Lab" }),
            content: json!({ "email": email }),
            by_staff: false,
            cart: None,
        };
        if self.sender.carry_out(&key, &request, &mut self.chance).await?.is_none() {
            return Ok(());
        }
        let login = json!({ "email": email, "password": password });
        let Some(mut tokens) = self.sender.post("/v1/auth/login", &login).await else { return Ok(()) };
        for _ in 0..2 {
            let refresh = json!({ "refreshToken": tokens["refreshToken"] });
            match self.sender.post("/v1/auth/refresh", &refresh).await {
                Some(next) => tokens = next,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    async fn staff(&mut self, kind: Kind, path: String, body: impl Fn(&str) -> Value) -> Result<(), Failure> {
        let key = self.key();
        let body = body(&key);
        let content = json!({ "path": path });
        let request = Request { kind, method: Method::POST, path, body, content, by_staff: true, cart: None };
        self.sender.carry_out(&key, &request, &mut self.chance).await.map(drop)
    }

    /// Letters and digits that no one takes for a card number.
    fn key(&mut self) -> String {
        let part: u64 = self.chance.random();
        let letters = b"abcdefghjkmnpqrstuvwxyz";
        let letter = |at: u32| char::from(letters[(part >> (at * 4)) as usize % letters.len()]);
        (0..14).map(letter).chain((part % 1000).to_string().chars()).collect()
    }
}
