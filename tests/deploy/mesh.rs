//! What the meshes let through, held against what the modules let be called.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::shop::{Call, calls};
use super::tree::{MODULES, at, documents, list, word};

fn words(value: &Value, pointer: &str) -> BTreeSet<String> {
    list(value, pointer).iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// What Istio lets through to each module: paths of calls with their callers.
fn istio(module: &str) -> BTreeSet<Call> {
    let mut allowed = BTreeSet::new();
    let policies = documents("deploy/istio/policy.yaml");
    let is_ours = |policy: &&Value| {
        word(policy, "/kind") == "AuthorizationPolicy" && word(policy, "/metadata/name") == module
    };
    let policy = policies.iter().find(is_ours).unwrap();
    assert_eq!(word(policy, "/spec/selector/matchLabels/app.kubernetes.io~1name"), module);
    for rule in list(policy, "/spec/rules").iter().filter(|rule| rule.get("from").is_some()) {
        let identity = |text: &str| text.strip_prefix("cluster.local/ns/cleave/sa/").unwrap().to_owned();
        let callers: BTreeSet<String> =
            words(rule, "/from/0/source/principals").iter().map(|text| identity(text)).collect();
        for to in list(rule, "/to") {
            let paths = words(to, "/operation/paths");
            let methods = to.pointer("/operation/methods").map(|_| words(to, "/operation/methods"));
            allowed.extend(classified(
                module,
                &callers,
                paths,
                methods.unwrap_or_default().first().map(String::as_str),
            ));
        }
    }
    allowed
}

/// What Linkerd lets through to each module.
fn linkerd(module: &str) -> BTreeSet<Call> {
    let all = documents("deploy/linkerd/policy.yaml");
    let of = |kind: &'static str| all.iter().filter(move |one| word(one, "/kind") == kind);
    let identities: BTreeMap<&str, BTreeSet<String>> = of("MeshTLSAuthentication")
        .map(|one| {
            let names = list(one, "/spec/identityRefs").iter().map(|one| word(one, "/name").to_owned());
            (word(one, "/metadata/name"), names.collect())
        })
        .collect();
    let mut allowed = BTreeSet::new();
    for route in of("HTTPRoute").filter(|route| word(route, "/spec/parentRefs/0/name") == module) {
        let name = word(route, "/metadata/name");
        let policy = of("AuthorizationPolicy").find(|one| word(one, "/spec/targetRef/name") == name).unwrap();
        let matches = list(route, "/spec/rules/0/matches");
        let Some(callers) = identities.get(word(policy, "/spec/requiredAuthenticationRefs/0/name")) else {
            let probes: Vec<_> = matches.iter().map(|one| word(one, "/path/value")).collect();
            assert_eq!(probes, ["/livez", "/readyz"], "open to all");
            continue;
        };
        for one in matches {
            let method = one.get("method").and_then(Value::as_str);
            let wildcard = if word(one, "/path/type") == "PathPrefix" { "/*" } else { "" };
            let path = format!("{}{wildcard}", word(one, "/path/value"));
            allowed.extend(classified(module, callers, [path].into(), method));
        }
    }
    allowed
}

/// The calls among what is let through. All else must be what every process asks of every other: requests handed on, and
/// the descriptions of contracts.
fn classified(
    module: &str,
    callers: &BTreeSet<String>,
    paths: BTreeSet<String>,
    method: Option<&str>,
) -> Vec<Call> {
    let everybody = MODULES.map(str::to_owned).into();
    match method {
        Some("POST") => return paths.into_iter().map(|path| (path, callers.clone())).collect(),
        Some("GET") => {
            for path in &paths {
                assert!([format!("/rpc/{module}s.v1"), "/rpc/events.v1".to_owned()].contains(path), "{path}");
            }
        }
        _ => assert_eq!(paths, BTreeSet::from(["/v1/*".to_owned()])),
    }
    assert_eq!(*callers, everybody);
    Vec::new()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_meshes_let_through_what_the_modules_do() {
    for module in MODULES {
        let expected = calls(module).await;
        assert_eq!(istio(module), expected, "{module} in Istio");
        assert_eq!(linkerd(module), expected, "{module} in Linkerd");
    }
}

#[test]
fn no_mesh_repeats_a_call() {
    let traffic = documents("deploy/istio/traffic.yaml");
    let services = traffic.iter().filter(|one| word(one, "/kind") == "VirtualService");
    let hosts: Vec<_> = services
        .map(|one| {
            assert_eq!(at(one, "/spec/http/0/retries/attempts"), 0);
            word(one, "/spec/hosts/0")
        })
        .collect();
    assert_eq!(hosts, MODULES);
}
