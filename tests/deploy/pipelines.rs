//! The pipeline of each module, held against what cargo knows the module to be made of.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::tree::{MODULES, at, list, path, text, word, yaml};

/// The folder of each crate of ours, with the crates of ours it depends on.
fn crates() -> BTreeMap<String, (String, Vec<String>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(path(""))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let root = format!("{}/", word(&metadata, "/workspace_root"));
    let packages = list(&metadata, "/packages").iter().map(|package| {
        let manifest = word(package, "/manifest_path").strip_prefix(&root).unwrap();
        let folder = manifest.trim_end_matches("Cargo.toml").trim_end_matches('/').to_owned();
        let ours = |one: &&Value| one.get("path").is_some_and(Value::is_string);
        let known = list(package, "/dependencies").iter().filter(ours);
        let known = known.map(|one| word(one, "/name").to_owned()).collect();
        (word(package, "/name").to_owned(), (folder, known))
    });
    packages.collect()
}

/// The folders that a module is made of: its own, those of the crates it knows, and its tables.
fn made_of(module: &str) -> BTreeSet<String> {
    let crates = crates();
    let (mut seen, mut left) = (BTreeSet::new(), vec![module.to_owned()]);
    while let Some(name) = left.pop() {
        if seen.insert(name.clone()) {
            left.extend(crates[&name].1.clone());
        }
    }
    let mut folders: BTreeSet<String> = seen.iter().map(|name| crates[name].0.clone()).collect();
    folders.extend([
        "migrations/platform".to_owned(),
        format!("migrations/{module}"),
        "contracts".to_owned(),
    ]);
    // A folder within another is there with it.
    folders.remove(&format!("modules/{module}/api"));
    folders
}

fn pipeline(module: &str) -> Value {
    yaml(&format!(".github/workflows/{module}.yml"))
}

#[test]
fn a_pipeline_runs_when_what_its_module_is_made_of_changes_and_only_then() {
    for module in MODULES {
        let pipeline = pipeline(module);
        let paths = list(&pipeline, "/on/push/paths");
        assert_eq!(paths, list(&pipeline, "/on/pull_request/paths"));
        let paths: Vec<_> = paths.iter().map(|path| path.as_str().unwrap()).collect();

        let deployment = format!("deploy/kubernetes/**/{module}.");
        let (folders, files): (Vec<&str>, Vec<&str>) = paths.iter().partition(|path| path.ends_with("/**"));
        let folders: BTreeSet<String> =
            folders.iter().map(|folder| folder.trim_end_matches("/**").to_owned()).collect();
        assert_eq!(folders, made_of(module), "{module}");
        let own = format!(".github/workflows/{module}.yml");
        for file in files {
            let plain = file.trim_end_matches('*');
            let known =
                path(plain).is_file() && (!plain.contains("workflows") || plain.ends_with("module.yml"));
            assert!(known || plain == deployment || plain == own, "{file}");
        }
        for file in ["Cargo.lock", "Cargo.toml", "rust-toolchain.toml", own.as_str()] {
            assert!(paths.contains(&file), "{module} without {file}");
        }
    }
}

#[test]
fn what_a_module_is_made_of_is_found() {
    let payment = made_of("payment");
    for folder in ["kernel", "platform", "modules/payment", "modules/order/api", "migrations/payment"] {
        assert!(payment.contains(folder), "{folder}");
    }
    assert!(!payment.contains("modules/order") && !payment.contains("modules/product/api"));
}

/// The placement is one that `cargo xtask test` knows, and the module is alone in it.
#[test]
fn a_pipeline_tests_and_releases_its_own_module() {
    let listed = text("xtask/src/steps.rs");
    for module in MODULES {
        let pipeline = pipeline(module);
        let job = at(&pipeline, "/jobs/module");
        assert_eq!(word(job, "/uses"), "./.github/workflows/module.yml");
        assert_eq!(word(job, "/with/module"), module);
        let placement = word(job, "/with/alone");
        assert!(listed.contains(&format!("apart!(\"{placement}\")")), "{placement}");
        assert!(
            placement.split('/').any(|process| process == module),
            "{module} is not alone in {placement}"
        );
        assert_eq!(at(&pipeline, "/on/push/tags").to_string(), format!(r#"["{module}-v*"]"#));
    }
}

#[test]
fn only_a_tag_releases_and_only_where_somebody_agrees() {
    let shared = yaml(".github/workflows/module.yml");
    let release = at(&shared, "/jobs/release");
    assert_eq!(word(release, "/environment"), "production");
    let condition = word(release, "/if");
    assert!(condition.contains("ref_type == 'tag'") && condition.contains("format('{0}-v', inputs.module)"));
    assert_eq!(list(release, "/needs"), ["image"]);
    assert_eq!(list(at(&shared, "/jobs/image"), "/needs"), ["tests", "contract", "alone"]);

    let steps = list(release, "/steps");
    let run =
        steps.iter().filter_map(|step| step.get("run")?.as_str()).find(|run| run.contains("release.sh"));
    let script = run.unwrap().split(' ').next().unwrap();
    assert!(text(script).contains("kubectl set image --namespace cleave \"deployment/$module\""));
}
