//! A shop in several processes: which module runs where, and each process's settings for it.
//!
//! `CLEAVE_TEST_PLACEMENT` says it: groups of modules with `/` between, such as `user+product/order/payment`. Each
//! group is a process of its own behind a gateway that runs no module; one group is one process, and the gateway, too.
//! `CLEAVE_TEST_TRANSPORT` says how events travel between them: `http`, or `nats` over the server that
//! `CLEAVE_TEST_NATS` names. With `CLEAVE_TEST_PAYMENT=python` the payment module is none of ours, with
//! `CLEAVE_TEST_TLS=1` the processes know each other by certificates.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cleave::config::{Config, Flags};
use cleave::{Listeners, OpenShop, Shop};
use futures::future::join_all;
use kernel::Clock;
use platform::tls::{Authority, Wanted};

use crate::foreign::Foreign;

const ALL: &str = "user+product+order+payment";
/// What the processes of a shop believe each other by.
pub(crate) const SECRET: &str = "known to all processes of one shop";

/// The groups that the environment asks for.
pub(crate) fn groups() -> Vec<Vec<String>> {
    let text = variable("CLEAVE_TEST_PLACEMENT").unwrap_or_else(|| ALL.into());
    let split = |group: &str| group.split('+').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let mut groups: Vec<Vec<String>> = text.split('/').map(split).collect();
    if is_in_python() {
        for group in &mut groups {
            group.retain(|module| module != "payment");
        }
        groups.retain(|group| !group.is_empty());
    }
    if groups.len() > 1 {
        groups.insert(0, Vec::new());
    }
    groups
}

/// Whether payment shall be none of ours.
fn is_in_python() -> bool {
    match variable("CLEAVE_TEST_PAYMENT").as_deref() {
        None | Some("rust") => false,
        Some("python") => true,
        Some(other) => panic!("there is no payment module in `{other}`"),
    }
}

/// How processes speak with each other.
pub(crate) struct Between {
    /// The broker that brings events, and what the subjects there begin with.
    pub broker: Option<(String, String)>,
    /// Whether they know each other by certificates.
    pub tls: bool,
}

impl Between {
    /// As the environment asks for.
    pub(crate) fn asked() -> Self {
        Self { broker: broker(), tls: variable("CLEAVE_TEST_TLS").is_some() }
    }
}

/// Starts a process for each group, in a thread of this one, and payment in Python when none of them runs it. `settings`
/// puts the part that this says into the rest.
pub(crate) async fn start(
    folder: &Path,
    groups: &[Vec<String>],
    between: &Between,
    settings: impl Fn(&str) -> String,
) -> (Vec<OpenShop>, Option<Foreign>) {
    let mode = variable("CLEAVE_TEST_CONTRACTS").unwrap_or_else(|| "local".into());
    let secret = folder.join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let flags = |at| flags(folder, at, "127.0.0.1:0".parse().ok());
    // All addresses are taken before the first process is told those of the others.
    let mut listeners = Vec::new();
    for at in 0..groups.len() {
        std::fs::write(folder.join(format!("{at}.toml")), settings("")).unwrap();
        listeners.push(Listeners::bind(&Config::load(&flags(at)).unwrap()).unwrap());
    }
    let addresses: Vec<_> = listeners.iter().map(|listeners| listeners.internal().unwrap()).collect();
    let runs = |module: &str| groups.iter().position(|group| group.iter().any(|name| name == module));
    let foreign = match (runs("payment"), runs("user"), runs("order")) {
        (None, Some(user), Some(order)) => {
            let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/payment-python");
            Some(Foreign::start(&program, &[], folder, &secret, addresses[user], addresses[order]))
        }
        _ => None,
    };
    let scheme = if between.tls { "https" } else { "http" };
    let certificates = between.tls.then(|| Certificates::of(folder));
    let mut shops = Vec::new();
    for (at, (here, listeners)) in groups.iter().zip(listeners).enumerate() {
        let mut text = format!("[modules]\nrun = {here:?}\n");
        let mut elsewhere: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (group, address) in groups.iter().zip(&addresses).filter(|(group, _)| *group != here) {
            for module in group {
                elsewhere.entry(module).or_default().push(format!("{scheme}://{address}"));
            }
        }
        if let Some(foreign) = &foreign {
            elsewhere.entry("payment").or_default().push(format!("http://{}", foreign.internal));
        }
        for (module, urls) in elsewhere {
            writeln!(text, "[modules.{module}]\nurl = {urls:?}").unwrap();
        }
        writeln!(text, "[contracts]\nmode = \"{mode}\"").unwrap();
        if !between.tls || between.broker.is_some() {
            writeln!(text, "secret = \"file:{}\"", secret.display()).unwrap();
        }
        if let Some(certificates) = &certificates {
            text += &certificates.issue(at, here);
        }
        if let Some((url, prefix)) = &between.broker {
            write!(text, "[events]\ntransport = \"nats\"\n").unwrap();
            write!(text, "[nats]\nurl = \"{url}\"\nprefix = \"{prefix}\"\naccept_old = true\n").unwrap();
        } else if groups.len() > 1 || foreign.is_some() {
            text += "[events]\ntransport = \"http\"\n";
        }
        std::fs::write(folder.join(format!("{at}.toml")), settings(&text)).unwrap();
        let config = Config::load(&flags(at)).unwrap();
        shops.push(Shop::build_on(listeners, config, Clock::system()).await.unwrap());
    }
    let opened = join_all(shops.into_iter().map(Shop::open)).await;
    (opened.into_iter().map(Result::unwrap).collect(), foreign)
}

/// The certificates of a shop.
pub(crate) struct Certificates {
    authority: Authority,
    folder: PathBuf,
}

impl Certificates {
    /// By a new authority, which lies in that folder.
    pub(crate) fn of(folder: &Path) -> Self {
        let (authority, kept) = Authority::found(&Clock::system()).unwrap();
        std::fs::write(folder.join("ca.pem"), kept.certificate).unwrap();
        Self { authority, folder: folder.to_owned() }
    }

    /// Issues one for a process that runs these modules. Returns what to write into its settings.
    pub(crate) fn issue(&self, at: usize, here: &[String]) -> String {
        let gateway = ["gateway".to_owned()];
        let names = if here.is_empty() { &gateway } else { here };
        let issued = self.authority.issue(&Wanted {
            uris: names.iter().map(|name| format!("spiffe://cleave/shop/module/{name}")).collect(),
            hosts: vec!["127.0.0.1".to_owned()],
            from: Clock::system().now(),
            lasts: Duration::from_hours(1),
        });
        let (issued, folder) = (issued.unwrap(), self.folder.display());
        std::fs::write(self.folder.join(format!("{at}.pem")), issued.certificate).unwrap();
        std::fs::write(self.folder.join(format!("{at}.key")), issued.key).unwrap();
        format!(
            "[contracts.tls]\nca = \"{folder}/ca.pem\"\ncertificate = \"{folder}/{at}.pem\"\n\
             key = \"file:{folder}/{at}.key\"\n"
        )
    }
}

/// Starts a process that was taken down, at the address where the others look for it, with its settings changed.
pub(crate) async fn start_again(
    folder: &Path,
    at: usize,
    internal: SocketAddr,
    change: impl Fn(String) -> String,
) -> OpenShop {
    let flags = flags(folder, at, Some(internal));
    let file = flags.config.as_ref().unwrap();
    let before = std::fs::read_to_string(file).unwrap();
    let after = change(before.clone());
    assert_ne!(after, before);
    std::fs::write(file, after).unwrap();
    let shop = Shop::build(Config::load(&flags).unwrap(), Clock::system()).await.unwrap();
    shop.open().await.unwrap()
}

fn flags(folder: &Path, at: usize, internal: Option<SocketAddr>) -> Flags {
    Flags {
        config: Some(folder.join(format!("{at}.toml"))),
        data: Some(folder.join("data")),
        listen: "127.0.0.1:0".parse().ok(),
        internal,
    }
}

/// The broker that the environment asks for, and what nobody else's subjects there begin with.
pub(crate) fn broker() -> Option<(String, String)> {
    match variable("CLEAVE_TEST_TRANSPORT").as_deref() {
        None | Some("http") => None,
        Some("nats") => {
            let url =
                variable("CLEAVE_TEST_NATS").expect("CLEAVE_TEST_TRANSPORT=nats wants CLEAVE_TEST_NATS");
            Some((url, prefix()))
        }
        Some(other) => panic!("there is no transport `{other}`"),
    }
}

/// A prefix that nobody uses.
pub(crate) fn prefix() -> String {
    format!("test.t{:016x}", rand::random::<u64>())
}

#[expect(clippy::disallowed_methods, reason = "these are not settings of the shop but of its tests")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
