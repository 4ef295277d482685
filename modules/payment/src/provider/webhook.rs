//! Signatures of incoming webhooks, as in Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`, on the raw bytes.

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

/// Whether a webhook was signed with the secret, just now.
pub(crate) fn is_genuine(webhook: Signed<'_>, secret: &str, now: Moment) -> bool {
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
pub(crate) fn sign(id: &str, timestamp: &str, body: &[u8], secret: &str) -> String {
    // A MAC takes keys of any length; without one nothing can be signed and nothing verifies.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_micros(1_700_000_000_000_000);

    fn genuine(timestamp: &str, signature: &str, body: &[u8]) -> bool {
        is_genuine(Signed { id: "evt_1", timestamp, signature, body }, "secret", NOW)
    }

    #[test]
    fn only_what_was_signed_with_the_secret_over_these_bytes_is_genuine() {
        let signature = sign("evt_1", "1700000000", b"{\"a\":1}", "secret");
        assert!(genuine("1700000000", &signature, b"{\"a\":1}"));
        assert!(
            genuine("1700000000", &format!("v1,b2xk {signature}"), b"{\"a\":1}"),
            "one of several is enough"
        );
        assert!(!genuine("1700000000", &signature, b"{\"a\": 1}"), "the bytes, not their meaning");
        assert!(!genuine("1700000001", &signature, b"{\"a\":1}"));
        assert!(!genuine("1700000000", "", b"{\"a\":1}"));
        assert!(!genuine("1700000000", &sign("evt_1", "1700000000", b"{\"a\":1}", "other"), b"{\"a\":1}"));
    }

    #[test]
    fn an_old_one_is_not() {
        let signature = sign("evt_1", "1699999699", b"x", "secret");
        assert!(!genuine("1699999699", &signature, b"x"));
        assert!(!genuine("soon", &sign("evt_1", "soon", b"x", "secret"), b"x"));
    }
}
