//! Starts schemathesis and reads what it writes down.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::Failure;

const HOOKS: &str = include_str!("hooks.py");
const SETTINGS: &str = include_str!("schemathesis.toml");

/// What schemathesis has found in several runs.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Requests that were sent.
    pub(super) requests: u64,
    /// Operations that were tried, by run.
    pub(super) operations: BTreeMap<String, u64>,
    /// What was not as it has to be.
    pub(super) failures: Vec<String>,
}

impl Found {
    /// Adds the report of a run.
    pub(super) fn add(&mut self, run: &str, report: &Value) {
        self.requests += report["test_cases"]["generated"].as_u64().unwrap_or(0);
        let tested = report["operations"]["tested"].as_u64().unwrap_or(0);
        self.operations.insert(run.to_owned(), tested);
        if tested == 0 || report["complete"] != true {
            self.failures.push(format!("{run}: it did not come to its end: {}", report["stop_reason"]));
        }
        for kind in ["failures", "errors"] {
            for failure in report[kind].as_array().into_iter().flatten() {
                let at: Vec<&str> = named(&failure["operations"]);
                let title =
                    failure["title"].as_str().or_else(|| failure["message"].as_str()).unwrap_or("an error");
                self.failures.push(format!("{run}: {title} ({}): {}", failure["count"], at.join(", ")));
            }
        }
    }
}

/// The operations of a failure, which are texts or have labels.
fn named(operations: &Value) -> Vec<&str> {
    let operations = operations.as_array().into_iter().flatten();
    operations.filter_map(|one| one.as_str().or_else(|| one["label"].as_str())).collect()
}

/// Schemathesis, set for one shop.
pub(super) struct Runner {
    program: OsString,
    folder: TempDir,
    base: String,
    ids: String,
    examples: u32,
    seed: u64,
    patience: Duration,
}

impl Runner {
    pub(super) fn new(
        base: &str,
        ids: &BTreeMap<String, String>,
        examples: u32,
        seed: u64,
        patience: u64,
    ) -> Result<Self, Failure> {
        let program =
            program().ok_or("there is no schemathesis; `cargo xtask prove schema` brings it along")?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("hooks.py"), HOOKS)?;
        std::fs::write(folder.path().join("schemathesis.toml"), SETTINGS)?;
        let (ids, patience) = (serde_json::to_string(ids)?, Duration::from_secs(patience));
        Ok(Self { program, folder, base: base.to_owned(), ids, examples, seed, patience })
    }

    /// Runs it over a document, with this access token. Returns its report; what it has to say besides goes to standard
    /// error, with how to send each request again.
    pub(super) async fn run(&self, document: &str, token: Option<&str>) -> Result<Value, Failure> {
        let report = self.folder.path().join("report.json");
        let mut command = self.command(document, &report);
        if let Some(token) = token {
            command.arg("--header").arg(format!("Authorization: Bearer {token}"));
        }
        let mut child = command.spawn().map_err(|error| format!("schemathesis does not start: {error}"))?;
        let ended = tokio::time::timeout(self.patience, child.wait()).await;
        ended.map_err(|_| format!("schemathesis took more than {} s", self.patience.as_secs()))??;
        let text = std::fs::read_to_string(&report)
            .map_err(|error| format!("schemathesis left no report: {error}"))?;
        std::fs::remove_file(&report)?;
        Ok(serde_json::from_str(&text)?)
    }

    fn command(&self, document: &str, report: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args([
                "--config-file",
                "schemathesis.toml",
                "run",
                "--continue-on-failure",
                "--no-color",
                "--no-shrink",
            ])
            .args(["--url", &self.base, "--seed", &self.seed.to_string()])
            .args(["--max-examples", &self.examples.to_string()])
            .arg(format!("{}/openapi/{document}.json", self.base))
            .args(["--report", "json", "--report-json-path"])
            .arg(report)
            .current_dir(self.folder.path())
            .env("SCHEMATHESIS_HOOKS", "hooks")
            .env("PYTHONPATH", self.folder.path())
            .env("CLEAVE_LAB_IDS", &self.ids)
            .stdin(Stdio::null())
            .stdout(Stdio::from(std::io::stderr()))
            .kill_on_drop(true);
        command
    }
}

fn program() -> Option<OsString> {
    std::env::var_os("CLEAVE_LAB_SCHEMATHESIS").filter(|path| PathBuf::from(path).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report(failures: &Value) -> Value {
        json!({
            "complete": true, "stop_reason": "completed", "test_cases": { "generated": 7 },
            "operations": { "tested": 3 }, "failures": failures, "errors": [],
        })
    }

    #[test]
    fn a_failure_and_a_run_that_was_cut_off_are_told() {
        let mut found = Found::default();
        found.add("store", &report(&json!([])));
        assert_eq!((found.requests, found.failures.len()), (7, 0));

        found.add(
            "admin",
            &report(&json!([{ "title": "Server error", "count": 2, "operations": ["GET /v1/x"] }])),
        );
        assert_eq!(found.failures, ["admin: Server error (2): GET /v1/x"]);
        let mut cut_off = report(&json!([]));
        cut_off["complete"] = json!(false);
        found.add("guest", &cut_off);
        assert_eq!((found.failures.len(), found.requests), (2, 21));
    }
}
