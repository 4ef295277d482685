//! Deterministic simulation: the modules as they are, on databases as they are, with time, turns and troubles made of a
//! seed.
//!
//! A run that fails is made smaller and can be done again, turn by turn, from one line. Why it is done this way and not
//! with a model of the shop is in `docs/decisions/0016-simulation.md`.

mod audit;
mod bank;
mod bus;
mod campaign;
mod customers;
mod line;
mod mutant;
mod plan;
mod run;
mod shop;
mod shrink;
#[cfg(test)]
mod tests;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use crate::Failure;
use crate::record::Record;
use campaign::{Campaign, Found, Replayed};
pub use mutant::Mutant;

/// Runs the modules on a clock and a schedule made of a seed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask prove sim --seeds 2000\n  \
    cargo xtask prove sim --seeds 100000 --from 1 --jobs 2 --record target/records\n  \
    cargo xtask prove sim --seed 77                              tells what happens in that run\n  \
    cargo xtask prove sim --seed 77 --wishes 0 --troubles 1,3    with these alone\n  \
    cargo xtask prove sim --seeds 2000 --mutant reserve-without-guard")]
pub struct Sim {
    /// How many runs
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// One run alone, told turn by turn
    #[arg(long, conflicts_with_all = ["seeds", "from", "jobs"])]
    seed: Option<u64>,
    /// Only these wishes of the run, by their numbers from 0; none when empty
    #[arg(long, requires = "seed", value_name = "NUMBERS")]
    wishes: Option<String>,
    /// Only these troubles of the run, by their numbers from 0; none when empty
    #[arg(long, requires = "seed", value_name = "NUMBERS")]
    troubles: Option<String>,
    /// Runs at the same time, each on a thread of its own
    #[arg(long, default_value_t = 1)]
    jobs: u64,
    /// No new run is begun after this many seconds
    #[arg(long, default_value_t = 3_600)]
    seconds: u64,
    /// Break the shop in this way first. Then the command succeeds when that is found
    #[arg(long)]
    mutant: Option<Mutant>,
    /// Write a record into this folder
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Sim {
    /// Runs. Returns whether nothing was found, or, of a broken shop, whether it was.
    ///
    /// # Errors
    /// It could not be tried.
    pub async fn run(self) -> Result<bool, Failure> {
        tokio::task::spawn_blocking(move || match self.seed {
            Some(seed) => self.replay(seed),
            None => self.campaign(),
        })
        .await?
    }

    fn replay(&self, seed: u64) -> Result<bool, Failure> {
        let (wishes, troubles) = (numbers(self.wishes.as_deref())?, numbers(self.troubles.as_deref())?);
        let Replayed { plan, outcome } =
            campaign::replay(seed, wishes.as_ref(), troubles.as_ref(), self.mutant)?;
        let mut out = std::io::stdout().lock();
        for line in outcome.story {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "{plan:#?}")?;
        for fault in &outcome.faults {
            writeln!(out, "WRONG: {fault}")?;
        }
        writeln!(out, "{} turns, {} things wrong", outcome.turns, outcome.faults.len())?;
        Ok(outcome.faults.is_empty() != self.mutant.is_some())
    }

    fn campaign(&self) -> Result<bool, Failure> {
        let began = Instant::now();
        let campaign = Campaign {
            from: self.from,
            seeds: self.seeds,
            jobs: self.jobs.clamp(1, 64),
            until: began + Duration::from_secs(self.seconds),
            mutant: self.mutant,
            told: true,
        };
        let found = campaign.run()?;
        let record = self.record(&found, began.elapsed());
        if let Some(folder) = &self.record {
            record.write(folder)?;
        }
        self.tell(&found, &record)?;
        Ok(found.failure.is_none() != self.mutant.is_some())
    }

    fn record(&self, found: &Found, took: Duration) -> Record {
        let seconds = took.as_secs_f64();
        let mut figures = BTreeMap::from([
            ("turns".to_owned(), json!(found.turns)),
            ("turnsARun".to_owned(), json!(found.turns.checked_div(found.runs).unwrap_or(0))),
            ("runsASecond".to_owned(), json!((found.runs as f64 / seconds * 10.0).round() / 10.0)),
        ]);
        figures.insert("troubles".to_owned(), json!(found.struck));
        Record {
            name: "sim".to_owned(),
            promises: ["P3", "P7", "P8", "P9", "P12", "P13", "P14", "P15", "P16", "P17", "P18", "P21", "P22"]
                .map(str::to_owned)
                .to_vec(),
            command: format!("cargo xtask prove sim --seeds {} --from {}", self.seeds, self.from),
            runs: found.runs,
            faults: found.struck.values().sum(),
            failures: u64::from(found.failure.is_some()),
            seconds: seconds.round(),
            figures,
            not_covered: [
                "two transactions of PostgreSQL that overlap (prove races)",
                "a crash inside a transaction or of the machine (prove crash, prove power)",
                "the broker itself and what its readers do with what it brings",
                "clocks that go backwards or differ between processes",
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }

    fn tell(&self, found: &Found, record: &Record) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(record)?)?;
        } else {
            let (runs, turns, faults) = (record.runs, found.turns, record.faults);
            writeln!(out, "{runs} runs of {turns} turns in {} s; {faults} troubles:", record.seconds)?;
            for (kind, times) in &found.struck {
                writeln!(out, "  {times:>8}  {kind}")?;
            }
        }
        if let Some(failure) = &found.failure {
            writeln!(out, "seed {} fails, at the least with:", failure.seed)?;
            for fault in &failure.faults {
                writeln!(out, "  {fault}")?;
            }
            writeln!(out, "Again: {}", failure.command)?;
        }
        Ok(())
    }
}

/// `1,3`, or nothing at all.
fn numbers(text: Option<&str>) -> Result<Option<BTreeSet<usize>>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let parts = text.split(',').filter(|part| !part.is_empty());
    Ok(Some(parts.map(|part| part.trim().parse()).collect::<Result<_, _>>()?))
}
