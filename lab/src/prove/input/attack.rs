//! Sends it all: every field with every value, every object with every name, every piece of every address.

use reqwest::Method;
use serde_json::Value;

use super::columns::{PRIVILEGED, names};
use super::fields::{Places, least_with, with, with_member};
use super::values::{ANYTHING, LENGTHS, PIECES, TEXTS};
use crate::Failure;
use crate::api::Api;
use crate::described::{Operation, operations};
use crate::prove::access::{Needs, TABLE, objects};
use crate::prove::door::{Answer, Door};
use crate::prove::stocked::{Stocked, key};

/// A number that could be that of a card, as people write it.
const CARD: &str = "4242 4242 4242 4242";

/// A shop that is attacked.
pub struct Attack {
    shop: Stocked,
    door: Door,
    operations: Vec<(Operation, Needs)>,
    /// Of all there is to try, each time only one in so many.
    one_in: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Found {
    /// How many requests were sent.
    pub sent: u64,
    /// How many of them were for good.
    pub accepted: u64,
    /// What should not be, a sentence each.
    pub failures: Vec<String>,
    /// Fields that took the number of a card.
    pub cards: Vec<String>,
}

impl Attack {
    /// Fills a shop, which this is for its owner. Of all there is to try it tries one in so many, and another one in each
    /// field.
    ///
    /// # Errors
    /// The shop refuses.
    pub async fn on(owner: &Api, one_in: usize) -> Result<Self, Failure> {
        let shop = Stocked::fill(owner).await?;
        let needs = |operation: &Operation| {
            let name = operation.name();
            TABLE.iter().find(|(row, _)| *row == name).map_or(Needs::Nothing, |(_, needs)| *needs)
        };
        let operations = operations(owner).await?.into_iter().map(|operation| {
            let needs = needs(&operation);
            (operation, needs)
        });
        Ok(Self {
            door: Door::at(owner.base())?,
            operations: operations.collect(),
            one_in: one_in.max(1),
            shop,
        })
    }

    /// Gives every object of every body a member that it does not have, and every list a parameter: each is refused, and
    /// the refusal says which it was.
    ///
    /// # Errors
    /// The shop does not answer.
    pub async fn inject(&self) -> Result<Found, Failure> {
        let (mut found, names) = (Found::default(), names()?);
        let mut turn = 0;
        for (operation, needs) in &self.operations {
            let path = self.path(operation, *needs);
            let Some(schema) = &operation.body else { continue };
            let body = self.body(schema, true);
            for (pointer, known) in Places::of(schema).objects {
                turn += 1;
                let some = names.iter().enumerate().filter(|(at, _)| (at + turn).is_multiple_of(self.one_in));
                let tried = PRIVILEGED.iter().copied().chain(some.map(|(_, name)| name.as_str()));
                for name in tried.filter(|name| !known.iter().any(|known| known == name)) {
                    let Some(raw) = with_member(&body, &pointer, name) else { continue };
                    let answer = self.send(operation, *needs, &path, Some(raw)).await?;
                    let error = &answer.body["errors"][0];
                    let refused = (answer.status, answer.code()) == (422, "invalid_body")
                        && error["code"] == "unknown_field"
                        && error["pointer"] == format!("{pointer}/{name}");
                    found.note(operation, &format!("`{pointer}/{name}`"), &answer, !refused);
                }
            }
        }
        Ok(found)
    }

    /// Gives every field of every body, and every piece of every address, what nobody means.
    ///
    /// # Errors
    /// The shop does not answer, or hangs.
    pub async fn confuse(&self) -> Result<Found, Failure> {
        let mut found = Found::default();
        let mut turn = 0;
        for (operation, needs) in &self.operations {
            let path = self.path(operation, *needs);
            if let Some(schema) = &operation.body {
                for field in Places::of(schema).fields {
                    turn += 1;
                    for raw in self.some(values(field.kind()), turn) {
                        // Made again each time, so that no name is there already.
                        let (least, whole) = (self.body(schema, false), self.body(schema, true));
                        let body = least_with(&least, &whole, &field.pointer);
                        let Some(sent) = with(&body, &field.pointer, &raw) else { continue };
                        let answer = self.send(operation, *needs, &path, Some(sent)).await?;
                        // What a customer wrote is shown to them if it was kept.
                        let kept =
                            !matches!(needs, Needs::Permission(_)) && answer.body.to_string().contains(CARD);
                        let taken = answer.status < 300 && (kept || field.is_not(&raw));
                        let what = format!("{} = {:.60}", field.pointer, raw);
                        found.note(operation, &what, &answer, taken);
                        if answer.status < 300 && raw.contains(CARD) {
                            found.cards.push(format!("{} {}", operation.name(), field.pointer));
                        }
                    }
                }
            }
            for address in addresses(operation, &path) {
                turn += 1;
                for piece in self.some(PIECES.iter().map(|piece| (*piece).to_owned()).collect(), turn) {
                    let address = address.replace("{}", &piece);
                    let body = operation.body.as_ref().map(|schema| self.body(schema, false).to_string());
                    let answer = self.send(operation, *needs, &address, body).await?;
                    found.note(operation, &address, &answer, false);
                }
            }
            let alive = self.shop.owner.get("/v1/products?limit=1").await;
            found.failures.extend(alive.err().map(|error| format!("after {}: {error}", operation.name())));
        }
        Ok(found)
    }

    fn body(&self, schema: &Value, all: bool) -> Value {
        self.shop.samples.body(schema, all)
    }

    /// One in so many of these, beginning with another one each turn.
    fn some(&self, values: Vec<String>, turn: usize) -> Vec<String> {
        values
            .into_iter()
            .enumerate()
            .filter(|(at, _)| (at + turn).is_multiple_of(self.one_in))
            .map(|(_, value)| value)
            .collect()
    }

    fn path(&self, operation: &Operation, needs: Needs) -> String {
        objects(&self.shop, operation, needs).into_iter().next().map_or_else(String::new, |(_, path)| path)
    }

    /// As somebody who may.
    async fn send(
        &self,
        operation: &Operation,
        needs: Needs,
        path: &str,
        body: Option<String>,
    ) -> Result<Answer, Failure> {
        let path =
            if path.contains('?') { path.to_owned() } else { self.shop.samples.asked(operation, path) };
        let mut request = self.door.ask(&operation.method, &path);
        let token = match needs {
            Needs::Permission(_) => self.shop.owner.token(),
            Needs::Account | Needs::Customer | Needs::Owner => Some(self.shop.ada.token.as_str()),
            Needs::Nothing | Needs::Signature => None,
        };
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if operation.method != Method::GET {
            request = request.header("idempotency-key", key()).header("if-match", "*");
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        Answer::to(request).await.map_err(|error| format!("{} {path:.200}: {error}", operation.method).into())
    }
}

impl Found {
    fn note(&mut self, operation: &Operation, what: &str, answer: &Answer, amiss: bool) {
        self.sent += 1;
        self.accepted += u64::from(answer.status < 300);
        let told = || format!("{} {:.240}", answer.status, answer.body.to_string());
        let fault = if answer.status >= 500 || amiss { Some(told()) } else { answer.malformed() };
        self.failures.extend(fault.map(|fault| format!("{} {what:.120}: {fault}", operation.name())));
    }
}

/// What a field of this kind is given.
fn values(kind: &str) -> Vec<String> {
    let anything = ANYTHING.iter().map(|raw| (*raw).to_owned());
    if kind != "string" {
        return anything.collect();
    }
    let long = LENGTHS.iter().map(|length| Value::from("x".repeat(*length)).to_string());
    TEXTS.iter().map(|raw| (*raw).to_owned()).chain(anything).chain(long).collect()
}

/// The address with `{}` in place of one piece after another: the parts of the path that name something, and the values
/// of the query.
fn addresses(operation: &Operation, path: &str) -> Vec<String> {
    let (shape, named): (Vec<&str>, Vec<&str>) =
        (operation.path.split('/').collect(), path.split('/').collect());
    let pieces = shape.iter().enumerate().filter(|(_, part)| part.starts_with('{')).map(|(at, _)| {
        let mut parts = named.clone();
        if let Some(part) = parts.get_mut(at) {
            *part = "{}";
        }
        parts.join("/")
    });
    pieces.chain(operation.query.iter().map(|parameter| format!("{path}?{}={{}}", parameter.name))).collect()
}
