//! What is read from outside here, whatever it is: see `platform::fuzz`.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a broken rule is told by a panic, which is what a fuzzer looks for"
)]

use std::net::IpAddr;

use actix_web::http::header::{HeaderMap, HeaderValue, IF_MATCH};
use platform::fuzz::{Target, line};

use crate::config::Config;
use crate::gateway::versions::{API_VERSION, Asked};
use crate::gateway::{fields::Fields, limit, query};
use crate::topology::{Set, plan};

/// Those of the shop around the modules.
pub const TARGETS: &[Target] = &[
    ("fields", fields),
    ("forwarded", forwarded),
    ("gateway_query", gateway_query),
    ("settings", settings),
    ("topology", topology),
    ("version", version),
];

/// Settings are taken, or each mistake is told, in the same words each time. What is taken can be planned from and to.
pub fn settings(bytes: &[u8]) {
    let Some((variables, file)) = line(bytes) else { return };
    let variables = || {
        let pairs = variables.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.into(), value.into())).collect::<Vec<_>>()
    };
    let told = |read: Result<Config, crate::config::ConfigError>| match read {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    let (once, again) = (Config::read(file, variables()), Config::read(file, variables()));
    if let Err(error) = &once {
        assert!(!error.problems.is_empty());
    }
    assert_eq!(told(once), told(again));
}

/// The settings of processes, one after the other with a line of dashes between: what does not fit together is told, and
/// there is a way from each to the other.
pub fn topology(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let shops: Vec<Set> =
        text.split("\n---\n").filter_map(|file| Config::read(file, []).ok()).map(Set::of).collect();
    for old in &shops {
        let _ = old.faults();
        for new in &shops {
            let _ = plan(old, new).iter().map(ToString::to_string).collect::<Vec<_>>();
        }
        assert!(plan(old, old).is_empty(), "nothing has to be done to stay as it is");
    }
}

/// The gateway's parameters are taken off, and what is left has none of them.
pub fn gateway_query(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok((_, rest)) = query::split(text) {
        let (values, again) = query::split(&rest).unwrap();
        assert_eq!((values, again), ([None, None], rest));
    }
}

/// What is asked for stays and nothing is added; what is kept is kept again.
pub fn fields(bytes: &[u8]) {
    let Some((names, thing)) = line(bytes) else { return };
    let Ok(thing) = serde_json::from_str::<serde_json::Value>(thing) else { return };
    let Ok(fields) = Fields::read(names, |name| !name.is_empty()) else { return };
    let mut kept = thing.clone();
    fields.keep(&mut kept);
    assert!(kept.to_string().len() <= thing.to_string().len());
    let mut again = kept.clone();
    fields.keep(&mut again);
    assert_eq!(again, kept);
}

/// A client is never what stands before an address that is not a trusted proxy's; without one it is who is connected.
pub fn forwarded(bytes: &[u8]) {
    let Ok(header) = HeaderValue::from_bytes(bytes) else { return };
    let stranger: IpAddr = [203, 0, 113, 7].into();
    assert_eq!(limit::client(stranger, &header), Some(stranger));
    let seen = limit::client([10, 0, 0, 1].into(), &header);
    let last = header.to_str().unwrap_or_default().rsplit(',').next().unwrap_or_default().trim();
    if let Ok(last) = last.parse::<IpAddr>()
        && !matches!(last.to_canonical(), IpAddr::V4(four) if four.octets()[0] == 10)
    {
        assert_eq!(seen, Some(last.to_canonical()));
    }
}

/// A version is known or refused, and the tags of another one match nothing.
pub fn version(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for (name, text) in [API_VERSION, IF_MATCH].into_iter().zip(bytes.split(|byte| *byte == b'\n')) {
        if let Ok(value) = HeaderValue::from_bytes(text) {
            headers.insert(name, value);
        }
    }
    for route in [None, Some("/v1/orders"), Some("/v1/addresses/{id}")] {
        let Ok(Some(asked)) = Asked::of(&headers, route) else { continue };
        let mut unmarked = headers.clone();
        asked.unmark(&mut unmarked);
        assert_eq!(unmarked.contains_key(IF_MATCH), headers.contains_key(IF_MATCH));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_seed_is_taken_as_it_must_be() {
        platform::fuzz::run_through("cleave", super::TARGETS);
    }
}
