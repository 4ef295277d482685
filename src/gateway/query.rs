//! The parameters of a query that are the gateway's own, taken off before a module sees it: modules refuse what they do
//! not know, and keep answers under the path as it came.

use actix_web::dev::ServiceRequest;
use actix_web::http::Uri;
use actix_web::http::uri::{Parts, PathAndQuery};
use platform::http::{Problem, invalid_parameter};

/// The gateway's parameters.
pub const OWN: [&str; 2] = ["fields", "expand"];

/// Whether the query may have one of them.
pub fn concerns(query: &str) -> bool {
    OWN.iter().any(|name| query.contains(name))
}

/// The values of the gateway's parameters in their order, and the query without them.
///
/// # Errors
/// 400 `invalid_parameter` for one that is there twice.
pub fn split(query: &str) -> Result<([Option<String>; OWN.len()], String), Problem> {
    let mut values = [const { None }; OWN.len()];
    let mut rest = Vec::new();
    for pair in query.split('&') {
        let Some((name, value)) = form_urlencoded::parse(pair.as_bytes()).next() else { continue };
        let Some(at) = OWN.iter().position(|own| *own == name) else {
            rest.push(pair);
            continue;
        };
        if values[at].replace(value.into_owned()).is_some() {
            return Err(invalid_parameter(&name, "duplicate_parameter", "This parameter is there twice"));
        }
    }
    Ok((values, rest.join("&")))
}

/// Gives the request this query. Its path stays.
pub fn replace(request: &mut ServiceRequest, query: &str) {
    let path = request.uri().path();
    let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    let mut parts: Parts = request.uri().clone().into_parts();
    parts.path_and_query = path.parse::<PathAndQuery>().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        request.head_mut().uri = uri;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn what_is_not_the_gateways_stays_as_it_came() {
        let (values, rest) = split("limit=5&f%69elds=id%2Cnumber&createdAt%5Bgte%5D=1&&q=a+b").unwrap();
        assert_eq!(
            (values, rest.as_str()),
            ([Some("id,number".to_owned()), None], "limit=5&createdAt%5Bgte%5D=1&q=a+b")
        );
        assert_eq!(split("expand=order").unwrap(), ([None, Some("order".to_owned())], String::new()));
        let twice = split("fields=id&limit=1&fields=id").unwrap_err();
        assert_eq!((twice.status().as_u16(), twice.code()), (400, "invalid_parameter"));
    }

    #[test]
    fn a_request_gets_another_query_and_keeps_its_path() {
        let mut request = TestRequest::with_uri("/v1/orders/ord%5F1?fields=id&limit=2").to_srv_request();
        replace(&mut request, "limit=2");
        assert_eq!(request.uri().to_string(), "/v1/orders/ord%5F1?limit=2");
        replace(&mut request, "");
        assert_eq!((request.uri().to_string().as_str(), request.query_string()), ("/v1/orders/ord%5F1", ""));
    }
}
