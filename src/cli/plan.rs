//! `cleave plan`: the steps from one set of settings to another.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::Failure;
use super::output::Output;
use crate::topology::{Set, plan};

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  cleave plan now/ split/     each folder holds one TOML file for each process, named after it"
)]
pub(super) struct Plan {
    /// The folder with the settings as they are
    old: PathBuf,
    /// The folder with the settings as they shall be
    new: PathBuf,
}

impl Plan {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        let (old, new) = (load(&self.old)?, load(&self.new)?);
        let faults = new.faults();
        if !faults.is_empty() {
            return Err(format!("{} does not fit together: {}", self.new.display(), faults.join("; ")).into());
        }
        let steps = plan(&old, &new);
        if steps.is_empty() {
            output.say("Nothing to do: both are alike.", &json!({ "steps": 0 }));
        }
        for (number, step) in steps.iter().enumerate() {
            let text = step.to_string();
            output.say(format!("{:>2}. {text}", number + 1), &json!({ "step": number + 1, "do": text }));
        }
        Ok(())
    }
}

fn load(folder: &Path) -> Result<Set, Failure> {
    let listed = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files = Vec::new();
    for entry in listed {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(format!("{} holds no TOML file; put one there for each process", folder.display()).into());
    }
    Ok(Set::load(&files)?)
}
