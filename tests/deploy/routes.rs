//! The ways in by prefix, held against the routes that the modules declare.

use std::collections::BTreeMap;

use cleave::declared::MODULES as DECLARED;
use cleave::gateway::routes::prefixes;

use super::settings::processes;
use super::tree::{MODULES, at, documents, list, text, word};

/// Each prefix, with the port for the world of the process that has it. The empty one has what is left.
type Routes = BTreeMap<String, u64>;

fn declared() -> Routes {
    let mut routes = Routes::from([(String::new(), port("order"))]);
    for module in DECLARED {
        routes.extend(prefixes(&module).into_iter().map(|prefix| (prefix, port(module.name))));
    }
    routes
}

/// The same in all installations that have no gateway.
fn port(module: &str) -> u64 {
    let ports = ["deploy/kubernetes/config", "deploy/systemd/split"].map(|folder| {
        let (_folder, set) = processes(folder);
        set.processes().iter().find(|process| process.name == module).unwrap().config.listen.port()
    });
    assert_eq!(ports[0], ports[1]);
    ports[0].into()
}

/// The prefixes of a proxy whose routes are expressions such as `^/v1/(admin/)?(carts|orders)(/|$)`.
fn expressions(text: &str, upstream: impl Fn(&str) -> u64) -> Routes {
    let mut routes = Routes::new();
    for (before, rest) in
        text.match_indices("^/v1/(admin/)?(").map(|(at, found)| (at, &text[at + found.len()..]))
    {
        let (prefixes, behind) = rest.split_once(")(/|$)").unwrap();
        let line = text[..before].rsplit('\n').next().unwrap();
        let port = upstream(&format!("{line}{behind}"));
        for prefix in prefixes.split('|') {
            assert_eq!(routes.insert(prefix.to_owned(), port), None, "{prefix} is there twice");
        }
    }
    routes
}

/// What stands between these two.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before).and_then(|(_, rest)| rest.split_once(after)).unwrap().0
}

#[test]
fn caddy_knows_every_prefix_and_whose_it_is() {
    let text = text("deploy/proxy/Caddyfile");
    let port = |text: &str| between(text, "import process 127.0.0.1:", "\n").parse().unwrap();

    let mut routes = expressions(&text, port);
    routes.insert(String::new(), port(text.split_once("\thandle {").unwrap().1));

    assert_eq!(routes, declared());
}

#[test]
fn nginx_knows_every_prefix_and_whose_it_is() {
    let text = text("deploy/proxy/nginx.conf");
    let port = |rest: &str| -> u64 {
        let upstream = between(rest, "proxy_pass http://", ";");
        let server = between(&text, &format!("upstream {upstream} {{"), "}");
        between(server, "server 127.0.0.1:", ";").parse().unwrap()
    };

    let mut routes = expressions(&text, port);
    routes.insert(String::new(), port(text.split_once("location / {").unwrap().1));

    assert_eq!(routes, declared());
}

#[test]
fn the_gateway_of_kubernetes_knows_every_prefix_and_whose_it_is() {
    let mut paths = BTreeMap::new();
    for route in documents("deploy/kubernetes/routes.yaml") {
        if word(&route, "/kind") != "HTTPRoute" {
            continue;
        }
        let rule = at(&route, "/spec/rules/0");
        let port = at(rule, "/backendRefs/0/port").as_u64().unwrap();
        let module = word(rule, "/backendRefs/0/name").strip_suffix("-public").unwrap();
        assert!(MODULES.contains(&module));
        let matches = rule.get("matches").map_or(&[][..], |_| list(rule, "/matches"));
        for path in matches {
            assert_eq!(word(path, "/path/type"), "PathPrefix");
            assert_eq!(paths.insert(word(path, "/path/value").to_owned(), port), None);
        }
        if matches.is_empty() {
            assert_eq!(paths.insert(String::new(), port), None, "two routes take what is left");
        }
    }

    let expected: BTreeMap<String, u64> = declared()
        .into_iter()
        .flat_map(|(prefix, port)| match prefix.as_str() {
            "" => vec![(String::new(), port)],
            prefix => vec![(format!("/v1/{prefix}"), port), (format!("/v1/admin/{prefix}"), port)],
        })
        .collect();
    assert_eq!(paths, expected);
}
