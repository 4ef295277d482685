//! Whether a manifest is one: read as what it says it is, and written again, it is what it was.
//!
//! The types of Kubernetes and of its Gateway API come with their crates, made from the published schemas. A field they do
//! not know is missing afterwards, and one they need is there that was not. For the meshes no registry has such types, so
//! the forms of what is used of them stand below, taken from their reference; they refuse every other field by themselves.

use std::collections::BTreeMap;

use gateway_api::gateways::Gateway;
use gateway_api::httproutes::HttpRoute;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tree::word;

/// What is wrong with this manifest.
pub(super) fn fault(manifest: &Value) -> Option<String> {
    let read = match (word(manifest, "/apiVersion"), word(manifest, "/kind")) {
        ("v1", "Namespace") => again::<Namespace>,
        ("v1", "Service") => again::<Service>,
        ("v1", "ServiceAccount") => again::<ServiceAccount>,
        ("apps/v1", "Deployment") => again::<Deployment>,
        ("batch/v1", "Job") => again::<Job>,
        ("policy/v1", "PodDisruptionBudget") => again::<PodDisruptionBudget>,
        ("autoscaling/v2", "HorizontalPodAutoscaler") => again::<HorizontalPodAutoscaler>,
        ("networking.k8s.io/v1", "NetworkPolicy") => again::<NetworkPolicy>,
        ("gateway.networking.k8s.io/v1", "Gateway") => again::<Gateway>,
        ("gateway.networking.k8s.io/v1", "HTTPRoute") => again::<HttpRoute>,
        ("kustomize.config.k8s.io/v1beta1", "Kustomization") => again::<Kustomization>,
        ("security.istio.io/v1", "PeerAuthentication") => again::<Policy<PeerAuthentication>>,
        ("security.istio.io/v1", "AuthorizationPolicy") => again::<Policy<IstioAuthorization>>,
        ("networking.istio.io/v1", "VirtualService") => again::<Policy<VirtualService>>,
        ("networking.istio.io/v1", "DestinationRule") => again::<Policy<DestinationRule>>,
        ("policy.linkerd.io/v1beta3", "Server") => again::<Policy<Server>>,
        ("policy.linkerd.io/v1alpha1", "AuthorizationPolicy") => again::<Policy<LinkerdAuthorization>>,
        ("policy.linkerd.io/v1alpha1", "MeshTLSAuthentication") => again::<Policy<MeshTls>>,
        ("policy.linkerd.io/v1alpha1", "NetworkAuthentication") => again::<Policy<Networks>>,
        (version, kind) => return Some(format!("nothing here knows a {kind} of {version}")),
    };
    match read(manifest) {
        Ok(again) => difference(manifest, &again, ""),
        Err(error) => Some(error.to_string()),
    }
}

fn again<T: DeserializeOwned + Serialize>(manifest: &Value) -> serde_json::Result<Value> {
    serde_json::to_value(serde_json::from_value::<T>(manifest.clone())?)
}

/// The first place at which the two differ.
fn difference(one: &Value, other: &Value, path: &str) -> Option<String> {
    match (one, other) {
        (Value::Object(fields), Value::Object(others)) => {
            let missing = others.keys().find(|name| !fields.contains_key(*name));
            missing.map(|name| format!("{path}/{name} is missing")).or_else(|| {
                fields.iter().find_map(|(name, value)| match others.get(name) {
                    Some(other) => difference(value, other, &format!("{path}/{name}")),
                    None => Some(format!("{path}/{name} is unknown")),
                })
            })
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            let mut both = items.iter().zip(others).enumerate();
            both.find_map(|(index, (item, other))| difference(item, other, &format!("{path}/{index}")))
        }
        _ => (one != other).then(|| format!("{path} is {one} and was understood as {other}")),
    }
}

macro_rules! forms {
    ($($name:ident { $($field:ident: $type:ty),+ $(,)? })+) => {
        $(
            #[derive(Deserialize, Serialize)]
            #[serde(deny_unknown_fields, rename_all = "camelCase")]
            struct $name { $(#[serde(skip_serializing_if = "is_none")] $field: $type),+ }
        )+
    };
}

/// A field that is optional and not there is not written.
fn is_none<T: Serialize>(value: &T) -> bool {
    serde_json::to_value(value).is_ok_and(|value| value.is_null())
}

type Words = Vec<String>;
type Labels = BTreeMap<String, String>;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Policy<T> {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: T,
}

forms! {
    Metadata { name: String, namespace: Option<String> }

    Kustomization {
        api_version: String,
        kind: String,
        namespace: String,
        resources: Words,
        config_map_generator: Vec<Generated>,
        generator_options: GeneratorOptions,
        images: Vec<Image>,
    }
    Generated { name: String, files: Words }
    GeneratorOptions { disable_name_suffix_hash: bool }
    Image { name: String, new_name: String, new_tag: String }

    PeerAuthentication { mtls: Mtls }
    Mtls { mode: MtlsMode }
    Selector { match_labels: Labels }
    IstioAuthorization { selector: Selector, action: Action, rules: Vec<Rule> }
    Rule { from: Option<Vec<Callers>>, to: Vec<To> }
    Callers { source: Source }
    Source { principals: Words }
    To { operation: Operation }
    Operation { ports: Words, methods: Option<Words>, paths: Option<Words> }
    VirtualService { hosts: Words, http: Vec<Http> }
    Http { retries: Retries, route: Vec<Route> }
    Retries { attempts: u32 }
    Route { destination: Destination }
    Destination { host: String, port: Port }
    Port { number: u16 }
    DestinationRule { host: String, traffic_policy: TrafficPolicy }
    TrafficPolicy { connection_pool: ConnectionPool }
    ConnectionPool { http: HttpPool }
    HttpPool { idle_timeout: String }

    Server { pod_selector: Selector, port: String, proxy_protocol: Protocol, access_policy: String }
    LinkerdAuthorization { target_ref: Reference, required_authentication_refs: Vec<Reference> }
    Reference { group: Option<String>, kind: String, name: String }
    MeshTls { identity_refs: Vec<Reference> }
    Networks { networks: Vec<Network> }
    Network { cidr: String }
}

#[derive(Deserialize, Serialize)]
enum MtlsMode {
    #[serde(rename = "STRICT")]
    Strict,
}

#[derive(Deserialize, Serialize)]
enum Action {
    #[serde(rename = "ALLOW")]
    Allow,
}

#[derive(Deserialize, Serialize)]
enum Protocol {
    #[serde(rename = "HTTP/1")]
    Http1,
}

#[cfg(test)]
mod tests {
    use super::super::tree::{documents, files, text};
    use super::*;

    #[test]
    fn every_manifest_is_what_its_kind_asks_for() {
        let files = ["kubernetes", "kubernetes/migrate", "istio", "linkerd"]
            .into_iter()
            .flat_map(|folder| files(&format!("deploy/{folder}"), "yaml"));
        let files: Vec<String> = files.collect();
        assert!(files.len() >= 15, "{files:?}");
        for file in &files {
            for manifest in documents(file) {
                let name = manifest.pointer("/metadata/name");
                assert_eq!(fault(&manifest), None, "{file}: {} {name:?}", word(&manifest, "/kind"));
            }
        }
    }

    /// The first manifest of the file in which the kind is this, after a change of its text.
    fn changed(file: &str, kind: &str, from: &str, to: &str) -> Option<String> {
        let whole = text(file);
        let text = whole.split("---\n").find(|text| text.contains(&format!("kind: {kind}\n"))).unwrap();
        assert!(text.contains(from), "there is no {from} in the {kind}");
        fault(&serde_saphyr::from_str(&text.replacen(from, to, 1)).unwrap())
    }

    #[test]
    fn a_manifest_with_a_slip_of_the_finger_is_refused() {
        for (file, kind, from, to) in [
            ("deploy/kubernetes/payment.yaml", "Deployment", "readinessProbe:", "redinessProbe:"),
            ("deploy/kubernetes/payment.yaml", "Deployment", "periodSeconds: 2", "periodSeconds: two"),
            ("deploy/kubernetes/payment.yaml", "Deployment", "- name: cleave\n", "- nam: cleave\n"),
            ("deploy/kubernetes/payment.yaml", "Service", "targetPort:", "targetport:"),
            (
                "deploy/kubernetes/payment.yaml",
                "HorizontalPodAutoscaler",
                "maxReplicas: 8\n",
                "maxReplica: 8\n",
            ),
            ("deploy/kubernetes/network.yaml", "NetworkPolicy", "policyTypes:", "policyType:"),
            ("deploy/kubernetes/routes.yaml", "HTTPRoute", "type: PathPrefix", "type: Prefix"),
            ("deploy/kubernetes/routes.yaml", "HTTPRoute", "backendRefs:", "backends:"),
            ("deploy/kubernetes/routes.yaml", "Gateway", "gatewayClassName: istio", "class: istio"),
            ("deploy/kubernetes/migrate/payment.yaml", "Job", "backoffLimit:", "backofflimit:"),
            ("deploy/istio/policy.yaml", "AuthorizationPolicy", "principals:", "principal:"),
            ("deploy/istio/traffic.yaml", "VirtualService", "attempts: 0", "attempts: none"),
            ("deploy/linkerd/policy.yaml", "Server", "accessPolicy:", "policy:"),
        ] {
            assert!(changed(file, kind, from, to).is_some(), "{kind} with {to:?} was let through");
        }
    }
}
