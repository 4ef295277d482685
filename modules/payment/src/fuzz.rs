//! What is read from outside here, whatever it is: see `platform::fuzz`.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a broken rule is told by a panic, which is what a fuzzer looks for"
)]

use kernel::Money;
use payment_api::{
    CancelPayment, CaptureMethod, FindPayments, PayOrder, Payment, PaymentsError, ResolvePayment,
};
use platform::fuzz::{self, NOW, Target};
use uuid::Uuid;

use crate::provider::Charge;
use crate::provider::webhook::{Signed, WebhookSecret, is_genuine, sign};
use crate::webhook::Report;
use crate::{intent, ledger, movement, provider, webhook};

/// Those of this module.
pub const TARGETS: &[Target] = &[
    ("payment_bodies", payment_bodies),
    ("payment_calls", payment_calls),
    ("payment_queries", payment_queries),
    ("provider_answer", provider_answer),
    ("webhook", webhook),
    ("webhook_secret", webhook_secret),
];

/// The body of every operation, and what a provider reports.
pub fn payment_bodies(bytes: &[u8]) {
    let bodies: [fn(&[u8]); 4] = [
        |bytes| _ = fuzz::body::<webhook::http::ActionBody>(bytes),
        |bytes| _ = fuzz::body::<movement::http::RefundBody>(bytes),
        |bytes| _ = fuzz::body::<intent::http::CaptureBody>(bytes),
        fuzz::frame::<Report>,
    ];
    if let Some((body, rest)) = fuzz::one_of(&bodies, bytes) {
        body(rest);
    }
}

/// The parameters of every list.
pub fn payment_queries(bytes: &[u8]) {
    let queries: [fn(&[u8]); 4] = [
        |bytes| _ = fuzz::parameters::<intent::http::IntentsParams>(bytes),
        |bytes| _ = fuzz::parameters::<movement::http::RefundsParams>(bytes),
        |bytes| _ = fuzz::parameters::<ledger::http::LedgerParams>(bytes),
        |bytes| _ = fuzz::parameters::<webhook::http::WebhookEventsParams>(bytes),
    ];
    if let Some((query, rest)) = fuzz::one_of(&queries, bytes) {
        query(rest);
    }
}

/// What other modules ask, and what is answered.
pub fn payment_calls(bytes: &[u8]) {
    fuzz::frame::<PayOrder>(bytes);
    fuzz::frame::<Payment>(bytes);
    fuzz::frame::<ResolvePayment>(bytes);
    fuzz::frame::<CancelPayment>(bytes);
    fuzz::frame::<FindPayments>(bytes);
    fuzz::frame::<PaymentsError>(bytes);
}

/// What a provider answers is believed only of the charge and the amount it was asked about.
pub fn provider_answer(bytes: &[u8]) {
    let charge = Charge {
        key: Uuid::from_u128(7),
        amount: Money::new(1000, "USD".parse().unwrap()),
        capture: if bytes.len().is_multiple_of(2) { CaptureMethod::Automatic } else { CaptureMethod::Manual },
        token: "tok".into(),
        sent_at: NOW,
    };
    if provider::http::wire::believes(&charge, bytes) {
        let said: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        assert_eq!((&said["amount"]["amount"], &said["amount"]["currency"]), (&1000.into(), &"USD".into()));
    }
}

/// Nothing is genuine that was not signed with the secret, just now; and what was is.
pub fn webhook(bytes: &[u8]) {
    let Ok(secret) = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse::<WebhookSecret>() else { return };
    let parts: Vec<&[u8]> = bytes.splitn(4, |byte| *byte == b'\n').collect();
    let [id, timestamp, signature, body] = parts[..] else { return };
    let (Ok(id), Ok(timestamp), Ok(signature)) =
        (str::from_utf8(id), str::from_utf8(timestamp), str::from_utf8(signature))
    else {
        return;
    };
    assert!(!is_genuine(Signed { id, timestamp, signature, body }, &secret, NOW));
    let signature = sign(id, timestamp, body, &secret);
    let genuine = is_genuine(Signed { id, timestamp, signature: &signature, body }, &secret, NOW);
    let apart = timestamp.parse::<i64>().map(|seconds| i128::from(seconds) - i128::from(NOW.unix_seconds()));
    assert_eq!(genuine, apart.is_ok_and(|apart| apart.abs() <= 300), "{timestamp}");
}

/// A secret that is taken is written as it was.
pub fn webhook_secret(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(secret) = text.parse::<WebhookSecret>() {
        assert_eq!(secret.to_text(), text);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_seed_is_taken_as_it_must_be() {
        platform::fuzz::run_through("payment", super::TARGETS);
    }
}
