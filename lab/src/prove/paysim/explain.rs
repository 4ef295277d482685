//! Compares the shop's books with the provider's, cent by cent.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::Failure;
use crate::api::Api;
use crate::paysim::books::{Charge, Content, Status};
use crate::paysim::script::Script;

/// The payments of which something is still on its way, a sentence each.
pub(super) async fn moving(staff: &Api) -> Result<Vec<String>, Failure> {
    let intents = staff.all("/v1/admin/payment-intents").await?;
    let open = |intent: &&Value| {
        let waits = ["processing", "requiresAction"].iter().any(|status| intent["status"] == *status);
        waits
            || ["pendingCapture", "pendingVoid", "pendingRefund"].iter().any(|name| minor(intent, name) != 0)
    };
    Ok(intents.iter().filter(open).map(|intent| format!("{} does not come to rest", intent["id"])).collect())
}

/// What the two do not agree on, a sentence each.
pub(super) async fn differences(staff: &Api, books: &Content) -> Result<Vec<String>, Failure> {
    let mut differences = moving(staff).await?;
    let orders: HashMap<String, String> = staff
        .all("/v1/admin/orders")
        .await?
        .iter()
        .map(|order| (text(&order["id"]), text(&order["status"])))
        .collect();
    let mut charged: BTreeMap<String, usize> = BTreeMap::new();
    let mut known = BTreeMap::new();
    for intent in staff.all("/v1/admin/payment-intents").await? {
        let path = format!("/v1/admin/payment-intents/{}", text(&intent["id"]));
        let intent = staff.get(&path).await?;
        for attempt in intent["attempts"].as_array().into_iter().flatten() {
            known.insert(text(&attempt["id"]), intent.clone());
        }
    }
    for charge in books.charges.values() {
        let Some(intent) = known.get(&charge.charge) else {
            differences.push(format!("{} is in the provider's books and not in the shop's", named(charge)));
            continue;
        };
        let order = text(&intent["orderId"]);
        if charge.captured + charge.held > 0 {
            *charged.entry(order.clone()).or_default() += 1;
        }
        differences.extend(amounts(charge, intent));
        let kept = charge.captured - charge.refunded;
        let status = orders.get(&order).map_or("missing", String::as_str);
        if kept + charge.held > 0 && !["placed", "completed"].contains(&status) {
            differences.push(format!("{} was kept, and its order is {status}", named(charge)));
        }
        if charge.status == Status::Declined && status == "placed" {
            differences.push(format!("{} was declined, and its order is placed", named(charge)));
        }
        let late = charge.token == Script::DoLate.name();
        if late && kept != 0 {
            differences.push(format!("{} came late and was not given back", named(charge)));
        }
    }
    for (attempt, intent) in &known {
        if minor(intent, "captured") != 0 && !books.charges.contains_key(attempt) {
            differences.push(format!("{attempt} is in the shop's books and not in the provider's"));
        }
    }
    let twice = charged.iter().filter(|(_, times)| **times > 1);
    differences.extend(twice.map(|(order, times)| format!("{order} was charged {times} times")));
    differences.extend(ledger(staff, known.values()).await?);
    Ok(differences)
}

/// What the two say of one charge.
fn amounts(charge: &Charge, intent: &Value) -> Option<String> {
    let ours = [minor(intent, "authorized"), minor(intent, "captured"), minor(intent, "refunded")];
    let theirs = [charge.held, charge.captured, charge.refunded];
    let currency = intent["amount"]["currency"] == charge.amount.currency.code();
    (ours != theirs || !currency)
        .then(|| format!("{} is held, captured, refunded {theirs:?} there and {ours:?} here", named(charge)))
}

/// What the provider owes the shop by its ledger is what the payments say.
async fn ledger(staff: &Api, intents: impl Iterator<Item = &Value>) -> Result<Option<String>, Failure> {
    let balances = staff.get("/v1/admin/ledger/balances").await?;
    let owed: i64 = balances["data"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|balance| balance["account"] == "clearing:paysim")
        .map(|balance| minor(balance, "balance"))
        .sum();
    let kept: i64 = intents.map(|intent| minor(intent, "captured") - minor(intent, "refunded")).sum();
    Ok((owed != kept).then(|| format!("the ledger says that {owed} are owed, the payments {kept}")))
}

fn named(charge: &Charge) -> String {
    format!("{} (`{}`)", charge.charge, charge.token)
}

fn minor(of: &Value, name: &str) -> i64 {
    of[name]["amount"].as_i64().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
