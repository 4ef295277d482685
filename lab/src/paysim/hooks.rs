//! Its webhooks, signed as in Standard Webhooks, and those of somebody who would like to be it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use kernel::{Clock, Money};
use platform::tls::plain_client;
use reqwest::Client;
use serde_json::json;
use sha2::Sha256;

use super::books::{Charge, Status};
use super::script::Hook;
use crate::Failure;

/// How often a webhook is sent that nobody thanks for.
const TRIES: u32 = 20;
/// How old a stale one is, in seconds.
const AGE: i64 = 3_600;

/// Sends webhooks to a shop.
pub(super) struct Hooks {
    url: String,
    key: Vec<u8>,
    client: Client,
    clock: Clock,
}

impl Hooks {
    pub(super) fn new(url: String, secret: &str) -> Result<Self, Failure> {
        let encoded = secret.strip_prefix("whsec_").ok_or("the secret of webhooks begins with `whsec_`")?;
        let client = plain_client()?.timeout(Duration::from_secs(10)).no_proxy().build()?;
        Ok(Self { url, key: STANDARD.decode(encoded)?, client, clock: Clock::system() })
    }

    /// Sends one, and again until somebody takes or refuses it.
    pub(super) async fn send(&self, charge: &Charge, hook: Hook) {
        for _ in 0..TRIES {
            let sent = self.send_once(charge, hook).await;
            if sent.is_ok_and(|status| !status.is_server_error()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn send_once(&self, charge: &Charge, hook: Hook) -> Result<reqwest::StatusCode, Failure> {
        let declined = hook == Hook::Declined || (hook == Hook::True && charge.status == Status::Declined);
        let kind = if declined { "charge.declined" } else { "charge.succeeded" };
        let other = i64::from(hook == Hook::OtherAmount);
        let amount = Money::new(charge.amount.amount + other, charge.amount.currency);
        let report =
            json!({ "type": kind, "charge": charge.charge, "reference": charge.reference, "amount": amount });
        let body = serde_json::to_vec(&report)?;
        let id = format!("evt_{}_{hook:?}", charge.reference);
        let age = if hook == Hook::Stale { AGE } else { 0 };
        let timestamp = (self.clock.now().unix_seconds() - age).to_string();
        let stranger = b"somebody else's secret, not ours".to_vec();
        let key = if hook == Hook::Forged { &stranger } else { &self.key };
        let mut mac = Hmac::<Sha256>::new_from_slice(key)?;
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", &body] {
            mac.update(part);
        }
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let request = self.client.post(&self.url).header("content-type", "application/json");
        let request = request.header("webhook-id", id).header("webhook-timestamp", timestamp);
        Ok(request.header("webhook-signature", signature).body(body).send().await?.status())
    }
}
