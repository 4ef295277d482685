//! What processes of a shop say to each other, and what others could say in their place.

use std::fmt::Debug;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use kernel::call::CallFailure;
use kernel::{Clock, Event};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{NOW, line};
use crate::calls::{Credentials, breaks, heard};

fn credentials() -> Credentials {
    let secret = "a secret that only this shop knows, 32 bytes".parse().unwrap();
    Credentials::secret(secret, Clock::held_at(NOW))
}

/// What is taken of a request or an answer is the same when it is written and read again.
pub fn frame<T: DeserializeOwned + Serialize + Debug + PartialEq>(bytes: &[u8]) {
    if let Ok(read) = serde_json::from_slice::<T>(bytes) {
        let written = serde_json::to_vec(&read).unwrap();
        assert_eq!(serde_json::from_slice::<T>(&written).unwrap(), read);
    }
}

/// An event, and what a call may fail with.
pub fn event(bytes: &[u8]) {
    frame::<Event>(bytes);
    frame::<CallFailure>(bytes);
}

/// Nobody who does not know the secret is believed, whatever stands in the head of a call.
pub fn call(bytes: &[u8]) {
    let Some((first, body)) = line(bytes) else { return };
    let names =
        ["cleave-caller", "cleave-deadline-ms", "cleave-principal", "cleave-signature", "traceparent"];
    let mut headers = HeaderMap::new();
    for (name, text) in names.into_iter().zip(first.split('|')) {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    assert!(
        !heard(&headers, "/rpc/products.v1/quote", body.as_bytes(), credentials()),
        "a forged call is believed"
    );
}

/// Nothing is taken for an event of the shop that the shop has not sealed.
pub fn sealed(bytes: &[u8]) {
    let Some((seal, text)) = line(bytes) else { return };
    let secret = credentials().secret;
    assert!(!secret.is_sealed("cleave.order.placed", text.as_bytes(), seal), "a forged seal is believed");
    let own = secret.seal("cleave.order.placed", text.as_bytes());
    assert!(secret.is_sealed("cleave.order.placed", text.as_bytes(), &own));
    assert!(!secret.is_sealed("cleave.order.canceled", text.as_bytes(), &own));
}

/// Whatever a peer says its contract is, comparing it with ours comes to an end, and a contract fits itself.
pub fn descriptor(bytes: &[u8]) {
    let Some((one, other)) = line(bytes) else { return };
    let (Ok(one), Ok(other)) = (serde_json::from_str::<Value>(one), serde_json::from_str::<Value>(other))
    else {
        return;
    };
    let _ = breaks(&one, &other);
    let _ = breaks(&other, &one);
    assert_eq!(breaks(&one, &one), breaks(&one, &one));
}
