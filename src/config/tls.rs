//! The certificate that this process shows to the others of the shop, and whose it believes.

use kernel::Clock;
use platform::tls::{Part, Pems, Tls};
use serde::Deserialize;
use url::{Host, Url};

use super::placement::NAMES;
use super::{Config, Secret};

/// Where the certificate, its key and the authorities are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    ca: String,
    certificate: String,
    key: String,
    identity: String,
}

/// Why there is no TLS, by the setting that has to be another.
#[derive(Debug, thiserror::Error)]
#[error("`contracts.tls.{setting}`: {what}")]
pub struct TlsProblem {
    pub(super) setting: &'static str,
    pub(super) what: String,
}

impl TlsFiles {
    /// Whether other processes are spoken to over TLS.
    pub fn is_set(&self) -> bool {
        [&self.ca, &self.certificate, &self.key].iter().any(|text| !text.is_empty())
    }

    /// What the files hold at this moment.
    pub fn read(&self) -> Result<Pems, TlsProblem> {
        let file = |setting, path: &str| {
            if path.is_empty() {
                let what = "is missing; `ca`, `certificate` and `key` belong together, and `cleave certs` makes all \
                            three for a try";
                return Err(TlsProblem { setting, what: what.to_owned() });
            }
            std::fs::read_to_string(path).map_err(|error| TlsProblem {
                setting,
                what: format!("the file {path} cannot be read: {error}; write the path of a PEM file"),
            })
        };
        let (ca, certificate) = (file("ca", &self.ca)?, file("certificate", &self.certificate)?);
        let key = match self.key.as_str() {
            "" => file("key", "")?,
            reference => Secret::resolve(reference)
                .map_err(|error| TlsProblem { setting: "key", what: error.to_string() })?
                .expose()
                .to_owned(),
        };
        Ok(Pems { ca, certificate, key })
    }

    /// What is shown and believed from now on; nothing without TLS.
    pub fn load(&self, clock: &Clock) -> Result<Option<Tls>, TlsProblem> {
        if !self.is_set() {
            return Ok(None);
        }
        let tls = Tls::new(&self.read()?, &self.identity, clock.now()).map_err(|error| {
            let setting = match error.part() {
                Part::Ca => "ca",
                Part::Certificate => "certificate",
                Part::Key => "key",
            };
            TlsProblem { setting, what: format!("what is there {error}") }
        })?;
        Ok(Some(tls))
    }
}

/// What does not fit together, as keys and what to do about them.
pub(super) fn amiss(config: &Config) -> Vec<(String, String)> {
    let (files, modules) = (&config.contracts.tls, &config.modules);
    let mut amiss = Vec::new();
    let identity = &files.identity;
    if !identity.starts_with("spiffe://")
        || !identity.ends_with('/')
        || identity.contains(char::is_whitespace)
    {
        let what = "must be what the URIs in the shop's certificates begin with, such as \
                    \"spiffe://cleave/shop/module/\"; a module's name follows";
        amiss.push(("contracts.tls.identity".to_owned(), what.to_owned()));
    }
    match files.load(&Clock::system()) {
        Ok(None) => {}
        Ok(Some(tls)) => {
            let names = tls.names();
            let unnamed = NAMES.into_iter().filter(|module| modules.runs(module) && !names.contains(module));
            amiss.extend(unnamed.map(|module| {
                let what = format!(
                    "it names only: {names}. This process runs the {module} module and would not be believed; issue \
                     it for the URI {identity}{module}, too"
                );
                ("contracts.tls.certificate".to_owned(), what)
            }));
        }
        Err(problem) => amiss.push((format!("contracts.tls.{}", problem.setting), problem.what)),
    }
    for module in NAMES {
        let misfits = modules.urls(module).iter().filter_map(|url| misfit(config, url));
        amiss.extend(misfits.map(|what| (format!("modules.{module}.url"), what)));
    }
    amiss
}

/// Why the process does not call this address, if it does not: in the clear, a process with a certificate calls only
/// others on its machine.
pub(crate) fn misfit(config: &Config, url: &str) -> Option<String> {
    let parsed = Url::parse(url).ok()?;
    let here = match parsed.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match (parsed.scheme(), config.contracts.tls.is_set()) {
        ("https", false) => Some(format!(
            "{url} is spoken to over TLS; write `contracts.tls` as well, or the address with http://"
        )),
        ("http", true) if !here => Some(format!(
            "{url} would be spoken to in the clear, beside `contracts.tls`; write it with https://"
        )),
        ("http", true) if config.contracts.secret.is_none() => Some(format!(
            "{url} is spoken to in the clear, where only signed calls are believed; write it with https://, or \
             `contracts.secret` as well"
        )),
        _ => None,
    }
}
