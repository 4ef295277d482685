//! Payment providers that are processes of their own, a group of settings each, under a name that the shop chooses.

use std::net::IpAddr;

use config::ValueKind;
use payment::{ProviderKey, ProviderSettings, WebhookSecret};
use serde::Deserialize;
use url::{Host, Url};

use super::{Config, secret};

/// The group that all of them are in.
const GROUP: &str = "payment.providers.";
/// What can be said of one.
const SETTINGS: [&str; 3] = ["url", "key", "webhook_secret"];
/// What a setting of one is like: a text.
static TEXT: ValueKind = ValueKind::String(String::new());

/// Where a provider is, and by which secrets it and the shop know each other. What is missing is found later, so
/// that all of it is said at once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElsewhereProvider {
    #[serde(default)]
    url: String,
    #[serde(default, deserialize_with = "secret::optional")]
    key: Option<ProviderKey>,
    #[serde(default, deserialize_with = "secret::optional")]
    webhook_secret: Option<WebhookSecret>,
}

impl ElsewhereProvider {
    /// In the payment module's words, under this name. Nothing is missing in settings that were loaded.
    pub(crate) fn named(&self, name: &str) -> Option<ProviderSettings> {
        let (key, webhook_secret) = (self.key.clone()?, self.webhook_secret.clone()?);
        Some(ProviderSettings { name: name.to_owned(), url: self.url.clone(), key, webhook_secret })
    }
}

/// What a setting of a provider is like. `default.toml` cannot hold one, as it cannot know the names.
pub(super) fn like(key: &str) -> Option<&'static ValueKind> {
    let (name, setting) = key.strip_prefix(GROUP)?.split_once('.')?;
    (is_name(name) && SETTINGS.contains(&setting)).then_some(&TEXT)
}

fn is_name(name: &str) -> bool {
    let letters = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    letters && (1..=32).contains(&name.len()) && name.starts_with(|first: char| first.is_ascii_lowercase())
}

/// What is amiss with a key in the group of providers that is no setting of any.
pub(super) fn unknown(key: &str) -> Option<String> {
    let (name, setting) = key.strip_prefix(GROUP)?.split_once('.').unwrap_or((&key[GROUP.len()..], ""));
    if !is_name(name) {
        return Some(format!(
            "a provider is named like [{GROUP}acme]: a small letter first, then small letters, digits and `_`, 32 at most"
        ));
    }
    Some(format!("there is no setting `{setting}` of a provider; write `url`, `key` and `webhook_secret`"))
}

/// What does not fit together, as keys and what to do about them.
pub(super) fn amiss(config: &Config) -> Vec<(String, String)> {
    let mut amiss = Vec::new();
    for (name, provider) in &config.payment.providers {
        let mut say =
            |setting: &str, what: &str| amiss.push((format!("{GROUP}{name}.{setting}"), what.to_owned()));
        if name == "test" {
            say("url", "the name `test` is the built-in provider's; choose another");
        }
        if let Some(what) = amiss_in_url(&provider.url) {
            say("url", what);
        }
        if provider.key.is_none() {
            say(
                "key",
                "is missing; name what the provider is shown with every call: \"env:NAME\" or \"file:/path\"",
            );
        }
        if provider.webhook_secret.is_none() {
            say(
                "webhook_secret",
                "is missing; name what its webhooks are signed with, \"env:NAME\" or \"file:/path\": there is \
                 \"whsec_\" and the base64 of 24 to 64 bytes",
            );
        }
    }
    amiss
}

/// The key travels with every call, so it is shown to nobody on the way.
fn amiss_in_url(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("is missing; write where the provider is, such as \"https://pay.example/v1\"");
    }
    let Ok(url) = Url::parse(text) else {
        return Some("must be an address such as \"https://pay.example/v1\"");
    };
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Some(
            "must be an address and a path alone, such as \"https://pay.example/v1\"; the secret is `key`",
        );
    }
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" if url.has_host() => None,
        "http" if here => None,
        _ => Some(
            "must begin with https://, since the key travels with every call; http:// is for a provider on this machine",
        ),
    }
}
