//! The files for Compose. No registry has types for them that refuse what they do not know, so the forms of what is used
//! stand here and do.

use std::collections::BTreeMap;
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

use super::settings::{load, of_modules};
use super::tree::{MODULES, path, text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Compose {
    name: String,
    services: BTreeMap<String, Service>,
    volumes: BTreeMap<String, Option<Value>>,
    #[serde(default)]
    secrets: BTreeMap<String, Source>,
    /// What services have in common; Compose passes over it.
    #[serde(default, rename = "x-cleave")]
    _common: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    file: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Service {
    image: String,
    build: Option<Build>,
    restart: String,
    read_only: bool,
    cap_drop: Vec<String>,
    security_opt: Vec<String>,
    stop_grace_period: String,
    depends_on: BTreeMap<String, Dependency>,
    environment: BTreeMap<String, String>,
    command: Vec<String>,
    ports: Vec<String>,
    volumes: Vec<String>,
    secrets: Vec<Secret>,
    healthcheck: Option<Healthcheck>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    context: String,
    dockerfile: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dependency {
    condition: Condition,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Condition {
    ServiceStarted,
    ServiceHealthy,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Secret {
    Named(String),
    Renamed { source: String, target: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Healthcheck {
    test: Vec<String>,
    interval: String,
    retries: u32,
}

fn read(name: &str) -> Compose {
    parse(&text(&format!("deploy/compose/{name}.yaml"))).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn parse(text: &str) -> Result<Compose, String> {
    let value: Value = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    serde_json::from_value(value).map_err(|error| error.to_string())
}

impl Compose {
    /// The services that are processes of ours.
    fn ours(&self) -> impl Iterator<Item = (&String, &Service)> {
        self.services.iter().filter(|(_, service)| service.image == "cleave")
    }
}

impl Service {
    /// The file that is mounted there, from the folder of the workspace.
    fn mounted(&self, there: &str) -> Option<String> {
        let suffix = format!(":{there}:ro");
        let file = self.volumes.iter().find_map(|volume| volume.strip_suffix(&suffix))?;
        Some(match file.strip_prefix("../") {
            Some(file) => format!("deploy/{file}"),
            None => format!("deploy/compose/{}", file.trim_start_matches("./")),
        })
    }
}

#[test]
fn a_file_with_a_slip_of_the_finger_is_refused() {
    let good = text("deploy/compose/split.yaml");
    for (from, to) in [
        ("read_only:", "readonly:"),
        ("condition: service_healthy", "condition: healthy"),
        ("secrets: [contracts]", "secret: [contracts]"),
        ("    healthcheck:", "    health_check:"),
    ] {
        assert!(good.contains(from) && parse(&good.replacen(from, to, 1)).is_err(), "{to}");
    }
}

#[test]
fn every_process_is_of_one_image_and_may_do_no_more_than_it_must() {
    for name in ["one", "split"] {
        let compose = read(name);
        assert!(compose.name.starts_with("cleave"));
        for (name, service) in compose.ours() {
            let build = service.build.as_ref().unwrap();
            assert!(path(&build.dockerfile).is_file() && build.context == "../..", "{name}");
            assert!(service.read_only && service.cap_drop == ["ALL"], "{name}");
            assert_eq!(service.security_opt, ["no-new-privileges:true"]);
            assert_eq!((service.restart.as_str(), service.command.len()), ("unless-stopped", 0));
            let settings = service.mounted("/etc/cleave/cleave.toml").unwrap();
            let (_folder, set) = load(&[settings]);
            let needed = set.processes()[0].config.http.shutdown.as_secs() + 5;
            let grace = service.stop_grace_period.strip_suffix('s').unwrap();
            assert!(grace.parse::<u64>().unwrap() >= needed);
        }
    }
}

#[test]
fn only_the_way_in_is_published_and_only_to_this_machine() {
    for (name, entrance) in [("one", "shop"), ("split", "gateway")] {
        let compose = read(name);
        for (name, service) in &compose.services {
            if name != entrance {
                assert!(service.ports.is_empty(), "{name}");
                continue;
            }
            let (_folder, set) = load(&[service.mounted("/etc/cleave/cleave.toml").unwrap()]);
            let listen = set.processes()[0].config.listen;
            assert!(listen.ip().is_unspecified());
            assert_eq!(service.ports, [format!("127.0.0.1:8080:{}", listen.port())]);
        }
    }
}

/// A database's url is in the container of its module and in PostgreSQL's, and in no other.
#[test]
fn each_process_has_the_secrets_it_looks_for_and_no_other() {
    let compose = read("split");
    for (name, service) in compose.ours() {
        let settings = text(&service.mounted("/etc/cleave/cleave.toml").unwrap());
        let mut wanted: Vec<_> =
            settings.split('"').filter_map(|text| text.strip_prefix("file:/run/secrets/")).collect();
        let mut given: Vec<_> = Vec::new();
        for secret in &service.secrets {
            let (source, target) = match secret {
                Secret::Named(name) => (name, name),
                Secret::Renamed { source, target } => (source, target),
            };
            assert!(source == "contracts" || *source == format!("{name}_database"), "{name} has {source}");
            assert_eq!(compose.secrets[source].file, format!("./secrets/{source}"));
            given.push(target.as_str());
        }
        wanted.sort_unstable();
        given.sort_unstable();
        assert_eq!(given, wanted, "{name}");
    }
}

#[test]
fn every_module_runs_and_the_gateway_waits_for_all() {
    let compose = read("split");
    let files: Vec<_> =
        compose.ours().filter_map(|(_, one)| one.mounted("/etc/cleave/cleave.toml")).collect();
    let expected =
        [vec!["deploy/compose/gateway.toml".to_owned()], of_modules("deploy/kubernetes/config")].concat();
    assert!(files.len() == expected.len() && expected.iter().all(|file| files.contains(file)), "{files:?}");
    for module in MODULES {
        assert!(compose.services["gateway"].depends_on[module].condition == Condition::ServiceHealthy);
        let needed = &compose.services[module].depends_on;
        assert!(needed["postgres"].condition == Condition::ServiceHealthy);
        assert!(needed["nats"].condition == Condition::ServiceStarted, "it is never waited for");
    }
    let health = compose.services["postgres"].healthcheck.as_ref().unwrap();
    assert!(health.test[1] == "pg_isready" && !health.interval.is_empty() && health.retries > 0);
    for volume in ["postgres", "nats"] {
        assert!(compose.volumes.contains_key(volume));
    }
}

/// What is said in the environment is said in words that the binary knows: it loads both, and finds one process.
#[test]
fn the_environment_is_understood() {
    let compose = read("split");
    let environment = &compose.services["payment"].environment;
    assert!(environment.len() == 2 && environment.keys().all(|name| name.starts_with("CLEAVE__")));
    let folder = tempfile::tempdir().unwrap();
    let ran = |environment: &BTreeMap<String, String>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cleave"));
        command.current_dir(folder.path()).env_clear().envs(environment);
        command.args(["contract", "payments.v1"]).output().unwrap().status.success()
    };
    assert!(ran(environment));
    let mistyped =
        environment.iter().map(|(name, value)| (name.replace("NATS", "NAT"), value.clone())).collect();
    assert!(!ran(&mistyped));
}

/// The health check of the image asks the binary in it about the settings that are mounted.
#[test]
fn the_image_looks_after_itself() {
    let image = text("deploy/Dockerfile");
    let line =
        |start: &str| image.lines().map(str::trim).find(|line| line.starts_with(start)).unwrap().to_owned();
    assert_eq!(line("CMD [\"cleave\""), r#"CMD ["cleave", "ready", "--config", "/etc/cleave/cleave.toml"]"#);
    assert_eq!(line("CMD [\"serve\""), r#"CMD ["serve", "--config", "/etc/cleave/cleave.toml"]"#);
    assert_eq!(line("ENTRYPOINT"), r#"ENTRYPOINT ["cleave"]"#);
    assert_eq!(line("USER"), "USER 65532:65532");

    let toolchain = text("rust-toolchain.toml");
    let version = toolchain.split_once("channel = \"").unwrap().1.split_once('"').unwrap().0;
    assert_eq!(line("FROM rust:"), format!("FROM rust:{version}-bookworm AS build"));

    // Without one of these cargo does not build.
    let known = text("deploy/Dockerfile.dockerignore");
    let workspace = text("Cargo.toml");
    let members = workspace.split_once("members = [").unwrap().1.split_once(']').unwrap().0;
    for member in members.split('"').skip(1).step_by(2) {
        let folder = member.split('/').next().unwrap();
        assert!(known.contains(&format!("\n!{folder}\n")), "{member}");
    }
}
