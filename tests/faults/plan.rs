//! A plan, as somebody outside writes it, and what a process does with it.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::named;

fn run(folder: &TempDir, plan: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cleave"));
    command.args(arguments).current_dir(folder.path()).env_clear();
    command.env("CLEAVE_FAULTS", plan).env("CLEAVE_FAULTS_FOLDER", folder.path().join("hits"));
    std::fs::create_dir_all(folder.path().join("hits")).unwrap();
    command.output().unwrap()
}

#[test]
fn the_binary_lists_every_point_that_the_source_names() {
    let listed = run(&tempfile::tempdir().unwrap(), "", &["faults", "--json"]);
    let listed: Vec<Value> = String::from_utf8(listed.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: BTreeSet<String> =
        listed.iter().map(|point| point["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, named().into_iter().collect());
    assert!(listed.iter().any(|point| point["place"] == "payment::movement::points"), "{listed:?}");
}

#[test]
fn a_plan_that_cannot_be_followed_is_refused_and_never_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let refused = [
        ("migrate.after", "is no fault"),
        ("migrate.after=explode", "is no fault"),
        ("migrate.after=kill@0", "is no fault"),
        ("migrate.after=kill@3-2", "is no fault"),
        ("migrate.after=delay:soon", "is no fault"),
        ("no.such.point=kill", "there is no fault point"),
        ("boot.after_bind=error", "cannot be armed with an error"),
        ("file:nowhere", "nowhere"),
    ];
    for (plan, said) in refused {
        let output = run(&folder, plan, &["migrate"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(said), "{plan}: {told}");
    }
    assert!(!folder.path().join("data/order.db").exists(), "nothing was begun");
}

#[test]
fn a_process_dies_at_the_hit_that_is_armed_and_has_counted_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plan"), "migrate.after=kill@2, migrate.before=delay:1\n").unwrap();
    let killed = run(&folder, "file:plan", &["migrate"]);
    assert_eq!(killed.status.signal(), Some(9));
    let tally = std::fs::read_dir(folder.path().join("hits")).unwrap().next().unwrap().unwrap().path();
    let text = String::from_utf8_lossy(&std::fs::read(tally).unwrap()).replace('\0', "");
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(lines.contains(&vec!["migrate.after", "2", "1"]), "{text}");

    let fails = run(&folder, "migrate.before=error", &["migrate"]);
    assert_eq!(fails.status.code(), Some(1), "a place that can fail fails");
    let left_alone = run(&folder, "migrate.after=kill@100", &["migrate"]);
    assert!(left_alone.status.success(), "{}", String::from_utf8_lossy(&left_alone.stderr));
}
