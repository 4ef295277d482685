//! The steps from one set of settings to another, in an order in which the shop stays open.

use std::fmt;
use std::path::PathBuf;

use crate::databases::describe;
use crate::declared::MODULES;

use super::set::{Process, Set};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The module's tables have to be elsewhere first.
    Move { module: &'static str, from: String, to: String, settings: [PathBuf; 2] },
    /// A process that was not there.
    Start { process: String },
    /// A process sends the module's calls another way, little by little.
    Send { process: String, internal: String, module: &'static str, urls: Vec<String> },
    /// A process takes the module's calls back.
    Keep { process: String, internal: String, module: &'static str },
    /// A process reads its new settings at its next start. Until then what was sent another way stays so.
    Restart { process: String },
    /// A process that nobody needs any more.
    Stop { process: String },
}

/// The steps from `old` to `new`: data first, then new processes, then calls, then the settings of those that stay,
/// and what is left over last. None: the two are alike.
pub fn plan(old: &Set, new: &Set) -> Vec<Step> {
    let mut steps = Vec::new();
    for module in MODULES.map(|module| module.name) {
        steps.extend(data(module, old, new));
    }
    let of = |set: &Set, name: &str| set.processes().iter().any(|process| process.name == name);
    let started = new.processes().iter().filter(|process| !of(old, &process.name));
    steps.extend(started.map(|process| Step::Start { process: process.name.clone() }));

    let mut restarted = Vec::new();
    for before in old.processes() {
        let Some(after) = new.processes().iter().find(|after| after.name == before.name) else { continue };
        let calls = calls(before, after);
        let stays = |module| before.config.place(module) == after.config.place(module);
        let moved =
            MODULES.iter().any(|module| after.config.modules.runs(module.name) && !stays(module.name));
        if moved || !calls.is_empty() {
            restarted.push(Step::Restart { process: before.name.clone() });
        }
        steps.extend(calls);
    }
    steps.extend(restarted);
    let stopped = old.processes().iter().filter(|process| !of(new, &process.name));
    steps.extend(stopped.map(|process| Step::Stop { process: process.name.clone() }));
    steps
}

/// Where a module's tables have to go.
fn data(module: &'static str, old: &Set, new: &Set) -> Option<Step> {
    let (before, after) = (old.running(module).next()?, new.running(module).next()?);
    let (from, to) = (before.config.place(module), after.config.place(module));
    let settings = [before.file.clone(), after.file.clone()];
    (from != to).then(|| Step::Move { module, from: describe(&from), to: describe(&to), settings })
}

/// What changes in the calls of a process that stays.
fn calls(before: &Process, after: &Process) -> Vec<Step> {
    let mut steps = Vec::new();
    for module in MODULES.map(|module| module.name) {
        let (old, new) = (&before.config.modules, &after.config.modules);
        let (process, internal) = (before.name.clone(), before.config.internal.to_string());
        if new.runs(module) {
            if !old.runs(module) {
                steps.push(Step::Keep { process, internal, module });
            }
        } else if old.runs(module) || old.urls(module) != new.urls(module) {
            steps.push(Step::Send { process, internal, module, urls: new.urls(module).to_vec() });
        }
    }
    steps
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Move { module, from, to, settings: [old, new] } => {
                let command =
                    format!("cleave move {module} --config {} --to {}", old.display(), new.display());
                write!(
                    f,
                    "Bring the tables of the {module} module from {from} to {to}, while the shop is open:\n     \
                     {command} --rehearse\n     {command}"
                )
            }
            Self::Start { process } => {
                write!(f, "Start {process} and wait until it is ready: cleave serve --config {process}.toml")
            }
            Self::Send { process, internal, module, urls } => {
                let urls: Vec<String> = urls.iter().map(|url| format!(" --url {url}")).collect();
                let urls = urls.concat();
                write!(f, "Let {process} send its calls for {module} there, little by little:")?;
                for percent in [1, 10, 100] {
                    write!(
                        f,
                        "\n     cleave topology apply {module} --internal {internal}{urls} --percent {percent}"
                    )?;
                }
                Ok(())
            }
            Self::Keep { process, internal, module } => write!(
                f,
                "Give {process} its new settings and start it again; it then runs the {module} module itself. If it \
                 does already: cleave topology apply {module} --internal {internal} --here"
            ),
            Self::Restart { process } => write!(
                f,
                "Put the new {process}.toml in place. It holds from the next start of {process}; until then what was \
                 applied holds."
            ),
            Self::Stop { process } => write!(f, "Stop {process} with SIGTERM."),
        }
    }
}
