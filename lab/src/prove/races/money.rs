//! Races for money that was taken or promised.

use reqwest::StatusCode;
use serde_json::json;

use super::report::Heat;
use super::track::{Track, count, fresh, together};
use crate::Failure;

/// How many give it back at once.
const REFUNDS: usize = 64;
/// How many take it or give it up at once.
const ENDS: usize = 16;

/// Everybody gives back sixty percent of one payment: it goes back once.
///
/// # Errors
/// The shop cannot be asked.
pub async fn refunds(track: &Track) -> Result<Heat, Failure> {
    let variant = track.on_sale(1).await?;
    let (order, intent) = track.bought(&variant, "automatic").await?;
    let whole = &track.intents(&order).await?[0]["captured"]["amount"];
    let part = whole.as_i64().unwrap_or_default() * 6 / 10;
    let body = json!({
        "paymentIntentId": intent, "amount": { "amount": part, "currency": "USD" }, "reason": "race",
    });
    let replies = together(REFUNDS, |at| {
        let (api, body) = (track.staff(at).clone(), body.clone());
        async move { api.post("/v1/admin/refunds", &body, &[("idempotency-key", &fresh())]).await }
    })
    .await?;

    let mut heat = Heat::of("refund", REFUNDS);
    heat.limit("given back", count(&replies, StatusCode::CREATED), 1);
    heat.answer("refused", count(&replies, StatusCode::CONFLICT), REFUNDS - 1);
    let after = &track.intents(&order).await?[0];
    heat.limit("refunded", &after["refunded"]["amount"], &json!(part));
    heat.limit("on its way back", &after["pendingRefund"]["amount"], &json!(0));
    Ok(heat)
}

/// Half take what was promised, half give it up: one of both happens.
///
/// # Errors
/// The shop cannot be asked.
pub async fn capture_or_cancel(track: &Track) -> Result<Heat, Failure> {
    let variant = track.on_sale(1).await?;
    let (order, intent) = track.bought(&variant, "manual").await?;
    let replies = together(ENDS, |at| {
        let (api, path) = (track.staff(at).clone(), format!("/v1/admin/payment-intents/{intent}"));
        async move {
            let headers = [("idempotency-key", &*fresh())];
            match at / 2 % 2 {
                0 => api.post(&format!("{path}/capture"), &json!({}), &headers).await,
                _ => api.post_nothing(&format!("{path}/cancel"), &headers).await,
            }
        }
    })
    .await?;

    let mut heat = Heat::of("capture", ENDS);
    let (captures, cancels): (Vec<_>, Vec<_>) =
        replies.into_iter().enumerate().partition(|(at, _)| at / 2 % 2 == 0);
    let done = |replies: &[(usize, crate::api::Reply)]| {
        replies.iter().filter(|(_, reply)| reply.status == StatusCode::OK).count()
    };
    let (taken, given_up) = (done(&captures), done(&cancels));
    heat.limit("taken, given up", (taken, given_up > 0), (usize::from(given_up == 0), given_up > 0));
    let amiss = captures
        .iter()
        .chain(&cancels)
        .filter(|(_, reply)| ![StatusCode::OK, StatusCode::CONFLICT].contains(&reply.status));
    heat.answer("neither done nor refused", amiss.count(), 0);
    let after = &track.intents(&order).await?[0];
    let expected =
        if taken == 1 { ("succeeded", &after["amount"]["amount"]) } else { ("canceled", &json!(0)) };
    heat.limit(
        "status, captured",
        (after["status"].as_str().unwrap_or_default(), &after["captured"]["amount"]),
        expected,
    );
    let moving = (&after["pendingCapture"]["amount"], &after["pendingVoid"]["amount"]);
    heat.limit("on its way", moving, (&json!(0), &json!(0)));
    heat.limit("still promised", &after["authorized"]["amount"], &json!(0));
    Ok(heat)
}
