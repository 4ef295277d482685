//! A shop to compare with: what it serves, to whom, and where.

use std::collections::BTreeSet;

use cleave::config::{Config, Flags};
use cleave::{OpenShop, Shop};
use kernel::Clock;
use serde_json::Value;
use tempfile::TempDir;

use super::tree::MODULES;

/// A method of a contract, as the path of a call, with those who may call it.
pub(super) type Call = (String, BTreeSet<String>);

/// A shop of all modules on any free port.
pub(super) async fn open() -> (TempDir, OpenShop) {
    let folder = tempfile::tempdir().unwrap();
    let flags = Flags {
        config: None,
        data: Some(folder.path().join("data")),
        listen: "127.0.0.1:0".parse().ok(),
        internal: "127.0.0.1:0".parse().ok(),
    };
    let shop = Shop::build(Config::load(&flags).unwrap(), Clock::system()).await.unwrap();
    (folder, shop.open().await.unwrap())
}

/// Who may call what of this module. Every process is a gateway, too, and every process reads every log.
pub(super) async fn calls(module: &str) -> BTreeSet<Call> {
    let (_folder, shop) = open().await;
    let own = format!("{module}s.v1");
    let mut calls = BTreeSet::new();
    for (served, callers) in &shop.modules.served {
        if served.contract() != own && served.contract() != "events.v1" {
            continue;
        }
        let methods = served.descriptor();
        for method in methods["methods"].as_array().unwrap() {
            let name = method["name"].as_str().unwrap();
            let listed = callers.iter().find(|(method, _)| *method == name).map(|(_, callers)| *callers);
            let all = || MODULES.map(str::to_owned).into();
            let callers = match listed {
                Some(callers) if !callers.contains(&"gateway") => {
                    callers.iter().map(|caller| (*caller).to_owned()).collect()
                }
                _ => all(),
            };
            calls.insert((format!("/rpc/{}/{name}", served.contract()), callers));
        }
    }
    shop.close().await;
    calls
}

/// The answer's status to a request on the internal listener.
pub(super) async fn status(shop: &OpenShop, path: &str) -> u16 {
    let client = platform::tls::plain_client().unwrap().no_proxy().build().unwrap();
    let url = format!("http://{}{path}", shop.internal());
    client.get(url).send().await.unwrap().status().as_u16()
}

/// The ports of a process with these settings: for the world, and for modules.
pub(super) fn ports(config: &Config) -> [Value; 2] {
    [config.listen.port().into(), config.internal.port().into()]
}
