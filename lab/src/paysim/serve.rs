//! Answers calls, each as its script says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kernel::Money;
use payment_api::CaptureMethod;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::books::{Books, Charge, Movement, Status};
use super::hooks::Hooks;
use super::script::{Manner, Script};
use super::wire::{Line, Request};
use crate::Failure;

/// How long after a call comes what comes late.
const LATE: Duration = Duration::from_secs(3);

/// Whoever sits there.
pub(super) struct Desk {
    books: Mutex<Books>,
    hooks: Hooks,
    bearer: String,
    told: Mutex<VecDeque<Told>>,
}

/// What was said at `/control/next`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Told {
    call: CallKind,
    script: Script,
    #[serde(default = "once")]
    times: u32,
}

fn once() -> u32 {
    1
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum CallKind {
    Charge,
    Query,
    Movement,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChargeBody {
    amount: Money,
    capture: CaptureMethod,
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MovementBody {
    kind: String,
    amount: Money,
}

pub(super) async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            drop(tokio::task::spawn(Arc::clone(&desk).attend(stream)));
        }
    }
}

impl Desk {
    pub(super) fn new(books: Books, hooks: Hooks, key: String) -> Self {
        let bearer = format!("Bearer {key}");
        Self { books: Mutex::new(books), hooks, bearer, told: Mutex::default() }
    }

    async fn attend(self: Arc<Self>, stream: TcpStream) {
        let mut line = Line::new(stream);
        while let Ok(Some(request)) = line.next().await {
            if !Arc::clone(&self).hear(&mut line, request).await.unwrap_or(false) {
                return;
            }
        }
    }

    /// Answers a request. Returns whether the connection goes on.
    async fn hear(self: Arc<Self>, line: &mut Line, request: Request) -> Result<bool, Failure> {
        let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let control = path.first() == Some(&"control");
        if !control && request.authorization != self.bearer {
            line.answer(401, &json!({ "code": "wrong_key" }), 1).await?;
            return Ok(true);
        }
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["control", "books"]) => {
                let content = serde_json::to_value(&self.books().content)?;
                line.answer(200, &content, 1).await?;
            }
            ("POST", ["control", "next"]) => {
                let told = serde_json::from_slice(&request.body)?;
                self.told().push_back(told);
                line.answer(200, &json!({}), 1).await?;
            }
            ("PUT", ["charges", charge]) => {
                return self.charge(line, charge, serde_json::from_slice(&request.body)?).await;
            }
            ("GET", ["charges", charge]) => return self.query(line, charge).await,
            ("PUT", ["charges", charge, "movements", id]) => {
                return self.movement(line, charge, id, serde_json::from_slice(&request.body)?).await;
            }
            _ => line.answer(404, &json!({ "code": "not_found" }), 1).await?,
        }
        Ok(true)
    }

    async fn charge(self: Arc<Self>, line: &mut Line, key: &str, asked: ChargeBody) -> Result<bool, Failure> {
        let known = self.books().content.charges.get(key).cloned();
        if let Some(known) = known {
            line.answer(200, &told_of(&known), 1).await?;
            return Ok(true);
        }
        let script = self.next(CallKind::Charge).unwrap_or_else(|| Script::of_token(&asked.token));
        let charge = Charge {
            charge: key.to_owned(),
            reference: format!("sim_{:016x}", rand::random::<u64>()),
            amount: asked.amount,
            capture: asked.capture,
            token: asked.token,
            status: Status::Pending,
            held: 0,
            captured: 0,
            refunded: 0,
        };
        let Some(status) = script.fate(&charge) else {
            if script == Script::DoLate {
                drop(tokio::task::spawn(Arc::clone(&self).later(charge, script)));
            }
            return self.say(line, script.manner(), &json!({})).await;
        };
        let mut charge = charge.turned(status);
        if script == Script::TakeTwice {
            charge.captured *= 2;
        }
        self.books().charge(charge.clone())?;
        if script == Script::HookEarly {
            self.tell(&charge, script).await;
        } else if !script.hooks().is_empty() {
            drop(tokio::task::spawn(Arc::clone(&self).later(charge.clone(), script)));
        }
        self.say(line, script.manner(), &told_of(&charge)).await
    }

    /// What comes later: the charge, if it was still to be made, and the webhooks.
    async fn later(self: Arc<Self>, mut charge: Charge, script: Script) {
        if matches!(script, Script::HookLate | Script::DoLate) {
            tokio::time::sleep(LATE).await;
            let taken = charge.taken();
            charge = charge.turned(taken);
            if self.books().charge(charge.clone()).is_err() {
                return;
            }
        }
        self.tell(&charge, script).await;
    }

    async fn tell(&self, charge: &Charge, script: Script) {
        for hook in script.hooks() {
            self.hooks.send(charge, *hook).await;
        }
    }

    async fn query(&self, line: &mut Line, key: &str) -> Result<bool, Failure> {
        let known = self.books().content.charges.get(key).cloned();
        let manner = self.next(CallKind::Query).map_or(Manner::Plainly, Script::manner);
        let Some(charge) = known else {
            line.answer(404, &json!({ "code": "unknown_charge", "charge": key }), 1).await?;
            return Ok(true);
        };
        self.say(line, manner, &told_of(&charge)).await
    }

    async fn movement(
        &self,
        line: &mut Line,
        charge: &str,
        id: &str,
        asked: MovementBody,
    ) -> Result<bool, Failure> {
        let script = self.next(CallKind::Movement).unwrap_or(Script::Approve);
        let Some(moved) = script.moves() else {
            return self.say(line, script.manner(), &json!({})).await;
        };
        let asked = Movement {
            movement: id.to_owned(),
            charge: charge.to_owned(),
            kind: asked.kind,
            amount: asked.amount,
            moved,
        };
        let movement = self.books().movement(asked)?;
        let status = if movement.moved { "succeeded" } else { "refused" };
        let told = json!({
            "movement": movement.movement, "kind": movement.kind, "amount": movement.amount, "status": status,
        });
        self.say(line, script.manner(), &told).await
    }

    /// Says what is true, in this manner. Returns whether the connection goes on.
    async fn say(&self, line: &mut Line, manner: Manner, truth: &Value) -> Result<bool, Failure> {
        let mut said = truth.clone();
        match manner {
            Manner::Drop => return Ok(false),
            Manner::Hang => {
                line.hang().await?;
                return Ok(false);
            }
            Manner::ServerError => line.answer(500, &json!({ "code": "broken" }), 1).await?,
            Manner::NotJson => line.answer_text(200, "<html>It works!</html>", 1).await?,
            Manner::Twice => line.answer(200, &said, 2).await?,
            Manner::OtherAmount => {
                said["amount"]["amount"] = json!(truth["amount"]["amount"].as_i64().unwrap_or_default() + 1);
                line.answer(200, &said, 1).await?;
            }
            Manner::OtherCurrency => {
                said["amount"]["currency"] = json!("EUR");
                line.answer(200, &said, 1).await?;
            }
            Manner::Plainly => line.answer(200, &said, 1).await?,
        }
        Ok(true)
    }

    /// What was said about the next call of this kind, if anything.
    fn next(&self, call: CallKind) -> Option<Script> {
        let mut told = self.told();
        let at = told.iter().position(|told| told.call == call)?;
        let next = told.get_mut(at)?;
        let script = next.script;
        next.times = next.times.saturating_sub(1);
        if next.times == 0 {
            told.remove(at);
        }
        Some(script)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> MutexGuard<'_, VecDeque<Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a charge went, as the protocol tells it.
fn told_of(charge: &Charge) -> Value {
    let mut told = json!({
        "charge": charge.charge, "reference": charge.reference, "amount": charge.amount, "status": charge.status,
    });
    if charge.status == Status::Declined {
        told["declineCode"] = json!("card_declined");
    }
    told
}
