//! What a proof leaves behind: a record that a page can be made of.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::Failure;

/// How often something was tried, and how often it failed.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// The proof.
    pub name: String,
    /// The promises it is about.
    pub promises: Vec<String>,
    /// What was typed.
    pub command: String,
    /// How often it was tried.
    pub runs: u64,
    /// How often something was made to go wrong.
    pub faults: u64,
    /// How often a promise was broken.
    pub failures: u64,
    /// How long that took.
    pub seconds: f64,
    /// What else was counted.
    pub figures: BTreeMap<String, serde_json::Value>,
    /// What was not tried.
    pub not_covered: Vec<String>,
}

impl Record {
    /// Writes it to `DIR/<name>.json`.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn write(&self, dir: &Path) -> Result<(), Failure> {
        std::fs::create_dir_all(dir)?;
        let path = dir.join(format!("{}.json", self.name));
        Ok(std::fs::write(path, serde_json::to_vec_pretty(self)?)?)
    }
}
