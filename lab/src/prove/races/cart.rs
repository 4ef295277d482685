//! Races for a cart.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use super::report::Heat;
use super::track::{Track, count, fresh, text, together};
use crate::Failure;
use crate::bench::checkout;

/// How many complete it at once.
const TIMES: usize = 64;
/// When the test provider tells by webhook what it did not answer.
const TOLD_AFTER: Duration = Duration::from_millis(1_200);

/// One cart is completed by everybody, each under a key of their own, with this payment token. With `late_webhook` half
/// of them come as the provider's webhook does. It becomes one order, paid once.
///
/// # Errors
/// The shop cannot be asked.
pub async fn completions(track: &Track, token: &'static str) -> Result<Heat, Failure> {
    let variant = track.on_sale(100).await?;
    let (id, cart_token) = ready(track, &variant).await?;
    let late = token == "late_webhook";
    let replies = together(TIMES, |at| {
        let (api, path, cart_token) =
            (track.anybody(at).clone(), format!("/v1/carts/{id}/complete"), cart_token.clone());
        let body = json!({ "payment": { "provider": "test", "token": token } });
        async move {
            if late && at % 2 == 1 {
                tokio::time::sleep(TOLD_AFTER).await;
            }
            api.post(&path, &body, &[("idempotency-key", &fresh()), ("x-cart-token", &cart_token)]).await
        }
    })
    .await?;

    let mut heat = Heat::of("cart", TIMES);
    heat.limit("on the shelf, promised", track.shelf(&variant, (99, 0)).await?, (99, 0));
    let placed = count(&replies, StatusCode::CREATED);
    let accepted = count(&replies, StatusCode::ACCEPTED);
    heat.answer("neither placed nor on its way", TIMES - placed - if late { accepted } else { 0 }, 0);
    let mut orders: Vec<String> = replies
        .iter()
        .filter(|reply| reply.status == StatusCode::CREATED)
        .map(|reply| text(&reply.body["id"]))
        .collect();
    orders.sort();
    orders.dedup();
    heat.limit("orders", orders.len().max(1), 1);
    for order in &orders {
        let intents = track.intents(order).await?;
        let sum: i64 = intents.iter().filter_map(|intent| intent["captured"]["amount"].as_i64()).sum();
        let due = intents.first().and_then(|intent| intent["amount"]["amount"].as_i64()).unwrap_or_default();
        heat.limit("payments and what they took", (intents.len(), sum), (1, due));
    }
    Ok(heat)
}

/// A cart with one of a variant that can be completed. Returns its id and its token.
async fn ready(track: &Track, variant: &str) -> Result<(String, String), Failure> {
    let body = json!({ "currency": "USD", "items": [{ "variantId": variant, "quantity": 1 }] });
    let cart = track.anybody(0).post("/v1/carts", &body, &[]).await?.expect(StatusCode::CREATED)?;
    let (id, token) = (text(&cart["id"]), text(&cart["token"]));
    let details =
        json!({ "email": "guest@example.com", "shippingAddress": checkout(variant)["shippingAddress"] });
    let path = format!("/v1/carts/{id}");
    let patched = track.anybody(0).patch(&path, &details, &[("x-cart-token", &token)]).await?;
    patched.expect(StatusCode::OK)?;
    Ok((id, token))
}
