//! `cleave contract`: what an implementation in another process, or in another language, has to match.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::Failure;
use super::output::Output;
use crate::declared::MODULES;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cleave contract                        the names of all contracts\n  \
                  cleave contract payments.v1            its methods and the JSON Schemas of what they take and give\n  \
                  cleave contract payments.v1 --against released.json")]
pub(super) struct Contract {
    /// The contract
    name: Option<String>,
    /// Say what keeps this version and the one in the file from working together, in either direction
    #[arg(long, value_name = "FILE", requires = "name")]
    against: Option<std::path::PathBuf>,
}

impl Contract {
    pub(super) fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        let Some(name) = self.name else {
            for (name, _) in all() {
                output.say(name, &Value::from(name));
            }
            return Ok(ExitCode::SUCCESS);
        };
        let descriptor = all().into_iter().find(|(known, _)| *known == name);
        let (_, descriptor) = descriptor
            .ok_or_else(|| format!("there is no contract `{name}`; `cleave contract` names them all"))?;
        let Some(file) = self.against else {
            output.say(serde_json::to_string_pretty(&descriptor)?, &descriptor);
            return Ok(ExitCode::SUCCESS);
        };
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let other = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        let broken = broken(&descriptor, &other);
        for sentence in &broken {
            output.say(sentence, &Value::from(sentence.as_str()));
        }
        Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Every contract that crosses a wall, with its descriptor.
fn all() -> Vec<(&'static str, Value)> {
    use platform::events::FeedsClient;
    let modules = MODULES.iter().map(|module| (module.contract, (module.descriptor)()));
    modules.chain([(FeedsClient::CONTRACT, FeedsClient::descriptor())]).collect()
}

fn broken(ours: &Value, other: &Value) -> Vec<String> {
    let calling = platform::calls::breaks(ours, other).into_iter();
    let called = platform::calls::breaks(other, ours).into_iter();
    calling
        .map(|sentence| format!("calling the other: {sentence}"))
        .chain(called.map(|sentence| format!("called by the other: {sentence}")))
        .collect()
}
