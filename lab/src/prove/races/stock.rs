//! Races for the last unit.

use reqwest::StatusCode;
use serde_json::json;

use super::report::Heat;
use super::track::{Track, count, fresh, refused, text, together};
use crate::Failure;
use crate::bench::checkout;

/// So many buyers of one each, and so many units: as many are sold as there are, and nobody else is told so.
///
/// # Errors
/// The shop cannot be asked.
pub async fn buyers(track: &Track, buyers: usize, units: i64) -> Result<Heat, Failure> {
    let variant = track.on_sale(units).await?;
    let replies = together(buyers, |at| {
        let (api, body) = (track.anybody(at).clone(), checkout(&variant));
        async move { api.post("/v1/checkout", &body, &[("idempotency-key", &fresh())]).await }
    })
    .await?;

    let mut heat = Heat::of("stock", buyers);
    let (sold, most) = (count(&replies, StatusCode::CREATED), buyers.min(units as usize));
    let left = units - most as i64;
    heat.limit("sold", sold, most);
    heat.limit("on the shelf, promised", track.shelf(&variant, (left, 0)).await?, (left, 0));
    let mut numbers: Vec<String> = replies.iter().map(|reply| text(&reply.body["number"])).collect();
    numbers.retain(|number| !number.is_empty());
    numbers.sort();
    numbers.dedup();
    heat.limit("different orders", numbers.len(), most);
    heat.answer("told that there is nothing left", refused(&replies, "out_of_stock"), buyers - most);
    Ok(heat)
}

/// Staff takes from a shelf and adds to it: it never holds less than nothing, and adds up.
///
/// # Errors
/// The shop cannot be asked.
pub async fn adjustments(track: &Track) -> Result<Heat, Failure> {
    let variant = track.on_sale(30).await?;
    let adjust = |at: usize, delta: i64| {
        let body = json!({ "variantId": variant, "delta": delta, "reason": "count" });
        let api = track.staff(at).clone();
        async move { api.post("/v1/admin/stock-levels/adjust", &body, &[("idempotency-key", &fresh())]).await }
    };
    let less = together(64, |at| adjust(at, -1)).await?;
    let more = together(30, |at| adjust(at, 2)).await?;

    let mut heat = Heat::of("adjustment", 94);
    let ok = |replies: &[_]| count(replies, StatusCode::OK) + count(replies, StatusCode::CREATED);
    heat.limit("taken", ok(&less), 30);
    heat.answer("refused", count(&less, StatusCode::CONFLICT), 34);
    heat.answer("added", ok(&more), 30);
    heat.limit("on the shelf, promised", track.shelf(&variant, (60, 0)).await?, (60, 0));
    Ok(heat)
}
