//! The power goes, and whatever was acknowledged is there: the real shop's writes and syncs are recorded, and every state
//! that its files may then be in is opened. A disk that is full or fails is tried with the shop running.

mod disk;
mod full;
mod shop;
mod starts;
mod states;
mod storage;
mod trace;
mod tracer;
mod verdict;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::process::Signal;
use serde_json::json;

use crate::Failure;
use crate::record::Record;
use crate::server;
use shop::{Recorded, Shop};
use starts::Started;
use states::{Care, States, Tried};
use storage::Storage;

/// Checkpoints come by themselves after so many pages of a log; below this an order or two are missing to that.
const ALMOST_CHECKPOINTED: u64 = 15_500_000;

/// Cuts the power, fills the disk and makes it fail.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask prove power\n  \
                  cargo xtask prove power --orders 60 --draws 8 --starts 60 --faults 300 --record records\n  \
                  cargo xtask prove power --lying-drive    a drive that does not sync: losses are found, or the prover is blunt\n\n\
                  Exits with 1 when an acknowledged order was lost, a file was broken, or the shop did not heal by itself. \
                  Needs strace; as root it also fills a small file system.")]
pub struct Power {
    /// Orders that are bought while every write is recorded, in each of three recordings
    #[arg(long, default_value_t = 12)]
    pub orders: usize,
    /// Random parts of what was not synced, tried at each point
    #[arg(long, default_value_t = 2)]
    pub draws: u64,
    /// Cut the power at every so many writes, and at every sync and answer
    #[arg(long, default_value_t = 4)]
    pub stride: usize,
    /// Starts of the whole shop on what is left
    #[arg(long, default_value_t = 12)]
    pub starts: u64,
    /// Calls that are made to fail while customers buy
    #[arg(long, default_value_t = 24)]
    pub faults: usize,
    /// From which the draws follow; another one each time when absent
    #[arg(long)]
    pub seed: Option<u64>,
    /// Pretend that no sync did anything
    #[arg(long)]
    pub lying_drive: bool,
    /// Where the figures are written for the page
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// For programs
    #[arg(long)]
    pub json: bool,
    /// Without a checkpoint, which takes many orders: for a short run
    #[arg(skip)]
    pub short: bool,
}

/// What became of it.
pub struct Report {
    seed: u64,
    tried: Tried,
    started: Started,
    storage: Storage,
    seconds: [f64; 2],
}

impl Power {
    /// Does it with the binary beside ours. Returns whether nothing was lost.
    ///
    /// # Errors
    /// The shop does not open when it is left alone, or strace is missing.
    pub async fn run(self) -> Result<bool, Failure> {
        let report = self.campaign(&server::binary()?).await?;
        if let Some(folder) = &self.record {
            report.of_power(&self).write(folder)?;
            report.of_storage(&self).write(folder)?;
        }
        let mut out = std::io::stdout();
        if self.json {
            writeln!(out, "{}", report.to_json())?;
        } else {
            write!(out, "{report}")?;
        }
        Ok(report.failures() == 0)
    }

    /// Does it with this binary.
    ///
    /// # Errors
    /// As [`Power::run`].
    pub async fn campaign(&self, binary: &Path) -> Result<Report, Failure> {
        let seed = self.seed.unwrap_or_else(rand::random);
        let began = Instant::now();
        let (mut shop, recordings) = self.record(binary).await?;
        let files = shop.files()?;
        let care = Care { stride: self.stride.max(1), draws: self.draws, seed };
        let (mut tried, mut started) = (Tried::default(), Started::default());
        for (at, recorded) in recordings.iter().enumerate() {
            eprintln!("recording {} of {}: {} steps", at + 1, recordings.len(), recorded.steps.len());
            tried.add(States::of(recorded)?.try_all(care, !self.lying_drive).await?);
            if !self.lying_drive {
                let times = self.starts / recordings.len() as u64;
                starts::start(&mut shop, recorded, times, seed ^ at as u64, &mut started).await?;
            }
        }
        let power = began.elapsed().as_secs_f64();
        let mut storage = Storage::default();
        if !self.lying_drive {
            shop.put(&files)?;
            storage.try_all(&mut shop, self.faults, seed).await?;
        }
        let seconds = [power, began.elapsed().as_secs_f64() - power];
        Ok(Report { seed, tried, started, storage, seconds })
    }

    /// The first start; purchases that end with a kill; purchases across a checkpoint; and those that end in good order,
    /// after which the logs are gone.
    async fn record(&self, binary: &Path) -> Result<(Shop, Vec<Recorded>), Failure> {
        let (mut shop, first) = Shop::open(binary).await?;
        let mut recordings = vec![first];
        if self.orders == 0 {
            return Ok((shop, recordings));
        }
        eprintln!("customers buy while everything is recorded");
        recordings.push(shop.record(self.orders, Signal::KILL).await?);
        if !self.short {
            let log = shop.server.folder().join("order.db-wal");
            while std::fs::metadata(&log)?.len() < ALMOST_CHECKPOINTED {
                shop.sell(20).await?;
            }
            recordings.push(shop.record(self.orders, Signal::KILL).await?);
        }
        recordings.push(shop.record(self.orders, Signal::TERM).await?);
        Ok((shop, recordings))
    }
}

impl Report {
    /// How often something was lost, broken or did not heal.
    pub fn failures(&self) -> u64 {
        self.tried.lost + (self.started.wrong.len() + self.storage.wrong.len()) as u64
    }

    /// States that were tried.
    pub fn states(&self) -> u64 {
        self.tried.states
    }

    /// What went wrong, in words.
    pub fn wrong(&self) -> Vec<String> {
        [&self.tried.losses, &self.started.wrong, &self.storage.wrong]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    fn figures(&self) -> serde_json::Value {
        json!({
            "cuts": self.tried.cuts, "states": self.tried.states, "distinctStates": self.tried.distinct,
            "allowedStatesLog10": self.tried.allowed.log10(), "lostOrBroken": self.tried.lost,
            "starts": self.started.starts, "longestRestSeconds": self.started.longest_rest.as_secs_f64(),
            "faults": self.storage.faults, "healedInMs": self.storage.healed.as_millis() as u64,
            "refusals": self.storage.refusals, "seed": self.seed,
        })
    }

    fn to_json(&self) -> serde_json::Value {
        let mut figures = self.figures();
        figures["wrong"] = json!(self.wrong());
        figures
    }

    fn of_power(&self, power: &Power) -> Record {
        Record {
            name: "power".to_owned(),
            promises: vec!["P2".to_owned()],
            command: power.command(self.seed),
            runs: self.tried.distinct + self.started.starts,
            faults: self.tried.cuts + self.started.starts,
            failures: self.tried.lost + self.started.wrong.len() as u64,
            seconds: self.seconds[0],
            figures: figures(&self.figures()),
            not_covered: [
                "PostgreSQL, whose own log is trusted with this",
                "the power of a real machine",
                "file systems that promise more or less than POSIX",
                "a cut at a write that the stride passes over",
                "states beyond those drawn: nothing, everything, the last write torn, and some by chance",
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }

    fn of_storage(&self, power: &Power) -> Record {
        let mut not_covered = vec![
            "a read that fails".to_owned(),
            "PostgreSQL's disk".to_owned(),
            "a process that is started again after a sync failed, on the same kernel".to_owned(),
        ];
        not_covered.extend(self.storage.not_tried.clone());
        Record {
            name: "storage".to_owned(),
            promises: vec!["P5".to_owned()],
            command: power.command(self.seed),
            runs: self.storage.trials,
            faults: self.storage.faults,
            failures: self.storage.wrong.len() as u64,
            seconds: self.seconds[1],
            figures: figures(&self.figures()),
            not_covered,
        }
    }
}

impl Power {
    fn command(&self, seed: u64) -> String {
        let Self { orders, draws, stride, starts, faults, .. } = self;
        format!(
            "cargo xtask prove power --orders {orders} --draws {draws} --stride {stride} --starts {starts} \
             --faults {faults} --seed {seed}"
        )
    }
}

fn figures(all: &serde_json::Value) -> std::collections::BTreeMap<String, serde_json::Value> {
    all.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect()
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seed, tried, started, storage, seconds: [power, rest] } = self;
        writeln!(
            f,
            "The power was cut at {} points: {} states, {} of them different, of about 10^{:.0} that are allowed; the whole \
             shop was started on {}, {power:.0} s (seed {seed}).",
            tried.cuts,
            tried.states,
            tried.distinct,
            tried.allowed.log10(),
            started.starts
        )?;
        writeln!(
            f,
            "Calls failed {} times in {} trials, the shop healed in at most {} ms, {rest:.0} s; refusals: {:?}.",
            storage.faults,
            storage.trials,
            storage.healed.as_millis(),
            storage.refusals
        )?;
        storage.not_tried.iter().try_for_each(|what| writeln!(f, "not tried: {what}"))?;
        self.wrong().iter().try_for_each(|what| writeln!(f, "wrong: {what}"))?;
        if self.failures() == 0 {
            writeln!(f, "Nothing that was acknowledged was lost, and no file was broken.")?;
        }
        Ok(())
    }
}
