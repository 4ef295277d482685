//! What a prover has found out, for the page that is made of all of them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::Failure;

/// A run of a prover.
#[derive(Debug, Clone, Serialize)]
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

impl Record {
    /// Writes it into this folder.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), Failure> {
        std::fs::create_dir_all(folder)?;
        let text = serde_json::to_string_pretty(self)?;
        std::fs::write(folder.join(format!("{}.json", self.name)), text + "\n")?;
        Ok(())
    }
}
