//! Until 2026-09-01 an address had a `zip`; it is the `postalCode` now, because most of the world has no zip.

use serde_json::Value;

use super::Change;

const OLD: &str = "zip";
const NEW: &str = "postalCode";

/// The address book, whose things are addresses.
pub(super) const BOOK: Change = Change {
    routes: &["/v1/addresses", "/v1/addresses/{id}"],
    request: |body| rename(body, OLD, NEW),
    answer: |body| match body.get_mut("data") {
        Some(Value::Array(list)) => list.iter_mut().for_each(|address| rename(address, NEW, OLD)),
        _ => rename(body, NEW, OLD),
    },
};

/// What has addresses.
pub(super) const ORDERS: Change = Change {
    routes: &[
        "/v1/admin/orders",
        "/v1/admin/orders/{id}",
        "/v1/admin/orders/{id}/cancel",
        "/v1/carts",
        "/v1/carts/{id}",
        "/v1/carts/{id}/complete",
        "/v1/carts/{id}/items",
        "/v1/carts/{id}/items/{itemId}",
        "/v1/checkout",
        "/v1/orders",
        "/v1/orders/{id}",
    ],
    request: |body| within(body, OLD, NEW),
    answer: |body| within(body, NEW, OLD),
};

fn within(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if name == "shippingAddress" || name == "billingAddress" {
                    rename(member, from, to);
                } else {
                    within(member, from, to);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| within(item, from, to)),
        _ => {}
    }
}

/// Two names for one thing are left for the module to refuse.
fn rename(address: &mut Value, from: &str, to: &str) {
    let Value::Object(members) = address else { return };
    if !members.contains_key(to)
        && let Some(value) = members.remove(from)
    {
        members.insert(to.to_owned(), value);
    }
}
