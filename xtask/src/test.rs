//! `cargo xtask test`: the whole suite, with everything it needs brought along and stopped again.

use std::io::{self, Write as _};
use std::process::Stdio;
use std::time::Instant;

use crate::cargo;
use crate::nats;
use crate::postgres::{Binaries, Server};
use crate::python;
use crate::steps::{ALL, PLACEMENTS, Step, representative};
use crate::summary::{Outcome, Summary};

pub(crate) const EXAMPLES: &str = "Examples:\n  \
    cargo xtask test                             everything; stops at the first failing step\n  \
    cargo xtask test --keep-going                everything, whatever fails\n  \
    cargo xtask test --only format --only lints  two steps\n  \
    cargo xtask test --only sqlite --package payment\n  \
                                                 the tests of one module\n  \
    cargo xtask test --all-placements            and the shop in all fifteen placements, over HTTP and NATS\n  \
    cargo xtask test --json 2>/dev/null          the outcome for a program";

#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Options {
    /// Run this step alone; may be given several times
    #[arg(long, value_name = "STEP", value_parser = step_names())]
    only: Vec<String>,
    /// Test this package alone where all would be tested; may be given several times
    #[arg(long = "package", value_name = "PACKAGE")]
    packages: Vec<String>,
    /// Name the steps and what they prove, and run none
    #[arg(long)]
    list: bool,
    /// Take the shop apart in every way there is and over both transports, not in a third of them
    #[arg(long)]
    all_placements: bool,
    /// Go on after a step has failed
    #[arg(long)]
    keep_going: bool,
    /// Print the summary as JSON on standard output; all else goes to standard error
    #[arg(long)]
    json: bool,
}

impl Options {
    fn steps(&self) -> impl Iterator<Item = &'static Step> {
        let named = |step: &&Step| self.only.iter().any(|name| name == step.name);
        let placements: Vec<&Step> = if self.all_placements || !self.only.is_empty() {
            PLACEMENTS.iter().flatten().collect()
        } else {
            representative().collect()
        };
        ALL.iter().chain(placements).filter(move |step| self.only.is_empty() || named(step))
    }
}

fn step_names() -> clap::builder::PossibleValuesParser {
    ALL.iter().chain(PLACEMENTS.iter().flatten()).map(|step| step.name).collect::<Vec<_>>().into()
}

/// Runs the steps. `false`: one of them failed.
pub(crate) fn run(options: &Options) -> Result<bool, String> {
    if options.list {
        return list().map(|()| true).map_err(|error| error.to_string());
    }
    let nextest = cargo::has("nextest");
    let mut summary = Summary::default();
    for step in options.steps() {
        if summary.has_failed() && !options.keep_going {
            summary.add(step.name, Outcome::NotRun, std::time::Duration::ZERO);
            continue;
        }
        eprintln!("\n=== {}: {}", step.name, step.proves);
        let started = Instant::now();
        let outcome = match carry_out(step, nextest, options) {
            Ok(true) => Outcome::Passed,
            Ok(false) => Outcome::Failed,
            Err(reason) => {
                eprintln!("{}: {reason}", step.name);
                Outcome::Failed
            }
        };
        eprintln!("=== {}: {} in {:.1} s", step.name, outcome.word(), started.elapsed().as_secs_f64());
        summary.add(step.name, outcome, started.elapsed());
    }
    eprint!("\n{summary}");
    if options.json {
        writeln!(io::stdout(), "{}", summary.to_json()).map_err(|error| error.to_string())?;
    }
    Ok(!summary.has_failed())
}

/// Servers live exactly as long as the step that needs them.
fn carry_out(step: &Step, nextest: bool, options: &Options) -> Result<bool, String> {
    if step.needs_python() {
        python::find_or_install()?;
    }
    let server = if step.needs_postgres { Some(Server::start(&Binaries::find_or_install()?)?) } else { None };
    let broker = if step.needs_nats { Some(nats::Server::start(&nats::find_or_install()?)?) } else { None };
    let (postgres, nats) = (server.as_ref().map(Server::url), broker.as_ref().map(nats::Server::url));
    let mut command = step.command(nextest, &options.packages, postgres, nats);
    if options.json {
        command.stdout(Stdio::from(io::stderr()));
    }
    let status = command.status().map_err(|error| format!("cargo does not start: {error}"))?;
    Ok(status.success())
}

fn list() -> io::Result<()> {
    let mut steps = ALL.iter().chain(PLACEMENTS.iter().flatten());
    steps.try_for_each(|step| writeln!(io::stdout(), "{:<32} {}", step.name, step.proves))
}
