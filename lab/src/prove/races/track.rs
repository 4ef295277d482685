//! Where races are run: a shop, reached at each of its processes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::Failure;
use crate::api::{Api, Reply};

/// How long events may take to arrive.
const PATIENCE: Duration = Duration::from_secs(20);

/// A shop in which everybody comes at once.
#[derive(Clone)]
pub struct Track {
    anybody: Vec<Api>,
    staff: Vec<Api>,
}

impl Track {
    /// A shop whose processes are reached at these addresses, for somebody who may do everything.
    ///
    /// # Errors
    /// No client can be set up.
    pub fn at(addresses: &[String], staff: &Api) -> Result<Self, Failure> {
        let anybody = addresses.iter().map(|address| Api::new(address.clone()));
        let anybody = anybody.collect::<Result<Vec<Api>, Failure>>()?;
        let staff = anybody.iter().map(|api| api.with_token_of(staff)).collect();
        Ok(Self { anybody, staff })
    }

    /// Somebody at one of its processes, in turn.
    pub(super) fn anybody(&self, at: usize) -> &Api {
        &self.anybody[at % self.anybody.len()]
    }

    /// Staff at one of its processes, in turn.
    pub(super) fn staff(&self, at: usize) -> &Api {
        &self.staff[at % self.staff.len()]
    }

    /// Puts a variant on sale that nobody has bought. Returns its id.
    pub(super) async fn on_sale(&self, stock: i64) -> Result<String, Failure> {
        let sku = format!("RACE-{:016x}", rand::random::<u64>());
        let product = json!({
            "title": sku, "status": "active",
            "variants": [{ "sku": sku, "prices": [{ "amount": 1000, "currency": "USD" }], "stock": stock }],
        });
        let product = self.staff(0).post("/v1/admin/products", &product, &[]).await?;
        Ok(text(&product.expect(StatusCode::CREATED)?["variants"][0]["id"]))
    }

    /// Buys one, promised or paid at once. Returns the id of the order and its payment intent.
    pub(super) async fn bought(&self, variant: &str, capture: &str) -> Result<(String, String), Failure> {
        let mut body = crate::bench::checkout(variant);
        body["payment"]["capture"] = json!(capture);
        let order = self.anybody(0).post("/v1/checkout", &body, &[("idempotency-key", &fresh())]).await?;
        let order = text(&order.expect(StatusCode::CREATED)?["id"]);
        let intents = self.intents(&order).await?;
        let intent = intents.first().map(|intent| text(&intent["id"])).ok_or("the order has no payment")?;
        Ok((order, intent))
    }

    /// The payments of an order.
    pub(super) async fn intents(&self, order: &str) -> Result<Vec<Value>, Failure> {
        let page = self.staff(0).get(&format!("/v1/admin/payment-intents?orderId={order}")).await?;
        Ok(page["data"].as_array().cloned().unwrap_or_default())
    }

    /// What is on the shelf of a variant and what of it is promised, once that is as expected, or after a while.
    pub(super) async fn shelf(&self, variant: &str, expected: (i64, i64)) -> Result<(i64, i64), Failure> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let levels = self.staff(0).get(&format!("/v1/admin/stock-levels?variantId={variant}")).await?;
            let level = &levels["data"][0];
            let number = |name: &str| level[name].as_i64().unwrap_or(i64::MIN);
            let found = (number("onHand"), number("reserved"));
            if found == expected || Instant::now() > give_up {
                return Ok(found);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Does something so often at once: nobody begins before everybody is there.
pub(super) async fn together<F, Fut>(times: usize, act: F) -> Result<Vec<Reply>, Failure>
where
    F: Fn(usize) -> Fut,
    Fut: Future<Output = Result<Reply, Failure>> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(times));
    let mut running = JoinSet::new();
    for at in 0..times {
        let (barrier, act) = (Arc::clone(&barrier), act(at));
        running.spawn(async move {
            barrier.wait().await;
            (at, act.await)
        });
    }
    let mut replies = running.join_all().await;
    replies.sort_by_key(|(at, _)| *at);
    replies.into_iter().map(|(_, reply)| reply).collect()
}

/// How many were answered with this status.
pub(super) fn count(replies: &[Reply], status: StatusCode) -> usize {
    replies.iter().filter(|reply| reply.status == status).count()
}

/// How many were refused in this word.
pub(super) fn refused(replies: &[Reply], code: &str) -> usize {
    replies.iter().filter(|reply| reply.body["code"] == code).count()
}

/// A key that nobody has used.
pub(super) fn fresh() -> String {
    format!("{:032x}", rand::random::<u128>())
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
