//! Sends a request until it has its last answer, and writes down both.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use platform::tls::plain_client;
use rand::RngExt as _;
use rand::rngs::StdRng;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::{RwLock, watch};

use super::Clients;
use crate::Failure;
use crate::prove::crash::journal::{Answer, Journal, Kind, Line};
use crate::server::{OWNER, PASSWORD};

/// How long a request may wait for its answer: a shop that was stopped gives none.
const TIMEOUT: Duration = Duration::from_secs(4);
/// How long somebody repeats a request before they give it up.
const STUBBORN: Duration = Duration::from_mins(1);

/// A way to the shop, wherever it is now.
pub(super) struct Sender {
    client: Client,
    address: PathBuf,
    journal: Journal,
    staff: RwLock<Option<String>>,
    over: watch::Receiver<bool>,
}

/// A request.
pub(super) struct Request {
    pub(super) kind: Kind,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Value,
    /// What is written down about it.
    pub(super) content: Value,
    /// By staff.
    pub(super) by_staff: bool,
    /// Whose cart it is about.
    pub(super) cart: Option<String>,
}

/// What came back once.
struct Reply {
    status: u16,
    bytes: Vec<u8>,
    body: Value,
    /// How many seconds to wait before a repetition, when it says so.
    retry_after: Option<u64>,
}

impl Reply {
    /// Whether it is the answer, and nothing that a repetition would still change.
    fn is_final(&self) -> bool {
        let running = self.status == 409
            && (self.body["retryable"] == true || self.body["code"] == "idempotency_in_progress");
        // An order that waits for its payer comes to no end by itself.
        let waits = self.status == 202 && self.body["status"] != "requiresAction";
        self.status < 500 && self.status != 429 && self.status != 401 && !running && !waits
    }
}

impl Sender {
    pub(super) fn new(clients: &Clients, over: watch::Receiver<bool>) -> Result<Self, Failure> {
        Ok(Self {
            client: plain_client()?.timeout(TIMEOUT).no_proxy().build()?,
            address: clients.address.clone(),
            journal: Journal::open(&clients.journal)?,
            staff: RwLock::default(),
            over,
        })
    }

    pub(super) fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    /// Sends a request under a key of its own, again and again until it has its last answer. Some give up at the first
    /// silence, and nobody ever knows; some send it once more when they have been answered.
    pub(super) async fn carry_out(
        &self,
        key: &str,
        request: &Request,
        chance: &mut StdRng,
    ) -> Result<Option<Value>, Failure> {
        let (kind, content) = (request.kind, request.content.clone());
        self.journal.note(&Line::Sent { key: key.to_owned(), kind, content })?;
        let fickle = chance.random_bool(0.05);
        let give_up = Instant::now() + STUBBORN;
        let reply = loop {
            let mut told = None;
            match self.once(key, request).await {
                Some(reply) if reply.is_final() => break reply,
                Some(reply) if reply.status == 401 => *self.staff.write().await = None,
                Some(reply) => told = reply.retry_after,
                None if fickle => return Ok(None),
                None => {}
            }
            if Instant::now() > give_up || self.is_over() && chance.random_bool(0.3) {
                return Ok(None);
            }
            let pause = chance.random_range(40..250) + told.unwrap_or_default().min(5) * 1000;
            tokio::time::sleep(Duration::from_millis(pause)).await;
        };
        let answer = answer(request.kind, &reply);
        self.journal.note(&Line::Answered { key: key.to_owned(), answer })?;
        if chance.random_bool(0.1)
            && let Some(again) = self.once(key, request).await
            && again.is_final()
        {
            let answer = self::answer(request.kind, &again);
            self.journal.note(&Line::Replayed { key: key.to_owned(), answer })?;
        }
        Ok((reply.status < 300).then_some(reply.body))
    }

    /// Reads something, as staff.
    pub(super) async fn get(&self, path: &str) -> Option<Value> {
        let url = format!("{}{path}", self.base()?);
        let answer = self.client.get(url).bearer_auth(self.token().await?).send().await.ok()?;
        answer.error_for_status().ok()?.json().await.ok()
    }

    /// Posts something that has no key: what it does is its own repetition.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Option<Value> {
        let url = format!("{}{path}", self.base()?);
        let answer = self.client.post(url).json(body).send().await.ok()?;
        answer.error_for_status().ok()?.json().await.ok()
    }

    async fn once(&self, key: &str, request: &Request) -> Option<Reply> {
        let url = format!("{}{}", self.base()?, request.path);
        let mut sent = self.client.request(request.method.clone(), url).header("idempotency-key", key);
        if !request.body.is_null() {
            sent = sent.json(&request.body);
        }
        if request.by_staff {
            sent = sent.bearer_auth(self.token().await?);
        }
        if let Some(cart) = &request.cart {
            sent = sent.header("x-cart-token", cart);
        }
        let answer = sent.send().await.ok()?;
        let status = answer.status().as_u16();
        let retry_after =
            answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes = answer.bytes().await.ok()?.to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Some(Reply { status, bytes, body, retry_after })
    }

    fn base(&self) -> Option<String> {
        std::fs::read_to_string(&self.address).ok()
    }

    /// The owner's access token, which outlives any process.
    async fn token(&self) -> Option<String> {
        if let Some(token) = self.staff.read().await.clone() {
            return Some(token);
        }
        let body = json!({ "email": OWNER, "password": PASSWORD });
        let token = self.post("/v1/auth/login", &body).await?["accessToken"].as_str()?.to_owned();
        *self.staff.write().await = Some(token.clone());
        Some(token)
    }
}

fn answer(kind: Kind, reply: &Reply) -> Answer {
    let body = &reply.body;
    let told = match kind {
        Kind::Purchase if reply.status == 201 => {
            let items = body["items"].as_array().into_iter().flatten();
            let items: Vec<Value> = items.map(|item| json!([item["variantId"], item["quantity"]])).collect();
            json!({ "number": body["number"], "total": body["totals"]["total"]["amount"], "items": items })
        }
        Kind::Import | Kind::Confirm => json!({ "status": body["status"], "code": body["code"] }),
        _ => json!({ "code": body["code"] }),
    };
    Answer { status: reply.status, digest: hex::encode(Sha256::digest(&reply.bytes)), told }
}
