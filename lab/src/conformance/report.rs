//! What was checked, and what came of it.

use std::io::Write as _;

use serde_json::{Value, json};

use super::Amiss;

/// One promise, and whether it is kept.
#[derive(Debug, Clone)]
pub struct Check {
    /// Its name, for programs.
    pub name: &'static str,
    /// What is promised.
    pub promise: &'static str,
    /// What is amiss, if anything is.
    pub amiss: Option<String>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Report {
    checks: Vec<Check>,
    aloud: bool,
}

impl Report {
    pub(super) fn new(aloud: bool) -> Self {
        Self { checks: Vec::new(), aloud }
    }

    /// Looks whether a promise is kept.
    pub(super) async fn check(
        &mut self,
        name: &'static str,
        promise: &'static str,
        look: impl Future<Output = Result<(), Amiss>>,
    ) {
        let check = Check { name, promise, amiss: look.await.err() };
        if self.aloud {
            // Nobody may be listening any more; the outcome does not depend on it.
            let _ = writeln!(std::io::stdout(), "{}", line(&check));
        }
        self.checks.push(check);
    }

    /// All checks, in the order they were made.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The names of those that failed.
    pub fn failed(&self) -> Vec<&'static str> {
        self.checks.iter().filter(|check| check.amiss.is_some()).map(|check| check.name).collect()
    }

    /// The last line.
    pub fn summary(&self) -> String {
        let (all, failed) = (self.checks.len(), self.failed().len());
        match failed {
            0 => format!("{all} promises, all kept"),
            _ => format!("{all} promises, {failed} not kept"),
        }
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let check =
            |check: &Check| json!({ "name": check.name, "promise": check.promise, "amiss": check.amiss });
        json!({
            "kept": self.failed().is_empty(),
            "checks": self.checks.iter().map(check).collect::<Vec<_>>(),
        })
    }
}

fn line(check: &Check) -> String {
    match &check.amiss {
        None => format!("ok    {:<20} {}", check.name, check.promise),
        Some(amiss) => format!("AMISS {:<20} {}: {amiss}", check.name, check.promise),
    }
}
