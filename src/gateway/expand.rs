//! `?expand=`: things of other modules, put into an answer where it has only their ids.
//!
//! Whatever the answer holds, each other module is called once, with all ids at once: it costs the same in one process
//! and in several. What is offered stands in one list, and each offer asks for the permission of the thing itself.

use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;
use std::sync::Arc;

use futures::future::join_all;
use kernel::Call;
use order_api::{FindOrders, OrderSummary, Orders};
use payment_api::{FindPayments, PaymentSummary, Payments};
use platform::http::{Caller, Problem, invalid_parameter};
use serde::Serialize;
use serde_json::{Value, json};
use user_api::{AccountSummary, FindAccounts, Users};
use utoipa::PartialSchema;

/// A thing of another module that a route can show.
pub struct Offer {
    /// The routes.
    pub routes: [&'static str; 2],
    /// What it is asked for as, and where it is put.
    pub name: &'static str,
    /// Where its id stands, or that of what it belongs to.
    by: &'static str,
    /// What the caller must hold.
    pub permission: &'static str,
    thing: Thing,
}

#[derive(Clone, Copy)]
enum Thing {
    Customer,
    Payment,
    Order,
}

const ORDERS: [&str; 2] = ["/v1/admin/orders", "/v1/admin/orders/{id}"];
const INTENTS: [&str; 2] = ["/v1/admin/payment-intents", "/v1/admin/payment-intents/{id}"];

/// All that is offered.
pub const OFFERS: [Offer; 3] = [
    Offer {
        routes: ORDERS,
        name: "customer",
        by: "customerId",
        permission: "customers:read",
        thing: Thing::Customer,
    },
    Offer { routes: ORDERS, name: "payment", by: "id", permission: "payments:read", thing: Thing::Payment },
    Offer { routes: INTENTS, name: "order", by: "orderId", permission: "orders:read", thing: Thing::Order },
];

/// Why something could not be shown, for the log.
type Failure = Box<dyn std::error::Error + Send + Sync>;
/// What was found, by the id it was asked for with.
type Found = HashMap<String, Value>;

/// Asks the modules for what is to be shown.
pub struct Expander {
    /// Whose customers are.
    pub users: Arc<dyn Users>,
    /// Whose payments are.
    pub payments: Arc<dyn Payments>,
    /// Whose orders are.
    pub orders: Arc<dyn Orders>,
}

impl Offer {
    /// The offers of a route that were asked for by name.
    ///
    /// # Errors
    /// 400 `invalid_parameter` for what the route does not offer, 403 for a permission that is missing.
    pub fn wanted(route: &str, names: &str, caller: &Caller) -> Result<Vec<&'static Self>, Problem> {
        let mut wanted: Vec<&Self> = Vec::new();
        for name in names.split(',') {
            let offer = OFFERS.iter().find(|offer| offer.name == name && offer.routes.contains(&route));
            let Some(offer) = offer else {
                let detail = format!("There is no `{name}` to show here");
                return Err(invalid_parameter("expand", "unknown_expansion", &detail));
            };
            caller.require(offer.permission)?;
            if !wanted.iter().any(|other| other.name == name) {
                wanted.push(offer);
            }
        }
        Ok(wanted)
    }

    /// What it looks like.
    pub fn shape(&self) -> Value {
        let schema = match self.thing {
            Thing::Customer => AccountSummary::schema(),
            Thing::Payment => PaymentSummary::schema(),
            Thing::Order => OrderSummary::schema(),
        };
        serde_json::to_value(schema).unwrap_or_default()
    }
}

impl Expander {
    /// Puts what is wanted into these things, all of them under the same name. What a module that is away would have
    /// told is null, and the warnings that come back say so.
    pub async fn expand(&self, wanted: &[&Offer], call: &Call, things: &mut [&mut Value]) -> Vec<Value> {
        let asked = wanted.iter().map(|offer| {
            let ids = things.iter().filter_map(|thing| thing[offer.by].as_str().map(str::to_owned));
            self.find(offer.thing, call, ids.collect())
        });
        let mut warnings = Vec::new();
        for (offer, found) in wanted.iter().zip(join_all(asked).await) {
            let found = found.unwrap_or_else(|failure| {
                tracing::warn!(expand = offer.name, error = %failure, "an answer is given without a part of it");
                let detail = "A part of the shop is away; ask again for this";
                warnings.push(json!({ "expand": offer.name, "code": "module_unavailable", "detail": detail }));
                Found::new()
            });
            for thing in &mut *things {
                let value = thing[offer.by].as_str().and_then(|id| found.get(id).cloned());
                thing[offer.name] = value.unwrap_or(Value::Null);
            }
        }
        warnings
    }

    async fn find(&self, thing: Thing, call: &Call, ids: BTreeSet<String>) -> Result<Found, Failure> {
        if ids.is_empty() {
            return Ok(Found::new());
        }
        match thing {
            Thing::Customer => {
                let found = self.users.accounts(call, FindAccounts { ids: parsed(&ids) }).await?;
                by_id(found.accounts, |account| account.id.to_string())
            }
            Thing::Payment => {
                let order_ids = ids.into_iter().collect();
                let found = self.payments.payments(call, FindPayments { order_ids }).await?;
                // Of several the newest counts: it comes last.
                by_id(found.payments, |payment| payment.order_id.clone())
            }
            Thing::Order => {
                let found = self.orders.orders(call, FindOrders { ids: parsed(&ids) }).await?;
                by_id(found.orders, |order| order.id.to_string())
            }
        }
    }
}

/// What is no id of a thing is the id of none.
fn parsed<T: FromStr>(ids: &BTreeSet<String>) -> Vec<T> {
    ids.iter().filter_map(|id| id.parse().ok()).collect()
}

fn by_id<T: Serialize>(things: Vec<T>, id: impl Fn(&T) -> String) -> Result<Found, Failure> {
    things.into_iter().map(|thing| Ok((id(&thing), serde_json::to_value(thing)?))).collect()
}

#[cfg(test)]
mod tests;
