//! The places where the shop can be made to fail: what they are called, that a binary without the feature has none, and
//! with it that a purchase survives a kill at each of its steps.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "this is a test, and it says what it did")]

use std::collections::BTreeSet;
use std::path::Path;

#[path = "boundaries/tree.rs"]
mod tree;

#[cfg(feature = "faults")]
mod faults {
    mod campaign;
    mod plan;
}

/// Every name between `fault!("` and the next quote, in the order of the files.
fn named() -> Vec<String> {
    let mut named = Vec::new();
    for part in ["platform/src", "modules", "src"] {
        for file in tree::files(&tree::root().join(part), "rs") {
            let text = std::fs::read_to_string(&file).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let code: String = code.collect::<Vec<_>>().join("\n");
            let quoted =
                code.split("fault!(").skip(1).filter_map(|after| after.trim_start().strip_prefix('"'));
            named.extend(quoted.filter_map(|after| after.split('"').next()).map(str::to_owned));
        }
    }
    assert!(named.len() > 60, "only {} fault points were found", named.len());
    named
}

#[test]
fn every_fault_point_has_a_well_formed_name_of_its_own() {
    let mut known = BTreeSet::new();
    for name in named() {
        let words: Vec<&str> = name.split('.').collect();
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let good = |word: &&str| !word.is_empty() && word.bytes().all(letters);
        assert!((2..=3).contains(&words.len()) && words.iter().all(good), "{name}");
        assert!(name.len() <= 55, "{name} is too long for its line in a tally");
        assert!(known.insert(name.clone()), "{name} is there twice");
    }
}

/// Which of these texts are in a file, looked for at every dot in it.
fn found_in(file: &Path, texts: &[String]) -> Vec<String> {
    let bytes = std::fs::read(file).unwrap();
    let mut found = BTreeSet::new();
    for at in (0..bytes.len()).filter(|at| bytes[*at] == b'.') {
        for text in texts {
            let dot = text.find('.').unwrap();
            if bytes.get(at + 1) == text.as_bytes().get(dot + 1)
                && at >= dot
                && bytes.get(at - dot..at - dot + text.len()) == Some(text.as_bytes())
            {
                found.insert(text.clone());
            }
        }
    }
    found.into_iter().collect()
}

#[test]
fn a_binary_has_fault_points_with_the_feature_and_without_it_not_one_of_their_names() {
    let names = named();
    let found = found_in(Path::new(env!("CARGO_BIN_EXE_cleave")), &names);
    if cfg!(feature = "faults") {
        assert_eq!(found.len(), names.len(), "the search itself must find them");
    } else {
        assert_eq!(found, Vec::<String>::new());
    }
    println!("{} names, {} found in the binary", names.len(), found.len());
}
