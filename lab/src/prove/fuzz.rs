//! Every reader of outside bytes, tried with bytes that nobody chose: the programs in `fuzz/`, one after the other.

mod target;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use futures::StreamExt as _;
use futures::stream;
use serde_json::json;

use crate::Failure;
use crate::record::Record;
use target::{Outcome, Target};

/// Tries the readers.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask prove fuzz\n  cargo xtask prove fuzz --target json --seconds-each 600\n  \
                  cargo xtask prove fuzz --seconds-each 20 --jobs 2 --record records\n\nExits with 1 when a reader fell over or \
                  broke a rule of its own, and says with which bytes and how to do it again. Needs the nightly compiler and \
                  cargo-fuzz, and installs what is missing."
)]
pub struct Fuzz {
    /// How long each is tried
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub seconds_each: u64,
    /// Only this one; may be given several times
    #[arg(long = "target", value_name = "NAME")]
    pub targets: Vec<String>,
    /// How many at the same time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: u16,
    /// The folder of the programs
    #[arg(long, value_name = "DIR", default_value = "fuzz")]
    pub folder: PathBuf,
    /// The folder for the record
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

impl Fuzz {
    /// Builds and runs them. Returns whether nothing fell over.
    ///
    /// # Errors
    /// There is no such target, or they cannot be built.
    pub async fn run(self) -> Result<bool, Failure> {
        let targets = Target::all(&self.folder)?;
        if let Some(strange) =
            self.targets.iter().find(|name| !targets.iter().any(|target| target.name == **name))
        {
            let known: Vec<_> = targets.iter().map(|target| target.name.as_str()).collect();
            return Err(format!("there is no target `{strange}`; there are {}", known.join(", ")).into());
        }
        let is_chosen = |target: &Target| self.targets.is_empty() || self.targets.contains(&target.name);
        let chosen: Vec<Target> = targets.into_iter().filter(is_chosen).collect();
        Target::build(&chosen).await?;
        let began = Instant::now();
        let runs = chosen.iter().map(async |target| {
            let _ = writeln!(std::io::stderr(), "{} ...", target.name);
            target.run(self.seconds_each).await
        });
        let outcomes: Vec<Result<Outcome, Failure>> =
            stream::iter(runs).buffered(usize::from(self.jobs)).collect().await;
        let outcomes: Vec<Outcome> = outcomes.into_iter().collect::<Result<_, _>>()?;
        let seconds = began.elapsed().as_secs_f64();
        if let Some(folder) = &self.record {
            self.kept(&outcomes, seconds).write(folder)?;
        }
        self.tell(&outcomes, seconds)?;
        Ok(outcomes.iter().all(|outcome| outcome.crash.is_none()))
    }

    fn tell(&self, outcomes: &[Outcome], seconds: f64) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        if self.json {
            writeln!(out, "{}", json!({ "targets": outcomes, "seconds": seconds }))?;
            return Ok(());
        }
        writeln!(out, "{:<18} {:>12} {:>9} {:>7}  crash", "target", "runs", "runs/s", "edges")?;
        for Outcome { target, runs, per_second, edges, crash } in outcomes {
            let crash = crash.as_deref().unwrap_or("-");
            writeln!(out, "{target:<18} {runs:>12} {per_second:>9} {edges:>7}  {crash}")?;
        }
        for outcome in outcomes {
            if let Some(crash) = &outcome.crash {
                writeln!(out, "again: cargo +nightly fuzz run -s none {} {crash}", outcome.target)?;
            }
        }
        Ok(())
    }

    fn kept(&self, outcomes: &[Outcome], seconds: f64) -> Record {
        let runs = outcomes.iter().map(|outcome| outcome.runs).sum();
        Record {
            name: "fuzz".to_owned(),
            promises: vec!["P33".to_owned()],
            command: format!("cargo xtask prove fuzz --seconds-each {}", self.seconds_each),
            runs,
            faults: runs,
            failures: outcomes.iter().filter(|outcome| outcome.crash.is_some()).count() as u64,
            seconds,
            figures: outcomes
                .iter()
                .map(|outcome| {
                    (outcome.target.clone(), json!({ "runs": outcome.runs, "edges": outcome.edges }))
                })
                .collect(),
            not_covered: vec!["HTTP and TLS themselves, which others read for us".to_owned()],
        }
    }
}
