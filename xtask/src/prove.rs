//! Every prover, one after another, and the page that is made of what they found.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

use crate::{cargo, fuzz};

/// What is proven, and how: the arguments of `prove`, and what takes their place for a short look.
const PROOFS: &[(&[&str], &[&str])] = &[
    (&["suite"], &["suite"]),
    (&["access"], &["access"]),
    (&["access", "--store", "postgres"], &[]),
    (&["input"], &["input", "--one-in", "12"]),
    (&["races", "--rounds", "5"], &["races", "--rounds", "1"]),
    (&["races", "--rounds", "5", "--store", "postgres", "--placement", "replicas"], &[]),
    (&["races", "--mutants"], &[]),
    (&["paysim"], &["paysim", "--rounds", "1"]),
    (&["paysim", "--store", "postgres"], &[]),
    (&["schema"], &["schema", "--examples", "5"]),
    (&["fuzz"], &["fuzz", "--seconds-each", "5"]),
    (&["power"], &["power", "--orders", "3", "--starts", "3", "--faults", "8", "--stride", "16"]),
    (
        &["sim", "--seeds", "100000", "--jobs", "2", "--seconds", "7200"],
        &["sim", "--seeds", "500", "--jobs", "2"],
    ),
    (&["crash", "--seconds", "3600"], &["crash", "--seconds", "60"]),
    (
        &["crash", "--seconds", "3600", "--store", "postgres"],
        &["crash", "--seconds", "60", "--store", "postgres"],
    ),
    (&["crash", "--seconds", "1800", "--placement", "split"], &[]),
    (&["crash", "--seconds", "1800", "--store", "postgres", "--placement", "split"], &[]),
];

/// Runs all of them, whatever one finds, and writes the page.
#[derive(Debug, Parser)]
#[command(
    bin_name = "cargo xtask prove all",
    about = "Run every prover, which takes about five hours, and write docs/reliability.md and RELIABILITY.json",
    after_help = "Examples:\n  cargo xtask prove all\n  cargo xtask prove all --short --into /tmp/page\n\n\
                  Exits with 1 when one of them found something."
)]
struct All {
    /// A look at each in some minutes; what it writes is no proof of much
    #[arg(long)]
    short: bool,
    /// The folder of the records
    #[arg(long, value_name = "DIR", default_value = "target/records")]
    record: PathBuf,
    /// The folder that gets RELIABILITY.json and docs/reliability.md
    #[arg(long, value_name = "DIR", default_value = ".")]
    into: PathBuf,
}

/// Hands over to a prover, or to all of them.
pub(crate) fn run(arguments: &[OsString]) -> Result<bool, String> {
    if arguments.first().is_some_and(|name| name == "all") {
        all(&All::parse_from(arguments))
    } else {
        one(arguments)
    }
}

fn one(arguments: &[OsString]) -> Result<bool, String> {
    match arguments.first().and_then(|name| name.to_str()) {
        Some("sim") => cargo::simulate(arguments),
        Some("suite") => cargo::suite(arguments),
        Some("fuzz") => fuzz::find_or_install().and_then(|()| cargo::quick_lab("prove", arguments)),
        _ => cargo::prove(arguments),
    }
}

fn all(all: &All) -> Result<bool, String> {
    let mut failed = Vec::new();
    for (long, short) in PROOFS {
        let words = if all.short { short } else { long };
        if words.is_empty() {
            continue;
        }
        let named = words.join(" ");
        eprintln!("\n=== prove {named}");
        let record = [OsString::from("--record"), all.record.clone().into()];
        let arguments: Vec<OsString> = words.iter().map(Into::into).chain(record).collect();
        match one(&arguments) {
            Ok(true) => {}
            Ok(false) => failed.push(named),
            Err(reason) => failed.push(format!("{named}: {reason}")),
        }
    }
    let page = [
        "page".into(),
        "--records".into(),
        all.record.clone().into(),
        "--into".into(),
        all.into.clone().into(),
    ];
    let is_written = one(&page)?;
    for proof in &failed {
        eprintln!("failed: prove {proof}");
    }
    Ok(failed.is_empty() && is_written)
}
