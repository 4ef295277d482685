//! The units for systemd, held against the settings they start the binary with.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use super::settings::{load, of_modules};
use super::tree::{MODULES, text};

/// The settings of a unit's `[Service]`; one that is given twice has both values, with a blank between.
fn service(unit: &str) -> BTreeMap<String, String> {
    let text = text(&format!("deploy/systemd/{unit}"));
    let section = text.split_once("[Service]\n").unwrap().1.split_once("\n[").unwrap().0;
    let mut settings = BTreeMap::new();
    for line in section.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, value) = line.split_once('=').unwrap();
        let said: &mut String = settings.entry(name.to_owned()).or_default();
        if !said.is_empty() {
            said.push(' ');
        }
        said.push_str(value);
    }
    settings
}

#[test]
fn both_units_let_the_shop_do_no_more_than_it_must() {
    let (one, module) = (service("cleave.service"), service("cleave@.service"));
    for (name, value) in &one {
        if !["ExecStart", "StateDirectory", "WorkingDirectory"].contains(&name.as_str()) {
            assert_eq!(module.get(name), Some(value), "{name}");
        }
    }
    for (name, value) in [
        ("ProtectSystem", "strict"),
        ("NoNewPrivileges", "yes"),
        ("DynamicUser", "yes"),
        ("CapabilityBoundingSet", ""),
        // It tells nobody when it is ready.
        ("Type", "exec"),
    ] {
        assert_eq!(one[name], value, "{name}");
    }
}

#[test]
fn a_process_has_the_time_it_needs_to_stop() {
    let (_folder, set) = load(&["deploy/systemd/shop.toml".to_owned()]);
    let needed = set.processes()[0].config.http.shutdown.as_secs() + 5;
    assert!(service("cleave.service")["TimeoutStopSec"].parse::<u64>().unwrap() >= needed);
}

#[test]
fn settings_files_and_secrets_are_where_they_are_looked_for() {
    let one = service("cleave.service");
    assert!(one["ExecStart"].ends_with(" serve --config /etc/cleave/shop.toml"));
    let (_folder, set) = load(&["deploy/systemd/shop.toml".to_owned()]);
    let data = set.processes()[0].config.data.display().to_string();
    assert_eq!(data, format!("/var/lib/{}", one["StateDirectory"]));

    let unit = service("cleave@.service");
    assert!(unit["ExecStart"].ends_with(" serve --config /etc/cleave/%i.toml"));
    for (module, file) in MODULES.into_iter().zip(of_modules("deploy/systemd/split")) {
        let credentials = unit["LoadCredential"].split(' ').map(|given| given.split_once(':').unwrap().0);
        let mut given: Vec<_> =
            credentials.map(|name| format!("file:/run/credentials/cleave@{module}.service/{name}")).collect();
        let settings = text(&file);
        let mut wanted: Vec<_> = settings.split('"').filter(|text| text.starts_with("file:")).collect();
        given.sort();
        wanted.sort_unstable();
        assert_eq!(given, wanted);
    }
}

#[test]
fn systemd_understands_the_units() {
    if !Command::new("systemd-analyze").arg("--version").output().is_ok_and(|output| output.status.success())
    {
        eprintln!("skipped: no systemd on this machine");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let verified = |name: &str, from: &str, to: &str| {
        let unit = text("deploy/systemd/cleave@.service").replace(from, to);
        let file = folder.path().join(name);
        // It looks whether the program is there.
        fs::write(&file, unit.replace("/usr/local/bin/cleave", env!("CARGO_BIN_EXE_cleave"))).unwrap();
        let output = Command::new("systemd-analyze").arg("verify").arg(&file).output().unwrap();
        String::from_utf8_lossy(&output.stderr).lines().filter(|line| line.contains(name)).count()
    };
    assert_eq!(verified("cleave@payment.service", "", ""), 0);
    assert_eq!(verified("cleave@order.service", "ProtectSystem=", "ProtectSytem="), 1);
}
