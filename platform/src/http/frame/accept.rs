//! Whether the caller can read what the shop speaks.

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::ACCEPT;

use super::door::leads_to_docs;
use crate::http::problem::Problem;

/// JSON everywhere; server-sent events and CSV where a route offers them.
const SPOKEN: [(&str, &str); 4] =
    [("application", "json"), ("application", "problem+json"), ("text", "event-stream"), ("text", "csv")];

pub(super) fn check(request: &ServiceRequest) -> Result<(), Problem> {
    let values = request.headers().get_all(ACCEPT).map(|value| value.to_str().unwrap_or_default());
    if readable(values) || leads_to_docs(request.path()) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", "Answers are application/json"))
}

/// Whether one of the ranges covers something that is spoken here. No header, or an empty one, asks for nothing.
pub(crate) fn readable<'a>(values: impl Iterator<Item = &'a str>) -> bool {
    let mut asked = false;
    for range in values.flat_map(|value| value.split(',')).map(str::trim).filter(|range| !range.is_empty()) {
        asked = true;
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let refused = parts.any(|parameter| {
            parameter.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0))
        });
        let covered = media.split_once('/').is_some_and(|(kind, name)| {
            let covers = |range: &str, word: &str| range == "*" || range.eq_ignore_ascii_case(word);
            SPOKEN.iter().any(|(k, n)| covers(kind, k) && covers(name, n))
        });
        if covered && !refused {
            return true;
        }
    }
    !asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_excludes_json_is_told() {
        let reads = |value: &str| readable([value].into_iter());
        assert!(readable(std::iter::empty()));
        for value in
            ["", "*/*", "application/json", "application/*;q=0.1", "text/html, */*;q=0.8", "Application/JSON"]
        {
            assert!(reads(value), "{value}");
        }
        for value in ["application/xml", "text/html", "application/json;q=0", "json", "image/*, text/plain"] {
            assert!(!reads(value), "{value}");
        }
    }
}
