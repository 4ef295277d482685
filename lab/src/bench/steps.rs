//! A purchase as a storefront makes it: a cart, then who and where to, then the order.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::load::{Client, Load, Rate, everybody};
use crate::Failure;

/// Buys one of a variant, in three requests.
#[derive(Clone)]
pub(super) struct Steps {
    address: String,
    cart: Value,
    details: Value,
    payment: Value,
}

impl Steps {
    /// The steps of what [`super::checkout`] does in one.
    pub(super) fn of(address: &str, checkout: &Value) -> Self {
        Self {
            address: address.to_owned(),
            cart: json!({ "currency": checkout["currency"], "items": checkout["items"] }),
            details: json!({ "email": checkout["email"], "shippingAddress": checkout["shippingAddress"] }),
            payment: json!({ "payment": checkout["payment"] }),
        }
    }

    /// So many clients, each buying again as soon as it has bought.
    pub(super) async fn run(&self, clients: usize, duration: Duration) -> Result<Rate, Failure> {
        everybody(clients, duration, |until| self.clone().one(until)).await
    }

    async fn one(self, until: Instant) -> Result<(Histogram<u64>, u64), Failure> {
        let mut times = crate::histogram();
        let mut refused = 0;
        let create = Load::post(&self.address, "/v1/carts", &self.cart);
        let mut client = Client::connect(&create).await?;
        while Instant::now() < until {
            let began = Instant::now();
            if self.buy(&mut client, &create).await? {
                times.saturating_record(began.elapsed().as_micros() as u64);
            } else {
                refused += 1;
            }
        }
        Ok((times, refused))
    }

    async fn buy(&self, client: &mut Client, create: &Load) -> Result<bool, Failure> {
        let answer = client.ask(create).await?;
        if !answer.is_well() {
            return Ok(false);
        }
        let cart: Value = serde_json::from_slice(answer.body)?;
        let text = |name: &str| cart[name].as_str().unwrap_or_default();
        let path = format!("/v1/carts/{}", text("id"));
        let details = Load::patch(&self.address, &path, &self.details).with("x-cart-token", text("token"));
        if !client.ask(&details).await?.is_well() {
            return Ok(false);
        }
        let order = Load::post(&self.address, &format!("{path}/complete"), &self.payment)
            .with("x-cart-token", text("token"));
        Ok(client.ask(&order).await?.is_well())
    }
}
