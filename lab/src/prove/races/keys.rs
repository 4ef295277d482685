//! Races under one idempotency key.

use std::time::{Duration, Instant};

use reqwest::StatusCode;

use super::report::Heat;
use super::track::{Track, fresh, refused, together};
use crate::Failure;
use crate::bench::checkout;

/// How many send the same.
const TIMES: usize = 64;
/// How long a client comes back that is told that its request is under way.
const PATIENCE: Duration = Duration::from_secs(20);

/// The same request under the same key, by everybody: one effect, and one answer byte for byte.
///
/// # Errors
/// The shop cannot be asked.
pub async fn duplicates(track: &Track) -> Result<Heat, Failure> {
    let variant = track.on_sale(100).await?;
    let key = fresh();
    let replies = together(TIMES, |at| {
        let (api, body, key) = (track.anybody(at).clone(), checkout(&variant), key.clone());
        async move {
            let give_up = Instant::now() + PATIENCE;
            loop {
                let reply = api.post("/v1/checkout", &body, &[("idempotency-key", &key)]).await?;
                if reply.body["code"] != "idempotency_in_progress" || Instant::now() > give_up {
                    return Ok(reply);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    })
    .await?;

    let mut heat = Heat::of("idempotency", TIMES);
    let Some(first) = replies.first() else { return Ok(heat) };
    heat.answer("the first answer", first.status, StatusCode::CREATED);
    let other = replies.iter().filter(|reply| {
        (reply.status, &reply.bytes, &reply.location) != (first.status, &first.bytes, &first.location)
    });
    heat.limit("answers that are not the first's", other.count(), 0);
    heat.limit("on the shelf, promised", track.shelf(&variant, (99, 0)).await?, (99, 0));
    let mut body = checkout(&variant);
    body["items"][0]["quantity"] = serde_json::json!(2);
    let another = track.anybody(1).post("/v1/checkout", &body, &[("idempotency-key", &key)]).await?;
    heat.answer("another request under the key", refused(&[another], "idempotency_key_reused"), 1);
    Ok(heat)
}
