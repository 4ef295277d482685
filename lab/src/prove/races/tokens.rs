//! Races of refresh tokens.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::report::Heat;
use super::track::{Track, count, fresh, text, together};
use crate::Failure;
use crate::api::Reply;

/// How many tabs a browser has open.
const TABS: usize = 20;
/// How often they all wake up.
const WAKES: usize = 5;
/// How many thieves.
const THIEVES: usize = 16;

const PASSWORD: &str = "correct horse battery staple";

/// A browser whose tabs all show the same token at once, again and again, stays signed in.
///
/// # Errors
/// The shop cannot be asked.
pub async fn tabs(track: &Track) -> Result<Heat, Failure> {
    let mut heat = Heat::of("tabs", TABS * WAKES);
    let mut token = signed_in(track).await?;
    for _ in 0..WAKES {
        let replies = together(TABS, |at| show(track, at, &token)).await?;
        heat.limit("signed out", TABS - count(&replies, StatusCode::OK), 0);
        let mut next: Vec<String> = replies.iter().map(|reply| text(&reply.body["refreshToken"])).collect();
        next.retain(|token| !token.is_empty());
        next.sort();
        next.dedup();
        heat.limit("successors", next.len(), 1);
        match next.pop() {
            Some(next) => token = next,
            None => break,
        }
    }
    let last = show(track, 0, &token).await?;
    heat.limit("the last token", last.status, StatusCode::OK);
    let account = track.anybody(1).with_token(&text(&last.body["accessToken"])).get("/v1/account").await;
    heat.limit("signed in after all", account.is_ok(), true);
    Ok(heat)
}

/// A token is stolen and shown, by many at once, when its successor was used: nobody gets in, and the session is over.
///
/// # Errors
/// The shop cannot be asked.
pub async fn thief(track: &Track) -> Result<Heat, Failure> {
    let stolen = signed_in(track).await?;
    let next = text(&show(track, 0, &stolen).await?.expect(StatusCode::OK)?["refreshToken"]);
    let owners = text(&show(track, 1, &next).await?.expect(StatusCode::OK)?["refreshToken"]);

    let replies = together(THIEVES, |at| show(track, at, &stolen)).await?;

    let mut heat = Heat::of("thief", THIEVES);
    heat.limit("thieves inside", count(&replies, StatusCode::OK), 0);
    heat.answer("thieves outside", count(&replies, StatusCode::UNAUTHORIZED), THIEVES);
    let after = show(track, 1, &owners).await?;
    heat.limit("the owner's token after a theft", after.status, StatusCode::UNAUTHORIZED);
    Ok(heat)
}

/// A customer who has just signed in. Returns the refresh token.
async fn signed_in(track: &Track) -> Result<String, Failure> {
    let email = format!("{}@example.com", fresh());
    let body = json!({ "email": email, "password": PASSWORD, "name": "Ada" });
    track.anybody(0).post("/v1/auth/register", &body, &[]).await?.expect(StatusCode::CREATED)?;
    let body = json!({ "email": email, "password": PASSWORD });
    let tokens: Value = track.anybody(0).post("/v1/auth/login", &body, &[]).await?.expect(StatusCode::OK)?;
    Ok(text(&tokens["refreshToken"]))
}

fn show(
    track: &Track,
    at: usize,
    token: &str,
) -> impl Future<Output = Result<Reply, Failure>> + Send + use<> {
    let (api, body) = (track.anybody(at).clone(), json!({ "refreshToken": token }));
    async move { api.post("/v1/auth/refresh", &body, &[]).await }
}
