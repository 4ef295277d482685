//! The house rules that a compiler does not check, each also shown to be sharp on a text that breaks it.
//!
//! When one of these fails, the design is about to change. That may be right; then it is a decision record and a
//! line here, in the same commit.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the tree should stop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

mod boundaries {
    pub(crate) mod arrows;
    pub(crate) mod names;
    pub(crate) mod purity;
    pub(crate) mod source;
    pub(crate) mod sql;
    pub(crate) mod tree;
}

use boundaries::{arrows, names, purity, sql, tree};

const MODULES: [&str; 4] = ["user", "product", "order", "payment"];

#[test]
fn the_arrows_between_our_crates_are_exactly_the_documented_ones() {
    let (actual, documented) = (arrows::actual(), arrows::documented());
    let new: Vec<_> = actual.difference(&documented).collect();
    let gone: Vec<_> = documented.difference(&actual).collect();
    assert!(new.is_empty(), "not in the documented map: {new:?}");
    assert!(gone.is_empty(), "documented but not there: {gone:?}");
}

#[test]
fn the_arrows_form_no_circle() {
    assert_eq!(arrows::circle(&arrows::actual()), None);
}

#[test]
fn a_modules_sql_names_only_its_own_tables() {
    let root = tree::root();
    let shared = tables(&root.join("migrations/platform"));
    assert!(!shared.is_empty());
    for module in MODULES {
        let own: BTreeSet<String> = &tables(&root.join("migrations").join(module)) | &shared;
        for file in tree::files(&root.join("modules").join(module).join("src"), "rs") {
            let foreign = sql::foreign_tables(&fs::read_to_string(&file).unwrap(), &own);
            assert!(foreign.is_empty(), "{} reaches into {foreign:?}", file.display());
        }
    }
}

#[test]
fn a_things_own_file_is_pure() {
    for module in MODULES {
        let src = tree::root().join("modules").join(module).join("src");
        for file in tree::files(&src, "rs") {
            // `cart.rs` beside `cart/`: the thing and its rules. Deeper down a folder holds a file's parts or tests.
            if file.parent() != Some(src.as_path()) || !file.with_extension("").is_dir() {
                continue;
            }
            let impure = purity::impurities(&fs::read_to_string(&file).unwrap());
            assert!(impure.is_empty(), "{} knows {impure:?}", file.display());
        }
    }
}

#[test]
fn every_file_has_a_name_of_its_own() {
    let files = tree::files(&tree::root(), "rs");
    assert!(files.len() > 20);
    for file in files {
        let path = file.strip_prefix(tree::root()).unwrap();
        assert_eq!(names::unwelcome(path), None, "{}", path.display());
    }
}

fn tables(migrations: &Path) -> BTreeSet<String> {
    tree::files(migrations, "sql")
        .iter()
        .flat_map(|file| sql::created_tables(&fs::read_to_string(file).unwrap()))
        .collect()
}
