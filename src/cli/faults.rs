//! `cleave faults`: where this binary can be made to fail. Only with the feature of that name.

use std::path::PathBuf;

use clap::Args;
use platform::fault;
use serde_json::json;

use super::Failure;
use super::output::Output;

/// What happens at which point, or `file:` and the path of a file that says so.
const PLAN: &str = "CLEAVE_FAULTS";
/// The folder in which each process counts its hits.
const FOLDER: &str = "CLEAVE_FAULTS_FOLDER";

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cleave faults --json\n  CLEAVE_FAULTS='confirm.before_commit=kill@3' cleave serve\n  \
                        CLEAVE_FAULTS=file:plan.txt CLEAVE_FAULTS_FOLDER=hits cleave serve\n\n\
                        At a point the process can be made to die (kill), to stop until SIGCONT (stop), to wait \
                        (delay:MILLISECONDS) and, where the place can fail, to fail (error): at the first hit, or at \
                        those after the @."
)]
pub(super) struct Faults {}

impl Faults {
    #[expect(clippy::unused_self, reason = "a command without arguments, run as all others")]
    pub(super) fn run(&self, output: &Output) {
        for point in fault::points() {
            let (name, place, can_fail) = (point.name(), point.place(), point.can_fail());
            let actions = if can_fail { "kill, stop, delay, error" } else { "kill, stop, delay" };
            output.say(
                format!("{name:40} {actions:26} {place}"),
                &json!({ "name": name, "place": place, "canFail": can_fail }),
            );
        }
    }
}

/// Does what the environment says, if it says anything.
pub(super) fn arm() -> Result<(), Failure> {
    let told = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let (plan, folder) = (told(PLAN), told(FOLDER).map(PathBuf::from));
    if plan.is_none() && folder.is_none() {
        return Ok(());
    }
    let plan = plan.unwrap_or_default().into_string().map_err(|_| format!("{PLAN} is no text"))?;
    let plan = match plan.strip_prefix("file:") {
        Some(path) => std::fs::read_to_string(path).map_err(|error| format!("{PLAN}: {path}: {error}"))?,
        None => plan,
    };
    Ok(fault::arm(plan.trim(), folder.as_deref())?)
}
