//! What is turned away before anybody has worked on it.

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use kernel::Principal;

use crate::http::problem::Problem;

const LONGEST_URL: usize = 4 * 1024;
const MOST_HEADERS: usize = 64;
const LARGEST_HEAD: usize = 16 * 1024;

/// Limits of the head, and what could be read in two ways.
pub(super) fn check(request: &ServiceRequest) -> Result<(), Problem> {
    let url = request.uri().path_and_query().map_or("", |url| url.as_str());
    if url.len() > LONGEST_URL {
        return Err(Problem::new(
            StatusCode::URI_TOO_LONG,
            "url_too_long",
            "The URL may have at most 4096 characters",
        ));
    }
    let headers = request.headers();
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MOST_HEADERS || size > LARGEST_HEAD {
        return Err(Problem::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers_too_large",
            "A request may have at most 64 headers and 16 KiB of them",
        ));
    }
    if !decodes(url) {
        return Err(Problem::bad_request("malformed_url", "The path and query must decode to UTF-8"));
    }
    if request.query_string().split('&').any(|pair| pair.starts_with("access_token=")) {
        // URLs end up in logs and histories. A token that came in one has to be considered known.
        return Err(invalid_token("A token is taken from the Authorization header only"));
    }
    Ok(())
}

/// The bearer token, if one was sent. A broken header is refused even where no token is needed: the caller believes
/// to be somebody.
pub(super) fn token(request: &ServiceRequest) -> Result<Option<&str>, Problem> {
    let mut values = request.headers().get_all(AUTHORIZATION);
    let Some(value) = values.next() else { return Ok(None) };
    let malformed = || invalid_token("The Authorization header must be `Bearer` and one token");
    if values.next().is_some() {
        return Err(malformed());
    }
    let value = value.to_str().map_err(|_| malformed())?;
    let (scheme, token) = value.split_once(' ').ok_or_else(malformed)?;
    let clean = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    if scheme.eq_ignore_ascii_case("bearer") && clean { Ok(Some(token)) } else { Err(malformed()) }
}

/// Nobody gets to a staff route without a token, whatever its handler forgot to ask. What the token must grant is for
/// the handler to say.
pub(super) fn staff_only(request: &ServiceRequest, principal: &Principal) -> Result<(), Problem> {
    if *principal == Principal::Anonymous && request.path().starts_with("/v1/admin/") {
        return Err(Problem::unauthorized("authentication_required", "This needs a bearer token"));
    }
    Ok(())
}

/// The page to try the API at, which is for browsers.
pub(super) fn leads_to_docs(path: &str) -> bool {
    path.strip_prefix("/docs").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn invalid_token(detail: &'static str) -> Problem {
    Problem::unauthorized("invalid_token", detail)
}

/// Whether every `%xx` is complete and what comes out is UTF-8. Routers, logs and proxies differ about what is not.
fn decodes(url: &str) -> bool {
    if !url.contains('%') {
        return true;
    }
    let bytes = url.as_bytes();
    let digit = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte == b'%' {
            let (Some(high), Some(low)) = (digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) else {
                return false;
            };
            decoded.push((high * 16 + low) as u8);
            at += 3;
        } else {
            decoded.push(*byte);
            at += 1;
        }
    }
    str::from_utf8(&decoded).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_decodes_to_utf8_passes() {
        assert!(["/a", "/%C3%BC", "/%2565", "/a%2Fb?q=%20"].iter().all(|url| decodes(url)));
        assert!(["/%C0%AE", "/%ED%A0%80", "/%", "/%4", "/%zz", "/?q=%FF"].iter().all(|url| !decodes(url)));
    }

    #[test]
    fn only_the_docs_are_the_docs() {
        assert!(["/docs", "/docs/", "/docs/index.html"].iter().all(|path| leads_to_docs(path)));
        assert!(["/docsx", "/v1/docs", "/"].iter().all(|path| !leads_to_docs(path)));
    }
}
