//! `cleave modules`: what the modules are to each other, and where they run.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Failure;
use super::output::Output;
use crate::canvas::Canvas;
use crate::config::Config;
use crate::declared::MODULES;
use crate::topology::Set;

#[derive(Debug, Subcommand)]
pub(super) enum Modules {
    /// Print a module on one page, in Markdown: its contract, its events, its routes, its tables
    Canvas(Drawn),
    /// Print the processes of a shop as a picture, in Mermaid: who runs what, calls whom, hears whom
    Diagram(Pictured),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cleave modules canvas payment\n  cleave modules canvas > modules.md")]
pub(super) struct Drawn {
    /// The module [default: all]
    module: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cleave modules diagram                       this shop's own settings\n  \
                        cleave modules diagram split/*.toml > shop.mmd"
)]
pub(super) struct Pictured {
    /// The settings of all processes of a shop, one file each
    files: Vec<PathBuf>,
}

impl Modules {
    pub(super) fn run(self, config: &Config, output: &Output) -> Result<(), Failure> {
        match self {
            Self::Canvas(drawn) => drawn.run(output),
            Self::Diagram(pictured) => pictured.run(config, output),
        }
    }
}

impl Drawn {
    fn run(self, output: &Output) -> Result<(), Failure> {
        let names = MODULES.map(|module| module.name);
        if let Some(name) = self.module.as_deref().filter(|name| !names.contains(name)) {
            return Err(format!("there is no module `{name}`; there are {}", names.join(", ")).into());
        }
        let wanted = |name: &str| self.module.as_deref().is_none_or(|module| module == name);
        for module in MODULES.iter().filter(|module| wanted(module.name)) {
            let canvas = Canvas::of(module);
            output.say(format!("{canvas}\n"), &serde_json::to_value(&canvas)?);
        }
        Ok(())
    }
}

impl Pictured {
    fn run(self, config: &Config, output: &Output) -> Result<(), Failure> {
        let set = if self.files.is_empty() { Set::of(config.clone()) } else { Set::load(&self.files)? };
        let diagram = set.diagram().to_string();
        output.say(&diagram, &json!({ "mermaid": diagram }));
        Ok(())
    }
}
