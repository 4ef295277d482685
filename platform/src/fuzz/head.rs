//! What stands in the head of a request.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::test::TestRequest;

use super::{line, refused};
use crate::http::{self, IfMatch, PageView, page_request};

/// A header as it comes over the wire: no control characters but a tab.
fn value(bytes: &[u8]) -> Option<HeaderValue> {
    HeaderValue::from_bytes(bytes).ok()
}

/// A cursor is taken by the list that gave it out and by no other; any other text is refused.
pub fn cursor(bytes: &[u8]) {
    let Some((scope, text)) = line(bytes) else { return };
    if let Err(problem) = page_request::<(i64, String)>(scope, None, Some(text)) {
        refused(&problem);
    }
    let page =
        kernel::Page { data: vec![(7_i64, text.chars().take(60).collect::<String>())], has_more: true };
    let view = PageView::new(scope, page, Clone::clone).unwrap();
    let given = view.next_cursor.unwrap();
    if given.len() <= 512 {
        let read = page_request::<(i64, String)>(scope, None, Some(&given)).unwrap();
        assert_eq!(read.after.as_ref(), view.data.last());
        assert!(page_request::<(i64, String)>(&format!("{scope}x"), None, Some(&given)).is_err());
    }
}

/// A change for one version is for that and for no other.
pub fn etag(bytes: &[u8]) {
    let Some(header) = value(bytes) else { return };
    let expected = IfMatch::read([header.to_str().unwrap_or_default()].into_iter());
    if let Some(version) = expected.version() {
        assert!(expected.check(version).is_ok());
        assert!(expected.check(version.wrapping_add(1)).is_err());
    }
    let request = TestRequest::default().insert_header(("if-none-match", header)).to_http_request();
    let held = http::if_none_match(&request, "\"v7\"");
    assert!(held || bytes.trim_ascii() != b"*", "what matches everything matches this");
}

/// A key that is taken is of 1 to 255 visible characters, and the same whether it is quoted or not.
pub fn key(bytes: &[u8]) {
    let Some(header) = value(bytes) else { return };
    let Some(key) = http::key_of(&header) else { return };
    assert!((1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
    let quoted = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
    assert_eq!(http::key_of(&value(quoted.as_bytes()).unwrap()), Some(key));
}

/// What is accepted does not depend on how the header is split into lines.
pub fn accept(bytes: &[u8]) {
    let Some(text) = value(bytes).and_then(|value| value.to_str().map(str::to_owned).ok()) else { return };
    assert_eq!(http::accepts([text.as_str()].into_iter()), http::accepts(text.split(',')), "{text}");
}

/// What is passed on of a trace is well formed, whatever came.
pub fn trace(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for (name, text) in ["x-request-id", "traceparent"].into_iter().zip(bytes.split(|byte| *byte == b'\n')) {
        if let Some(value) = value(text) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    let (id, parent) = http::trace_of(&headers, uuid::Uuid::from_u128(7));
    assert!((1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(parent.len() == 55 && parent.is_ascii() && parent.starts_with("00-"), "{parent}");
}

/// An address and an `Authorization`: refused, or a path that decodes and a token that can be shown again.
pub fn head(bytes: &[u8]) {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let (Some(path), authorization) = (lines.next(), lines.next().and_then(value)) else { return };
    let Ok(uri) = actix_web::http::Uri::try_from(path) else { return };
    let mut request = TestRequest::default().uri(&uri.to_string());
    if let Some(authorization) = authorization {
        request = request.insert_header(("authorization", authorization));
    }
    let request = request.to_srv_request();
    match http::door_opens(&request) {
        Err(problem) => assert!([400, 401, 414, 431].contains(&problem.status().as_u16())),
        Ok(token) => {
            let decoded = form_urlencoded::parse(uri.path().replace('+', "%2B").as_bytes())
                .map(|(name, value)| name.into_owned() + &value)
                .collect::<String>();
            assert!(
                !decoded.contains('\u{fffd}')
                    || uri.path().contains("%EF%BF%BD")
                    || uri.path().contains("%ef%bf%bd")
            );
            assert!(
                token.is_none_or(
                    |token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
                )
            );
        }
    }
}
