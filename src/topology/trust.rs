//! Whether the processes of a shop would believe each other.

use kernel::Clock;
use platform::tls::Tls;
use url::Url;

use super::set::{Process, Set};
use crate::config::TlsProblem;
use crate::declared::MODULES;

/// A process, and what it shows to others if that is a certificate.
type Shown<'s> = (&'s Process, Option<Tls>);

/// What keeps the processes of the set from believing each other, a sentence each.
pub(super) fn faults(set: &Set) -> Vec<String> {
    let clock = Clock::system();
    let shown: Result<Vec<Shown<'_>>, TlsProblem> = set
        .processes()
        .iter()
        .map(|process| Ok((process, process.config.contracts.tls.load(&clock)?)))
        .collect();
    let shown = match shown {
        Ok(shown) => shown,
        Err(problem) => return vec![problem.to_string()],
    };
    let mut faults = strangers(&shown, &clock);
    for (caller, _) in &shown {
        for module in MODULES.map(|module| module.name) {
            for url in caller.config.modules.urls(module) {
                faults.extend(unreachable(caller, module, url, &shown));
            }
        }
    }
    faults
}

/// Processes of which one does not believe what the other shows.
fn strangers(shown: &[Shown<'_>], clock: &Clock) -> Vec<String> {
    let mut strangers = Vec::new();
    for (one, its) in shown {
        for (other, theirs) in shown.iter().filter(|(other, _)| other.name != one.name) {
            let (Some(its), Some(theirs)) = (its, theirs) else { continue };
            if let Err(error) = its.believes(theirs, clock.now()) {
                strangers
                    .push(format!("{} does not believe {}: its certificate {error}", one.name, other.name));
            }
        }
    }
    strangers
}

/// Why a caller does not get through at an address, where something here knows whose it is.
fn unreachable(caller: &Process, module: &str, url: &str, shown: &[Shown<'_>]) -> Option<String> {
    let parsed = Url::parse(url).ok()?;
    let (host, over_tls) = (parsed.host_str()?, parsed.scheme() == "https");
    let address = format!("{host}:{}", parsed.port_or_known_default()?);
    let at = |process: &&Shown<'_>| process.0.config.internal.to_string() == address;
    let running: Vec<_> = match shown.iter().find(at) {
        Some(there) => vec![there],
        // A name, or an address that a balancer has: one of those that run the module is behind it.
        None => shown.iter().filter(|(process, _)| process.config.modules.runs(module)).collect(),
    };
    if running.is_empty() {
        return None;
    }
    let name = &caller.name;
    let there = running.iter().map(|(process, _)| process.name.as_str()).collect::<Vec<_>>().join(" or ");
    if running.iter().all(|(_, tls)| tls.is_some() != over_tls) {
        let (speaks, write) =
            if over_tls { ("does not speak TLS", "http://") } else { ("speaks TLS alone", "https://") };
        return Some(format!(
            "{name} looks for the {module} module at {url}, and {there} {speaks}; write {write} or change \
             `contracts.tls` there"
        ));
    }
    let covered = running.iter().filter_map(|(_, tls)| tls.as_ref()).any(|tls| tls.covers(host));
    (over_tls && !covered).then(|| {
        format!(
            "{name} looks for the {module} module at {url}, and the certificate of {there} does not cover `{host}`; \
             issue it for that name"
        )
    })
}
