//! The manifests, held against each other, against the settings they mount and against the shop they start.

use std::collections::BTreeSet;

use cleave::topology::Process;
use serde_json::Value;

use super::settings::processes;
use super::shop;
use super::tree::{MODULES, at, documents, list, text, word, yaml};

const FOLDER: &str = "deploy/kubernetes";
const NAME: &str = "/spec/selector/matchLabels/app.kubernetes.io~1name";

/// The manifest of this kind and name.
#[track_caller]
fn find(file: &str, kind: &str, name: &str) -> Value {
    let of = |one: &Value| word(one, "/kind") == kind && word(one, "/metadata/name") == name;
    documents(&format!("{FOLDER}/{file}.yaml")).into_iter().find(of).unwrap()
}

fn deployment(module: &str) -> Value {
    find(module, "Deployment", module)
}

/// What runs in a Deployment or a Job.
fn container(workload: &Value) -> &Value {
    assert_eq!(list(workload, "/spec/template/spec/containers").len(), 1);
    at(workload, "/spec/template/spec/containers/0")
}

/// The port with this name of a container or a Service.
fn port(ports: &Value, name: &str, number: &str) -> Value {
    let named = list(ports, "").iter().find(|port| word(port, "/name") == name);
    at(named.unwrap_or_else(|| panic!("no port {name}")), number).clone()
}

#[test]
fn the_four_modules_differ_in_their_names_and_ports_alone() {
    let plain = |module: &str| {
        let at = MODULES.iter().position(|name| *name == module).unwrap() + 1;
        let text = ["", "migrate/"].map(|folder| text(&format!("{FOLDER}/{folder}{module}.yaml"))).concat();
        text.replace(module, "MODULE")
            .replace(&format!("808{at}"), "PUBLIC")
            .replace(&format!("908{at}"), "INTERNAL")
    };
    for module in MODULES {
        assert_eq!(plain(module), plain("payment"), "{module}");
    }
}

#[test]
fn every_module_has_all_it_needs_and_one_image() {
    let kustomization = yaml(&format!("{FOLDER}/kustomization.yaml"));
    let resources = at(&kustomization, "/resources").to_string();
    for module in MODULES {
        assert!(resources.contains(&format!("\"{module}.yaml\"")));
        let deployment = deployment(module);
        let labels = at(&deployment, "/spec/template/metadata/labels");
        assert_eq!(word(labels, "/app.kubernetes.io~1name"), module);
        assert_eq!(word(labels, "/app.kubernetes.io~1part-of"), "cleave");
        assert_eq!(word(&deployment, NAME), module);
        assert_eq!(word(&find(module, "PodDisruptionBudget", module), NAME), module);
        let scaled = find(module, "HorizontalPodAutoscaler", module);
        assert_eq!(
            (word(&scaled, "/spec/scaleTargetRef/kind"), word(&scaled, "/spec/scaleTargetRef/name")),
            ("Deployment", module)
        );
        assert_eq!(deployment.pointer("/spec/replicas"), None, "that is the autoscaler's to say");

        let job = find(&format!("migrate/{module}"), "Job", &format!("migrate-{module}"));
        for workload in [&deployment, &job] {
            assert_eq!(word(container(workload), "/image"), word(&kustomization, "/images/0/name"));
            assert_eq!(word(workload, "/spec/template/spec/serviceAccountName"), module);
        }
        assert_eq!(at(&job, "/spec/template/spec/volumes"), at(&deployment, "/spec/template/spec/volumes"));
    }
}

#[test]
fn services_lead_to_the_ports_that_the_settings_name() {
    let (_folder, set) = processes(&format!("{FOLDER}/config"));
    for Process { name: module, config, .. } in set.processes() {
        let deployment = deployment(module);
        let ports = at(container(&deployment), "/ports");
        let here = ["http-public", "http-internal"].map(|name| port(ports, name, "/containerPort"));
        assert_eq!(here, shop::ports(config), "{module}");

        let services = [(format!("{module}-public"), "http-public"), (module.clone(), "http-internal")];
        for ((service, name), number) in services.iter().zip(here) {
            let service = find(module, "Service", service);
            assert_eq!(word(&service, "/spec/selector/app.kubernetes.io~1name"), module);
            assert_eq!(list(&service, "/spec/ports").len(), 1);
            assert_eq!(port(at(&service, "/spec/ports"), name, "/port"), number);
            assert_eq!(port(at(&service, "/spec/ports"), name, "/targetPort"), *name);
        }
        assert!(config.listen.ip().is_unspecified() && config.internal.ip().is_unspecified());
    }
}

/// `modules.payment.url` names the Service: it has every address behind it, so that calls are shared out.
#[test]
fn the_settings_name_services_without_an_address_of_their_own() {
    let (_folder, set) = processes(&format!("{FOLDER}/config"));
    for process in set.processes() {
        for module in MODULES.into_iter().filter(|module| *module != process.name) {
            let service = find(module, "Service", module);
            assert_eq!(word(&service, "/spec/clusterIP"), "None");
            let url = format!("http://{module}:{}", at(&service, "/spec/ports/0/port"));
            assert_eq!(process.config.modules.urls(module), [url]);
        }
    }
}

#[test]
fn settings_and_secrets_are_mounted_where_they_are_looked_for() {
    let kustomization = yaml(&format!("{FOLDER}/kustomization.yaml"));
    for module in MODULES {
        let deployment = deployment(module);
        let maps = list(&kustomization, "/configMapGenerator");
        let map = maps.iter().find(|map| word(map, "/name") == module).unwrap();
        assert_eq!(word(map, "/files/0"), format!("cleave.toml=config/{module}.toml"));
        let volumes = at(&deployment, "/spec/template/spec/volumes");
        assert_eq!(word(volumes, "/0/configMap/name"), module);
        let container = container(&deployment);
        assert_eq!(at(container, "/args").to_string(), r#"["serve","--config","/etc/cleave/cleave.toml"]"#);
        let mounts = ["/0/mountPath", "/1/mountPath"].map(|path| word(at(container, "/volumeMounts"), path));
        assert_eq!(mounts, ["/etc/cleave", "/run/secrets"]);

        let sources = list(volumes, "/1/projected/sources");
        let files: BTreeSet<_> = sources
            .iter()
            .map(|source| format!("file:/run/secrets/{}", word(source, "/secret/items/0/path")))
            .collect();
        let settings = text(&format!("{FOLDER}/config/{module}.toml"));
        let named = settings.split('"').filter(|text| text.starts_with("file:"));
        assert_eq!(named.map(str::to_owned).collect::<BTreeSet<_>>(), files);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_ask_what_the_shop_answers() {
    let (_folder, shop) = shop::open().await;
    let deployment = deployment("payment");
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let asked = at(container(&deployment), &format!("/{probe}/httpGet"));
        assert_eq!(word(asked, "/port"), "http-internal", "{probe}");
        let status = shop::status(&shop, word(asked, "/path")).await;
        assert!((200..300).contains(&status), "{probe}: {status}");
    }
    assert_eq!(shop::status(&shop, "/healthz").await, 404, "not every path is answered well");
    shop.close().await;
}

#[test]
fn a_process_has_the_time_it_needs_to_stop() {
    let (_folder, set) = processes(&format!("{FOLDER}/config"));
    let deployment = deployment("payment");
    let grace = at(&deployment, "/spec/template/spec/terminationGracePeriodSeconds").as_u64().unwrap();
    let pause = at(container(&deployment), "/lifecycle/preStop/sleep/seconds").as_u64().unwrap();
    // Requests are waited for first, then jobs for five seconds.
    assert!(grace - pause >= set.processes()[0].config.http.shutdown.as_secs() + 5);
}

/// One module asks for no less than all four in one process were seen to take, on PostgreSQL, after a load.
#[test]
fn a_pod_asks_for_the_memory_that_was_measured() {
    let benchmarks = text("docs/benchmarks.md");
    let row = benchmarks.lines().find(|line| line.starts_with("| postgres | ")).unwrap();
    let measured = row.split(" | ").nth(3).and_then(|cell| cell.strip_suffix(" MB")).unwrap();
    let asked = deployment("payment");
    let asked = word(container(&asked), "/resources/requests/memory").strip_suffix("Mi").unwrap();
    let asked = asked.parse::<f64>().unwrap() * 1.048_576;
    let measured: f64 = measured.parse().unwrap();
    assert!(measured < asked && asked < 2.0 * measured, "{measured} MB measured, {asked} MB asked for");
}

#[test]
fn pods_may_run_where_pods_are_restricted() {
    let namespace = find("namespace", "Namespace", "cleave");
    assert_eq!(word(&namespace, "/metadata/labels/pod-security.kubernetes.io~1enforce"), "restricted");
    for workload in [deployment("payment"), find("migrate/payment", "Job", "migrate-payment")] {
        let pod = at(&workload, "/spec/template/spec/securityContext");
        assert_eq!(
            (at(pod, "/runAsNonRoot"), word(pod, "/seccompProfile/type")),
            (&true.into(), "RuntimeDefault")
        );
        let own = at(container(&workload), "/securityContext");
        assert_eq!(at(own, "/allowPrivilegeEscalation"), false);
        assert_eq!(at(own, "/readOnlyRootFilesystem"), true);
        assert_eq!(at(own, "/capabilities/drop").to_string(), r#"["ALL"]"#);
    }
}

#[test]
fn the_network_lets_through_only_ports_that_are_there() {
    for policy in documents(&format!("{FOLDER}/network.yaml")) {
        let ports = policy.pointer("/spec/ingress/0/ports/0/port");
        let from = policy.pointer("/spec/ingress/0/from/0");
        match word(&policy, "/metadata/name") {
            "nobody" => assert_eq!((ports, at(&policy, "/spec/podSelector")), (None, &serde_json::json!({}))),
            "modules" => {
                assert_eq!(ports.unwrap(), "http-internal");
                // The same pods whose ports these are.
                assert_eq!(at(from.unwrap(), "/podSelector"), at(&policy, "/spec/podSelector"));
                assert!(from.unwrap().get("namespaceSelector").is_none());
            }
            _ => assert_eq!(ports.unwrap(), "http-public"),
        }
    }
}
