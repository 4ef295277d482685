//! The names of a request: its id for people, its trace context for machines.

use std::fmt::Write as _;
use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use uuid::Uuid;

pub(super) struct Trace {
    pub(super) request_id: Arc<str>,
    pub(super) traceparent: Arc<str>,
}

impl Trace {
    /// Takes over what the caller sent, where it is well-formed, and makes the rest from `fresh`.
    pub(super) fn of(headers: &HeaderMap, fresh: Uuid) -> Self {
        let sent = headers.get("x-request-id").and_then(|value| value.to_str().ok());
        let request_id = match sent.filter(|id| well_formed(id)) {
            Some(id) => Arc::from(id),
            None => Arc::from(&*fresh.simple().encode_lower(&mut Uuid::encode_buffer())),
        };
        Self { request_id, traceparent: continued(headers, fresh) }
    }
}

/// Goes into logs, headers and events as it is, so nothing that would mean something there.
fn well_formed(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// The caller's trace with our own span in it, or a new trace.
fn continued(headers: &HeaderMap, fresh: Uuid) -> Arc<str> {
    let mut sent = headers.get_all("traceparent");
    let parent = match (sent.next(), sent.next()) {
        (Some(value), None) => value.to_str().ok().and_then(parent),
        _ => None,
    };
    let span = fresh.as_u128() as u64;
    let mut text = String::with_capacity(55);
    // Writing to a string cannot fail.
    let _ = match parent {
        Some((trace, flags)) => write!(text, "00-{trace}-{span:016x}-{flags}"),
        None => write!(text, "00-{}-{span:016x}-00", fresh.simple()),
    };
    Arc::from(text)
}

/// Trace id and flags of a W3C `traceparent`. A later version may have more fields after the four that are known.
fn parent(text: &str) -> Option<(&str, &str)> {
    let mut fields = text.split('-');
    let (version, trace, span, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let hex = |field: &str, len: usize| {
        field.len() == len && field.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let told = |field: &str| field.bytes().any(|b| b != b'0');
    let known = hex(version, 2) && version != "ff" && (version != "00" || fields.next().is_none());
    (known && hex(trace, 32) && told(trace) && hex(span, 16) && told(span) && hex(flags, 2))
        .then_some((trace, flags))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    const FRESH: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00ab);

    fn of(name: &'static str, value: &str) -> Trace {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        Trace::of(&headers, FRESH)
    }

    #[test]
    fn a_well_formed_request_id_is_kept() {
        assert_eq!(&*of("x-request-id", "check-out_1.2").request_id, "check-out_1.2");
        for id in ["", "a b", "a\"b", "a/b", &"x".repeat(65)] {
            assert_eq!(&*of("x-request-id", id).request_id, "019000000000700080000000000000ab", "{id}");
        }
    }

    #[test]
    fn a_trace_is_continued_under_a_span_of_our_own() {
        let sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(
            &*of("traceparent", sent).traceparent,
            "00-4bf92f3577b34da6a3ce929d0e0e4736-80000000000000ab-01"
        );
        for broken in [
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "",
        ] {
            let fresh = "00-019000000000700080000000000000ab-80000000000000ab-00";
            assert_eq!(&*of("traceparent", broken).traceparent, fresh, "{broken}");
        }
    }
}
