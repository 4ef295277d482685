//! The settings that are mounted, loaded by the code that will load them.

use std::fs;

use cleave::config::Place;
use cleave::topology::{Process, Set};
use tempfile::TempDir;

use super::tree::{MODULES, path, text};

/// The settings of all processes of a shop, with secrets made up where they are looked for.
pub(super) fn load(files: &[String]) -> (TempDir, Set) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("contracts"), "known to all processes of one shop").unwrap();
    let mut copies = Vec::new();
    for file in files {
        let name = path(file).file_stem().unwrap().to_str().unwrap().to_owned();
        let database = folder.path().join(format!("{name}.database"));
        fs::write(&database, format!("postgres://cleave_{name}:p4ss@postgres/cleave_{name}")).unwrap();
        let secrets = ["/run/secrets".to_owned(), format!("/run/credentials/cleave@{name}.service")];
        let text = secrets.iter().fold(text(file), |text, secrets| {
            let text =
                text.replace(&format!("file:{secrets}/database"), &format!("file:{}", database.display()));
            text.replace(&format!("file:{secrets}/"), &format!("file:{}/", folder.path().display()))
        });
        let copy = folder.path().join(format!("{name}.toml"));
        fs::write(&copy, text).unwrap();
        copies.push(copy);
    }
    let set = Set::load(&copies).unwrap();
    (folder, set)
}

/// The files of the four modules in this folder.
pub(super) fn of_modules(folder: &str) -> Vec<String> {
    MODULES.map(|module| format!("{folder}/{module}.toml")).into()
}

/// The four processes of this folder, in the order of [`MODULES`].
pub(super) fn processes(folder: &str) -> (TempDir, Set) {
    load(&of_modules(folder))
}

/// Whether a process runs this module and no other, on a database of its own.
fn is_alone(process: &Process, module: &str) -> bool {
    let runs = |name: &&str| process.config.modules.runs(name);
    let own = matches!(process.config.place(module), Place::Own(_));
    MODULES.into_iter().filter(runs).eq([module]) && own
}

#[test]
fn the_settings_of_each_installation_fit_together() {
    let compose =
        [of_modules("deploy/kubernetes/config"), vec!["deploy/compose/gateway.toml".to_owned()]].concat();
    for files in [
        of_modules("deploy/kubernetes/config"),
        compose,
        of_modules("deploy/systemd/split"),
        vec!["deploy/systemd/shop.toml".to_owned()],
        vec!["deploy/compose/shop.toml".to_owned()],
    ] {
        let (_folder, set) = load(&files);
        assert_eq!(set.faults(), Vec::<String>::new(), "{files:?}");
        for process in set.processes().iter().filter(|process| MODULES.contains(&process.name.as_str())) {
            assert!(is_alone(process, &process.name), "{}", process.name);
        }
    }
}

#[test]
fn a_set_in_which_a_module_is_missing_does_not_fit() {
    let (_folder, set) = load(&of_modules("deploy/kubernetes/config")[..3]);
    assert!(set.faults().iter().any(|fault| fault.contains("nobody runs the payment module")));
}

/// Every process finds each module elsewhere at the port that module listens on.
#[test]
fn modules_are_looked_for_where_they_are() {
    for (folder, host) in [("deploy/kubernetes/config", None), ("deploy/systemd/split", Some("127.0.0.1"))] {
        let mut files = of_modules(folder);
        if host.is_none() {
            files.push("deploy/compose/gateway.toml".to_owned());
        }
        let (_folder, set) = load(&files);
        for there in set.processes() {
            let url = format!("http://{}:{}", host.unwrap_or(&there.name), there.config.internal.port());
            for here in set.processes().iter().filter(|here| here.name != there.name) {
                if MODULES.contains(&there.name.as_str()) {
                    assert_eq!(here.config.modules.urls(&there.name), [url.as_str()], "{}", here.name);
                }
            }
        }
    }
}
