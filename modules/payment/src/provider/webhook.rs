//! Signatures of incoming webhooks, as in Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`, on the raw bytes.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use kernel::Moment;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// How far the sender's clock and ours may differ.
const TOLERANCE: Duration = Duration::from_mins(5);

/// A webhook as it arrived: the three headers and the raw body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed<'r> {
    /// `webhook-id`.
    pub(crate) id: &'r str,
    /// `webhook-timestamp`, in seconds.
    pub(crate) timestamp: &'r str,
    /// `webhook-signature`: one or more `v1,…`, separated by spaces.
    pub(crate) signature: &'r str,
    /// The body, byte for byte.
    pub(crate) body: &'r [u8],
}

/// What webhooks are signed with: `whsec_` and the base64 of a key. Never printed.
#[derive(Clone)]
pub struct WebhookSecret(Vec<u8>);

/// The text is no secret of a webhook. It is not repeated here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a webhook secret is `whsec_` followed by the base64 of a key of 24 to 64 bytes, as in Standard Webhooks"
)]
pub struct MalformedSecret;

/// How long a key may be.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const PREFIX: &str = "whsec_";

impl WebhookSecret {
    /// A new one, by chance.
    pub(crate) fn made() -> Self {
        Self(rand::random::<[u8; 32]>().to_vec())
    }

    /// As it is written.
    pub(crate) fn to_text(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }
}

impl FromStr for WebhookSecret {
    type Err = MalformedSecret;

    fn from_str(text: &str) -> Result<Self, MalformedSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(MalformedSecret)?;
        let key = STANDARD.decode(encoded).map_err(|_| MalformedSecret)?;
        if KEY_BYTES.contains(&key.len()) { Ok(Self(key)) } else { Err(MalformedSecret) }
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// Whether a webhook was signed with the secret, just now.
pub(crate) fn is_genuine(webhook: Signed<'_>, secret: &WebhookSecret, now: Moment) -> bool {
    let Ok(seconds) = webhook.timestamp.parse::<i64>() else { return false };
    let sent = Moment::from_micros(seconds.saturating_mul(1_000_000));
    if now.since(sent) > TOLERANCE || sent.since(now) > TOLERANCE {
        return false;
    }
    let expected = sign(webhook.id, webhook.timestamp, webhook.body, secret);
    // Every signature is compared, so that the time tells nothing about which one was near.
    webhook
        .signature
        .split(' ')
        .fold(false, |genuine, shown| genuine | bool::from(shown.as_bytes().ct_eq(expected.as_bytes())))
}

/// The signature of a webhook.
pub(crate) fn sign(id: &str, timestamp: &str, body: &[u8], secret: &WebhookSecret) -> String {
    // A MAC takes keys of any length; without one nothing can be signed and nothing verifies.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&secret.0) else { return String::new() };
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the reference libraries of Standard Webhooks.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SECONDS: i64 = 1_614_265_330;
    const BODY: &[u8] = b"{\"test\": 2432232314}";
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn secret() -> WebhookSecret {
        SECRET.parse().unwrap()
    }

    fn genuine_at(now: i64, timestamp: &str, signature: &str, body: &[u8]) -> bool {
        let now = Moment::from_micros(now * 1_000_000);
        is_genuine(Signed { id: ID, timestamp, signature, body }, &secret(), now)
    }

    fn genuine(timestamp: &str, signature: &str, body: &[u8]) -> bool {
        genuine_at(SECONDS, timestamp, signature, body)
    }

    #[test]
    fn the_published_example_is_genuine() {
        assert_eq!(sign(ID, "1614265330", BODY, &secret()), SIGNATURE);
        assert!(genuine("1614265330", SIGNATURE, BODY));
    }

    #[test]
    fn one_of_several_signatures_is_enough_and_only_of_this_version() {
        let other = sign(ID, "1614265330", BODY, &WebhookSecret::made());
        assert!(genuine("1614265330", &format!("{other} v1a,b2xk {SIGNATURE}"), BODY));
        assert!(genuine("1614265330", &format!("{SIGNATURE} {other}"), BODY));
        assert!(!genuine("1614265330", &SIGNATURE.replace("v1,", "v2,"), BODY));
        assert!(!genuine("1614265330", &SIGNATURE.replace(' ', ","), b""));
        for signature in ["", " ", "v1,", "v1", &other, &SIGNATURE[3..]] {
            assert!(!genuine("1614265330", signature, BODY), "{signature}");
        }
    }

    #[test]
    fn it_is_of_these_bytes_this_id_and_this_moment() {
        assert!(!genuine("1614265330", SIGNATURE, b"{\"test\":2432232314}"), "the bytes, not their meaning");
        assert!(!genuine("1614265331", SIGNATURE, BODY));
        let now = Moment::from_micros(SECONDS * 1_000_000);
        let other = Signed { id: "msg_2", timestamp: "1614265330", signature: SIGNATURE, body: BODY };
        assert!(!is_genuine(other, &secret(), now));
    }

    #[test]
    fn five_minutes_either_way_are_tolerated() {
        for (apart, tolerated) in [(-301, false), (-300, true), (300, true), (301, false)] {
            assert_eq!(genuine_at(SECONDS + apart, "1614265330", SIGNATURE, BODY), tolerated, "{apart}");
        }
        for timestamp in ["soon", "", "1614265330.0", "99999999999999999999"] {
            assert!(!genuine(timestamp, &sign(ID, timestamp, BODY, &secret()), BODY), "{timestamp}");
        }
    }

    #[test]
    fn a_malformed_secret_is_refused_and_none_is_printed() {
        for text in
            ["", "secret", &SECRET[6..], "whsec_", "whsec_c2hvcnQ=", "whsec_not base64!", "WHSEC_MfKQ"]
        {
            assert_eq!(text.parse::<WebhookSecret>().unwrap_err(), MalformedSecret, "{text}");
        }
        let long = format!("whsec_{}", STANDARD.encode([1; 65]));
        assert!(long.parse::<WebhookSecret>().is_err());
        let made = WebhookSecret::made();
        assert_eq!(made.to_text().parse::<WebhookSecret>().unwrap().0, made.0);
        assert_eq!(format!("{made:?}"), "WebhookSecret(…)");
    }
}
