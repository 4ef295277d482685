//! The broker that brings events to other processes.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use url::Url;

use super::secret::Secret;
use super::{duration, secret};

/// Where it is and how it is used.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    /// None: there is no broker.
    #[serde(rename = "url", deserialize_with = "urls")]
    pub urls: Vec<NatsUrl>,
    #[serde(deserialize_with = "secret::optional")]
    pub credentials: Option<Credentials>,
    #[serde(deserialize_with = "prefix")]
    pub prefix: String,
    #[serde(rename = "keep_hours", deserialize_with = "duration::hours")]
    pub keep: Duration,
    pub replicas: NonZeroUsize,
    pub accept_old: bool,
}

/// The text of a credentials file, which is never printed.
#[derive(Clone)]
pub struct Credentials(String);

impl Credentials {
    /// The text itself, for whoever connects.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A `nats://` or `tls://` url. It may hold a password or a token, so it prints without.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsUrl(Url);

impl NatsUrl {
    /// The url with its password, for whoever connects.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        (matches!(url.scheme(), "nats" | "tls") && url.has_host()).then_some(Self(url))
    }
}

impl fmt::Display for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.host_str().unwrap_or_default();
        write!(f, "{}://{host}:{}", self.0.scheme(), self.0.port().unwrap_or(4222))
    }
}

impl fmt::Debug for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

impl FromStr for Credentials {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains("BEGIN NATS USER JWT") && text.contains("SEED") {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be the text of a credentials file, as `nsc generate creds` writes it")
        }
    }
}

fn urls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<NatsUrl>, D::Error> {
    let shape = "must be \"nats://host:4222\" or \"tls://host:4222\", several with commas between, \"env:NAME\" or \
                 \"file:/path\"";
    let text = String::deserialize(deserializer)?;
    // The text is not repeated: a mistyped url still holds its password.
    if text.starts_with("env:") || text.starts_with("file:") {
        let secret = Secret::resolve(&text).map_err(de::Error::custom)?;
        return parse(secret.expose())
            .ok_or_else(|| de::Error::custom(format!("what {text} refers to {shape}")));
    }
    parse(&text).ok_or_else(|| de::Error::custom(shape))
}

/// An empty text is no url.
fn parse(text: &str) -> Option<Vec<NatsUrl>> {
    if text.is_empty() { Some(Vec::new()) } else { text.split(',').map(NatsUrl::parse).collect() }
}

fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    if text.split('.').all(is_word) {
        Ok(text)
    } else {
        Err(de::Error::custom("must be words of letters, digits, \"-\" and \"_\", with dots between"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_printed_without_what_it_holds_for_the_server_alone() {
        let urls = parse("nats://shop:hunter2@one:4333, tls://t0ken@two").unwrap();
        assert_eq!(format!("{urls:?}"), "[nats://one:4333, tls://two:4222]");
        assert!(urls[0].expose().contains("hunter2"));
    }

    #[test]
    fn what_is_no_url_of_a_nats_server_is_refused() {
        for text in ["127.0.0.1:4222", "http://host:4222", "nats://host,", "nats:hunter2"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(""), Some(Vec::new()));
    }
}
