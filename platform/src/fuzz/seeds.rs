//! The inputs that are kept.

use std::fs;
use std::path::{Path, PathBuf};

use super::Target;

/// Runs each target of a crate over its seeds, and looks whether `fuzz/` has a program for it.
pub fn run_through(krate: &str, targets: &[Target]) {
    let root = root();
    let programs = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for (name, target) in targets {
        let program = fs::read_to_string(root.join(format!("fuzz_targets/{name}.rs"))).unwrap_or_default();
        assert!(
            program.contains(&format!("{krate}::fuzz::{name}(")),
            "fuzz_targets/{name}.rs does not run {name}"
        );
        assert!(programs.contains(&format!("name = \"{name}\"")), "fuzz/Cargo.toml does not name {name}");
        let mut seeds: Vec<PathBuf> = listed(&root.join("seeds").join(name));
        seeds.sort_unstable();
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            let bytes = fs::read(&seed).unwrap();
            assert!(std::panic::catch_unwind(|| target(&bytes)).is_ok(), "{}", seed.display());
            // What is nearly right is where readers go wrong.
            target(&[&bytes, &bytes[..]].concat());
            for end in 0..bytes.len().min(64) {
                target(&bytes[..end]);
            }
        }
    }
}

fn listed(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

/// `fuzz/`, from whichever crate's folder the test runs in.
fn root() -> PathBuf {
    let here = std::env::current_dir().unwrap();
    here.ancestors().map(|folder| folder.join("fuzz")).find(|fuzz| fuzz.join("seeds").is_dir()).unwrap()
}
