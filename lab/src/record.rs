//! What a prover has found out, for the page that is made of all of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Failure;

/// A run of a prover.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// Its name, and that of its file.
    pub name: String,
    /// The promises it is about, such as `P1`.
    pub promises: Vec<String>,
    /// The command that does it again.
    pub command: String,
    /// How often it was tried.
    pub runs: u64,
    /// Faults that were injected.
    pub faults: u64,
    /// How often a promise was not kept.
    pub failures: u64,
    /// How long it took.
    pub seconds: f64,
    /// Whatever else was counted.
    pub figures: BTreeMap<String, Value>,
    /// What belongs to the promises and was not tried.
    pub not_covered: Vec<String>,
}

/// A record as it is kept: with the commit of the sources it was made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    /// The commit, with `+` where the sources had changed since.
    pub commit: String,
    /// What was found out.
    #[serde(flatten)]
    pub record: Record,
}

impl Record {
    /// Writes it into this folder.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), Failure> {
        std::fs::create_dir_all(folder)?;
        let kept = Kept { commit: COMMIT.clone(), record: self.clone() };
        let text = serde_json::to_string_pretty(&kept)?;
        std::fs::write(folder.join(format!("{}.json", self.name)), text + "\n")?;
        Ok(())
    }
}

/// The commit of the sources as they were when it was first asked for, because they may move on during a long run.
static COMMIT: LazyLock<String> = LazyLock::new(commit);

/// Notes of which sources whatever is run next is made.
pub fn begin() {
    LazyLock::force(&COMMIT);
}

/// The commit of the sources around us, if they are under git.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    let has_changed = git(&["status", "--porcelain"]).is_some_and(|changes| !changes.is_empty());
    if has_changed { commit + "+" } else { commit }
}
