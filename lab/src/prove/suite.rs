//! What tests of the suite show: promises that hold or do not, whatever chance brings, so that one look is enough.

mod kept;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::Failure;
use crate::record::Record;
use kept::{KEPT, Kept};

/// How the names of its records begin.
pub(super) const RECORDS: &str = "suite-";

/// Runs the tests that promises stand on.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask prove suite\n  cargo xtask prove suite --only P30 --only P34\n\nExits with 1 when a test \
                  fails, and when one that a promise stands on is not there any more. Needs cargo-nextest."
)]
pub struct Suite {
    /// Only this promise; may be given several times
    #[arg(long, value_name = "PROMISE")]
    pub only: Vec<String>,
    /// The folder for the records
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

impl Suite {
    /// Runs them. Returns whether all passed.
    ///
    /// # Errors
    /// There is no such promise or no such test, or they cannot be built.
    pub async fn run(self) -> Result<bool, Failure> {
        if let Some(strange) = self.only.iter().find(|name| !KEPT.iter().any(|kept| kept.promise == **name)) {
            let known: Vec<_> = KEPT.iter().map(|kept| kept.promise).collect();
            return Err(format!("no test shows {strange}; some show {}", known.join(", ")).into());
        }
        let is_chosen =
            |kept: &&Kept| self.only.is_empty() || self.only.iter().any(|name| kept.promise == name);
        let chosen: Vec<&Kept> = KEPT.iter().filter(is_chosen).collect();
        let began = Instant::now();
        let verdicts = verdicts(&chosen).await?;
        let seconds = began.elapsed().as_secs_f64();
        let mut out = std::io::stdout();
        let mut failed = 0;
        for kept in chosen {
            let record = record(kept, &verdicts, seconds)?;
            failed += record.failures;
            if self.json {
                writeln!(
                    out,
                    "{}",
                    json!({ "promise": kept.promise, "tests": record.runs, "failed": record.failures })
                )?;
            } else {
                writeln!(out, "{:<4} {:>3} tests, {} failed", kept.promise, record.runs, record.failures)?;
            }
            if let Some(folder) = &self.record {
                record.write(folder)?;
            }
        }
        Ok(failed == 0)
    }
}

/// Runs these tests, each once, and returns which passed.
async fn verdicts(chosen: &[&Kept]) -> Result<BTreeMap<String, bool>, Failure> {
    let named: Vec<String> =
        chosen.iter().flat_map(|kept| kept.tests).map(|name| format!("test({name})")).collect();
    let mut nextest = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["nextest", "run", "--workspace", "--no-fail-fast", "--retries", "0", "--color", "never"])
        .args(["--status-level", "pass", "--final-status-level", "none", "-E", &named.join(" | ")])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(nextest.stderr.take().ok_or("nextest says nothing")?).lines();
    let mut verdicts = BTreeMap::new();
    while let Some(line) = lines.next_line().await? {
        writeln!(std::io::stderr(), "{line}")?;
        if let Some((test, passed)) = verdict(&line) {
            verdicts.insert(test.to_owned(), passed);
        }
    }
    let all_passed = verdicts.values().all(|passed| *passed);
    if verdicts.is_empty() || nextest.wait().await?.success() != all_passed {
        return Err("the tests could not be run; what nextest said is above".into());
    }
    Ok(verdicts)
}

/// The test that a line of nextest is about, and whether it passed.
fn verdict(line: &str) -> Option<(&str, bool)> {
    let (word, rest) = line.trim_start().split_once(" [")?;
    let is_verdict = word.chars().all(|letter| letter.is_ascii_uppercase()) && word != "SLOW";
    is_verdict.then(|| Some((rest.split_whitespace().last()?, ["PASS", "LEAK"].contains(&word))))?
}

/// For the page.
fn record(kept: &Kept, verdicts: &BTreeMap<String, bool>, seconds: f64) -> Result<Record, Failure> {
    if let Some(gone) = kept.tests.iter().find(|name| !verdicts.keys().any(|test| test.contains(**name))) {
        return Err(format!("{} stands on {gone}, and no test is called so", kept.promise).into());
    }
    let is_one = |test: &&String| kept.tests.iter().any(|name| test.contains(name));
    let tests: Vec<&String> = verdicts.keys().filter(is_one).collect();
    let failures = tests.iter().filter(|test| verdicts.get(**test) == Some(&false)).count() as u64;
    Ok(Record {
        name: format!("{RECORDS}{}", kept.promise),
        promises: vec![kept.promise.to_owned()],
        command: format!("cargo xtask prove suite --only {}", kept.promise),
        runs: tests.len() as u64,
        faults: 0,
        failures,
        seconds,
        figures: BTreeMap::from([("tests".to_owned(), json!(tests))]),
        not_covered: kept.not_covered.iter().map(|what| (*what).to_owned()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_about_a_test_is_told_from_others() {
        assert_eq!(
            verdict("        PASS [   0.012s] ( 1/60) kernel card::tests::a"),
            Some(("card::tests::a", true))
        );
        assert_eq!(verdict("        FAIL [   1.012s] cleave::api races::b"), Some(("races::b", false)));
        assert_eq!(verdict("     SIGABRT [   1.012s] cleave::api races::b"), Some(("races::b", false)));
        for other in [
            "        SLOW [> 60.000s] cleave::api races::b",
            "     Summary [   2.1s] 3 tests run: 3 passed",
            "    Finished `test`",
        ] {
            assert_eq!(verdict(other), None);
        }
    }

    #[test]
    fn a_promise_whose_test_is_gone_is_not_kept() {
        let kept = Kept { promise: "P1", tests: &["races::"], not_covered: &[] };
        let ran = |test: &str, passed| BTreeMap::from([(test.to_owned(), passed)]);
        assert_eq!(record(&kept, &ran("races::b", true), 1.0).unwrap().failures, 0);
        assert_eq!(record(&kept, &ran("races::b", false), 1.0).unwrap().failures, 1);
        assert!(record(&kept, &ran("race::b", true), 1.0).unwrap_err().to_string().contains("races::"));
    }
}
