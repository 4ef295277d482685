//! Fills in the matrix: every row, everybody it matters to, everything they could ask for.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use super::cell::{Expected, amiss, expected};
use super::objects::{Whose, objects};
use super::people::{Person, Who, disabled, public, revoked, staff};
use super::table::{Needs, Row, TABLE, forgotten};
use crate::Failure;
use crate::api::Api;
use crate::described::{Operation, operations};
use crate::prove::door::{Answer, Door};
use crate::prove::stocked::{Stocked, key, made};

/// A shop, everybody, and every operation.
pub struct Matrix {
    shop: Stocked,
    door: Door,
    people: Vec<Person>,
    operations: Vec<Operation>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Found {
    /// How many cells were asked for.
    pub cells: u64,
    /// In how many somebody came in, and was answered with what they asked for.
    pub served: u64,
    /// What was not as it has to be, a sentence each.
    pub unexpected: Vec<String>,
    /// Operations that name something of which the shop had none.
    pub without_object: BTreeSet<String>,
}

impl Matrix {
    /// Fills a shop, which this is for its owner, and gives everybody something to show. Tokens that are not good any
    /// more can be handed in, with a name for whoever shows them.
    ///
    /// # Errors
    /// The shop refuses.
    pub async fn of(owner: &Api, forged: &[(String, String)]) -> Result<Self, Failure> {
        let shop = Stocked::fill(owner).await?;
        let mut people = public(&shop, forged);
        // They come early, so that it is known everywhere when they are asked for.
        people.extend(revoked(&shop).await?);
        people.extend(staff(&shop, TABLE).await?);
        Ok(Self { door: Door::at(owner.base())?, operations: operations(owner).await?, people, shop })
    }

    /// Asks for every cell.
    ///
    /// # Errors
    /// The shop does not answer.
    pub async fn go_through(&self) -> Result<Found, Failure> {
        let mut found = self.ask(TABLE).await?;
        found.unexpected.extend(forgotten(TABLE, &self.operations));
        found.unexpected.extend(disabled(&self.shop).await?);
        found.cells += 2;
        Ok(found)
    }

    /// Operations without a row in this table, and rows without an operation.
    pub fn forgotten(&self, table: &[Row]) -> Vec<String> {
        forgotten(table, &self.operations)
    }

    /// Asks for the cells of these rows. What takes things away comes last.
    ///
    /// # Errors
    /// The shop does not answer.
    pub async fn ask(&self, table: &[Row]) -> Result<Found, Failure> {
        let mut found = Found::default();
        let last = |operation: &Operation| {
            operation.method == Method::DELETE || operation.path.ends_with("/complete")
        };
        for late in [false, true] {
            for operation in self.operations.iter().filter(|operation| last(operation) == late) {
                let name = operation.name();
                if let Some((_, needs)) = table.iter().find(|(row, _)| *row == name) {
                    self.row(operation, *needs, &mut found).await?;
                }
            }
        }
        Ok(found)
    }

    /// A row: first those who are to stay outside, whose body is one that could be carried out.
    async fn row(&self, operation: &Operation, needs: Needs, found: &mut Found) -> Result<(), Failure> {
        let objects = objects(&self.shop, operation, needs);
        if operation.path.contains('{') && objects.iter().all(|(whose, _)| *whose == Whose::Unknown) {
            found.without_object.insert(operation.name());
        }
        for come_in in [false, true] {
            for person in self.people.iter().filter(|person| person.matters(needs)) {
                let mut told = Vec::new();
                for (whose, path) in &objects {
                    let expected = expected(needs, person, *whose);
                    if (expected == Expected::In) != come_in {
                        continue;
                    }
                    let path = if come_in && operation.method == Method::DELETE {
                        self.fresh(operation, path).await?
                    } else {
                        path.clone()
                    };
                    let answer = self.send(operation, person, &path).await?;
                    found.cells += 1;
                    found.served += u64::from(answer.status < 300);
                    let wrong = amiss(&expected, &answer).or_else(|| self.leaks(person, &answer));
                    found.unexpected.extend(wrong.map(|wrong| {
                        format!("{} by {} ({whose:?}): {wrong}", operation.name(), person.name)
                    }));
                    told.push(answer.told());
                }
                // Which providers there are is no secret; what belongs to somebody is.
                let alike = come_in || needs == Needs::Signature;
                if !alike && told.windows(2).any(|two| two[0] != two[1]) {
                    let line =
                        format!("{} by {} can tell what is there: {told:?}", operation.name(), person.name);
                    found.unexpected.push(line);
                }
            }
        }
        Ok(())
    }

    /// The path of a new thing of the same kind, to be taken away.
    async fn fresh(&self, operation: &Operation, path: &str) -> Result<String, Failure> {
        let Some((collection, _)) = path.rsplit_once('/') else { return Ok(path.to_owned()) };
        let make = self.operations.iter().find(|make| make.method == Method::POST && make.path == collection);
        let Some(body) = make.and_then(|make| make.body.as_ref()) else { return Ok(path.to_owned()) };
        let maker = match collection {
            "/v1/addresses" => self.shop.owner.with_token(&self.shop.ada.token),
            _ => self.shop.owner.clone(),
        };
        // A country has one rate unless the region is named as well.
        let body = self.shop.samples.body(body, collection.ends_with("/tax-regions"));
        let thing = made(&maker, collection, &body).await?;
        let named = if operation.path.ends_with("{name}") { &thing["name"] } else { &thing["id"] };
        Ok(format!("{collection}/{}", named.as_str().unwrap_or_default()))
    }

    async fn send(&self, operation: &Operation, person: &Person, path: &str) -> Result<Answer, Failure> {
        let path = self.shop.samples.asked(operation, path);
        let mut request = self.door.ask(&operation.method, &path);
        if let Some(token) = &person.bearer {
            request = request.bearer_auth(token);
        }
        if let Some([cart, order]) = &person.tokens {
            let token = if path.starts_with("/v1/orders") { order } else { cart };
            request = request.header("x-cart-token", token);
        }
        if operation.method != Method::GET {
            request = request.header("idempotency-key", key()).header("if-match", "*");
        }
        if let Some(body) = &operation.body {
            request = request.json(&self.shop.samples.body(body, false));
        }
        Answer::to(request).await
    }

    /// Whether somebody is shown what is another's.
    fn leaks(&self, person: &Person, answer: &Answer) -> Option<String> {
        let (ada, guest) = (&self.shop.ada, &self.shop.guest);
        let adas = [&ada.email, &ada.goods.address, &ada.goods.cart, &ada.goods.order];
        let guests = [&guest.cart, &guest.order];
        let others: Vec<&String> = match person.who {
            Who::Staff(_) => return None,
            Who::Ada => guests.to_vec(),
            Who::Guest => adas.to_vec(),
            Who::Nobody | Who::Eve | Who::Forger => adas.into_iter().chain(guests).collect(),
        };
        let said = Value::String(answer.told().1.to_string()).to_string();
        let leaked = others.into_iter().find(|other| said.contains(other.as_str()))?;
        Some(format!("{leaked} is shown to them"))
    }
}
