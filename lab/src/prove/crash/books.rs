//! The books of a shop that was killed: when it has come to rest, and what must agree with what customers were told.
//! What must agree within it, it knows itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::journal::{Asked, Kind};
use super::tables::Tables;
use crate::Failure;
use crate::server::MODULES;

/// What has not changed for so long will not: the longest lease is a minute.
const STANDSTILL: Duration = Duration::from_secs(90);

/// What is still under way, by module, until it has come to its end.
const UNDER_WAY: [(&str, &str, &str); 7] = [
    (
        "order",
        "checkouts have not come to their end",
        "SELECT COUNT(*) FROM checkouts WHERE wake_at IS NOT NULL AND state <> 'awaitingAction'",
    ),
    (
        "order",
        "orders wait for a payment that nobody waits for",
        "SELECT COUNT(*) FROM orders
        WHERE status = 'pendingPayment'
            AND id NOT IN (SELECT order_id FROM checkouts WHERE state = 'awaitingAction')",
    ),
    (
        "payment",
        "attempts are without an outcome",
        "SELECT COUNT(*) FROM attempts WHERE status IN ('sent', 'unknown')",
    ),
    (
        "payment",
        "movements are without an outcome",
        "SELECT COUNT(*) FROM movements WHERE status IN ('processing', 'unknown')",
    ),
    (
        "payment",
        "amounts are still set aside",
        "SELECT COUNT(*) FROM intents
        WHERE pending_capture + pending_void + pending_refund > 0",
    ),
    ("payment", "webhooks are not applied", "SELECT COUNT(*) FROM webhook_events WHERE status <> 'applied'"),
    ("product", "imports are half-way", "SELECT COUNT(*) FROM imports WHERE status = 'applying'"),
];

/// The same in each module's database.
const JOBS: &str = "SELECT COUNT(*) FROM jobs";

/// A module, and a number in its database.
type Sum = (&'static str, &'static str);

/// Two sums that must be the same.
const SAME: [(&str, Sum, Sum); 2] = [
    (
        "orders that are neither paid nor promised, and promises that staff gave up",
        (
            "order",
            "SELECT COUNT(*) FROM orders
            WHERE status IN ('placed', 'completed') AND payment_status = 'pending'",
        ),
        (
            "payment",
            "SELECT COUNT(*) FROM movements
            WHERE kind = 'void' AND status = 'succeeded' AND reason = 'canceled by staff'",
        ),
    ),
    (
        "put back, by the orders and by the shelf",
        (
            "order",
            "SELECT CAST(COALESCE(SUM(order_items.canceled), 0) AS BIGINT) FROM order_items
            JOIN orders ON orders.id = order_items.order_id WHERE orders.number IS NOT NULL",
        ),
        (
            "product",
            "SELECT CAST(COALESCE(SUM(delta), 0) AS BIGINT) FROM stock_movements WHERE kind = 'restocked'",
        ),
    ),
];

/// The books.
pub(in crate::prove) struct Books([Tables; 4]);

impl Books {
    pub(in crate::prove) fn new(tables: [Tables; 4]) -> Self {
        Self(tables)
    }

    fn of(&self, module: &str) -> Result<&Tables, Failure> {
        let at = MODULES.iter().position(|name| *name == module).ok_or("there is no such module")?;
        Ok(&self.0[at])
    }

    /// Waits until what is under way has come to its end, and says how long that took and what had not.
    pub(in crate::prove) async fn come_to_rest(
        &self,
        patience: Duration,
    ) -> Result<(Duration, Vec<String>), Failure> {
        let began = Instant::now();
        let (mut before, mut since) = (Vec::new(), began);
        loop {
            let left = self.disagreements().await?;
            if left != before {
                (before, since) = (left.clone(), Instant::now());
            }
            if left.is_empty() || began.elapsed() > patience || since.elapsed() > STANDSTILL {
                return Ok((began.elapsed(), left));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn disagreements(&self) -> Result<Vec<String>, Failure> {
        let mut found = Vec::new();
        for (module, what, sql) in UNDER_WAY {
            let number = self.of(module)?.number(sql).await?;
            if number != 0 {
                found.push(format!("{module}: {number} {what}"));
            }
        }
        for (module, tables) in MODULES.iter().zip(&self.0) {
            let jobs = tables.number(JOBS).await?;
            if jobs != 0 {
                found.push(format!("{module}: {jobs} jobs are not done"));
            }
        }
        for (what, one, other) in SAME {
            let (one, other) =
                (self.of(one.0)?.number(one.1).await?, self.of(other.0)?.number(other.1).await?);
            if one != other {
                found.push(format!("{what}: {one} and {other}"));
            }
        }
        Ok(found)
    }

    /// What customers and staff were told that is not so, and what was done more than once.
    pub(super) async fn broken_words(&self, asked: &BTreeMap<String, Asked>) -> Result<Vec<String>, Failure> {
        let stored = Stored::read(self).await?;
        Ok(asked.iter().flat_map(|(key, asked)| stored.broken_words(key, asked)).collect())
    }
}

/// Whether something is to be found under the key of a request that was done.
fn leaves_a_row(asked: &Asked) -> bool {
    match asked.kind {
        Kind::Purchase => asked.answer.as_ref().is_some_and(|answer| answer.status == 201),
        Kind::Confirm | Kind::Cart | Kind::Capture | Kind::Void | Kind::Import | Kind::CancelItems => false,
        Kind::Refund | Kind::Cancel | Kind::Ship | Kind::Adjust | Kind::Register => true,
    }
}

/// That an order is another than was asked for, or than was told.
fn other_content(key: &str, asked: &Asked, number: &str, content: &str) -> Option<String> {
    let quantity = asked.content["quantity"].as_i64().unwrap_or_default();
    let wanted = format!("{quantity}/{}", quantity * super::PRICE);
    if wanted != content {
        return Some(format!("{key} asked for {wanted} and got {content}"));
    }
    let answer = asked.answer.as_ref().filter(|answer| answer.status == 201)?;
    let told = answer.told["number"].as_str().unwrap_or_default();
    let total = answer.told["total"].as_i64().unwrap_or_default();
    let same = told == number && total == quantity * super::PRICE && {
        let items = &answer.told["items"];
        items[0][0] == asked.content["variant"] && items[0][1] == quantity
    };
    (!same).then(|| format!("{key} was told {} and {number} is stored", answer.told))
}

/// What is stored under the keys of requests: for each what it is called, and its content.
struct Stored(BTreeMap<(Kind, String), Vec<[String; 2]>>);

impl Stored {
    async fn read(books: &Books) -> Result<Self, Failure> {
        let questions = [
            (
                Kind::Purchase,
                "order",
                "SELECT email, number, CAST(SUM(quantity) AS TEXT) || '/' ||
                CAST(MAX(orders.total_minor) AS TEXT)
                FROM orders JOIN order_items ON order_items.order_id = orders.id
                WHERE number IS NOT NULL
                GROUP BY email, number",
            ),
            (Kind::Refund, "payment", "SELECT reason, kind, status FROM movements WHERE kind = 'refund'"),
            (
                Kind::Cancel,
                "order",
                "SELECT cancel_reason, number, status FROM orders
                WHERE cancel_reason IS NOT NULL AND number IS NOT NULL",
            ),
            (
                Kind::Ship,
                "order",
                "SELECT tracking_number, 'parcel', '' FROM fulfillments
                WHERE tracking_number IS NOT NULL",
            ),
            (
                Kind::Adjust,
                "product",
                "SELECT reason, kind, CAST(delta AS TEXT) FROM stock_movements
                WHERE reason IS NOT NULL",
            ),
            (Kind::Register, "user", "SELECT email, 'account', '' FROM accounts"),
        ];
        let mut stored: BTreeMap<(Kind, String), Vec<[String; 2]>> = BTreeMap::new();
        for (kind, module, sql) in questions {
            for [key, name, content] in books.of(module)?.texts(sql).await? {
                let key = key.trim_end_matches("@lab.example").to_owned();
                stored.entry((kind, key)).or_default().push([name, content]);
            }
        }
        Ok(Self(stored))
    }

    /// What was told of a request that is not so, and what was done more than once.
    fn broken_words(&self, key: &str, asked: &Asked) -> Vec<String> {
        let mut found = Vec::new();
        let done = self.of(key, asked);
        if done.len() > 1 {
            found.push(format!("{:?} {key} was done {} times", asked.kind, done.len()));
        }
        let told = asked.answer.as_ref();
        let status = told.map(|answer| answer.status);
        if status.is_some_and(|status| status < 300) && leaves_a_row(asked) && done.is_empty() {
            found.push(format!("{:?} {key} was acknowledged and is not there", asked.kind));
        }
        if let (Some([of, content]), Kind::Purchase) = (done.first(), asked.kind) {
            found.extend(other_content(key, asked, of, content));
        }
        // A password is not kept, not even as a digest of its request: who registers again is told that they have.
        if asked.kind != Kind::Register
            && let Some(answer) = told
            && let Some(again) = asked.replays.iter().find(|again| *again != answer)
        {
            found.push(format!("{:?} {key} was answered {answer:?} and then {again:?}", asked.kind));
        }
        let halfway = match asked.kind {
            Kind::Import => {
                status == Some(201) && told.is_some_and(|told| told.told["status"] != "previewed")
            }
            Kind::Confirm => {
                status == Some(200) && told.is_some_and(|told| told.told["status"] != "completed")
            }
            _ => false,
        };
        if halfway {
            found.push(format!("{:?} {key} was acknowledged half-way: {told:?}", asked.kind));
        }
        if let Some(status @ (404 | 422)) = status {
            let code = told.map_or(&Value::Null, |answer| &answer.told["code"]);
            found.push(format!("{:?} {key} was answered {status} {code}", asked.kind));
        }
        found
    }

    fn of(&self, key: &str, asked: &Asked) -> &[[String; 2]] {
        self.0.get(&(asked.kind, key.to_owned())).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests;
