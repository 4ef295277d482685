//! A payment provider does all that providers do: answers late, twice, wrongly or never, after charging or before. In the
//! end its books and the shop's say the same, and every cent that it took is on an order or went back.

mod explain;
mod trial;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use crate::Failure;
use crate::record::Record;
use crate::server::{self, Store};

pub use trial::Trial;

/// Lets a provider do all that providers do.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask prove paysim\n  cargo xtask prove paysim --store postgres --rounds 5 --json\n\n\
                  Exits with 1 when the books of the shop and of the provider differ in anything but what the provider was \
                  told to take astray, or when that is not found."
)]
pub struct Scripts {
    /// The database the shop is started on: sqlite or postgres
    #[arg(long, default_value = "sqlite")]
    store: String,
    /// How often every script is gone through
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The folder for the record
    #[arg(long)]
    record: Option<PathBuf>,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// How many charges and movements were asked for.
    pub asked: u64,
    /// How many of them were made to go wrong.
    pub faults: u64,
    /// What the shop's books and the provider's do not agree on, a sentence each.
    pub differences: Vec<String>,
    /// How many charges the provider took astray, each of which has to be among the differences.
    pub astray: usize,
}

impl Scripts {
    /// Does it with the binary beside ours. Returns whether every cent is explained.
    ///
    /// # Errors
    /// The shop or the provider does not open.
    pub async fn run(self) -> Result<bool, Failure> {
        let store = Store::named(&self.store, "paysim")?;
        let began = Instant::now();
        let mut trial = Trial::open(&server::binary()?, Some(&std::env::current_exe()?), store).await?;
        let found = trial.go_through(self.rounds).await?;
        trial.close().await?;
        let seconds = began.elapsed().as_secs_f64();
        let failures = found.failures();
        if let Some(dir) = &self.record {
            self.kept(&found, seconds).write(dir)?;
        }
        let mut out = std::io::stdout();
        if self.json {
            let told = json!({
                "asked": found.asked, "faults": found.faults, "failures": failures.len(), "astray": found.astray,
                "differences": found.differences, "seconds": seconds,
            });
            writeln!(out, "{told}")?;
        } else {
            writeln!(
                out,
                "{} calls, {} of them made to go wrong, {seconds:.0} s",
                found.asked, found.faults
            )?;
            failures.iter().try_for_each(|failure| writeln!(out, "unexplained: {failure}"))?;
            if failures.is_empty() {
                writeln!(out, "Every cent is explained; all {} taken astray were found.", found.astray)?;
            }
        }
        Ok(failures.is_empty())
    }

    fn kept(&self, found: &Found, seconds: f64) -> Record {
        Record {
            name: format!("paysim-{}", self.store),
            promises: ["P14", "P15", "P17", "P18", "P19"].map(str::to_owned).to_vec(),
            command: format!("cargo xtask prove paysim --store {} --rounds {}", self.store, self.rounds),
            runs: found.asked,
            faults: found.faults,
            failures: found.failures().len() as u64,
            seconds,
            figures: [("takenAstrayAndFound".to_owned(), json!(found.astray))].into(),
            not_covered: vec!["a provider that is asked by a key 25 hours later".to_owned()],
        }
    }
}

impl Found {
    /// What should not be: a difference that nobody made, or one that was made and not found.
    pub fn failures(&self) -> Vec<String> {
        let made = |difference: &&String| difference.contains("`take_twice`");
        let mut failures: Vec<String> =
            self.differences.iter().filter(|difference| !made(difference)).cloned().collect();
        let seen = self.differences.iter().filter(made).count();
        if seen != self.astray {
            failures.push(format!("{} charges were taken astray and {seen} found", self.astray));
        }
        failures
    }
}
