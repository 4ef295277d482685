//! What became of a campaign.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::journal::{Asked, Kind};
use super::services::Services;
use super::{Crash, Placement, StoreKind};
use crate::record::Record;

/// So many differences are put in words.
const SHOWN: usize = 30;

/// What became of it.
#[derive(Default)]
pub struct Report {
    /// How often a process was killed, by itself or by us.
    pub kills: u64,
    /// Of those, how often before it was ready again.
    pub in_recovery: u64,
    /// How often a process was stopped for a while.
    pub pauses: u64,
    /// How often a process ended in good order.
    pub ends: u64,
    /// What else was killed, and how often.
    pub services: BTreeMap<&'static str, u64>,
    /// What happened at fault points.
    pub faults: u64,
    /// Orders that customers were told of.
    pub orders: u64,
    /// Requests that were answered.
    pub acknowledged: u64,
    /// Requests of which nobody was told what became.
    pub unknown: u64,
    /// Requests that were sent again after they had been answered.
    pub replayed: u64,
    /// What does not agree.
    pub differences: Vec<String>,
    /// The points of such a shop.
    pub points: usize,
    /// Those that work never came by.
    pub missed: Vec<String>,
    /// How many of them nothing happened at.
    pub unhurt: usize,
    /// Whether the campaign was long enough to come by all.
    pub had_time_for_all: bool,
    /// From a kill until the shop is ready, in milliseconds: the median, the 99th percentile and the longest.
    pub recovery: [f64; 3],
    /// How often it was started again, and how often it was ready later than promised.
    pub starts: [u64; 2],
    /// From the last start until everything had come to its end.
    pub rested_in: Duration,
    /// How long all of it took.
    pub took: Duration,
    /// From which the plan followed.
    pub seed: u64,
    /// Where the journal and the databases are, when something does not agree.
    pub evidence: Option<PathBuf>,
    services_kept: Option<Services>,
}

impl Report {
    /// Nothing was lost, and every point was come by that there was time for.
    pub fn is_sound(&self) -> bool {
        self.differences.is_empty() && !self.is_invalid()
    }

    /// A point was never come by, though there was time.
    fn is_invalid(&self) -> bool {
        self.had_time_for_all && !self.missed.is_empty()
    }

    pub(super) fn keep(&mut self, services: Services) {
        self.services_kept = Some(services);
    }

    pub(super) fn count(&mut self, asked: &BTreeMap<String, Asked>) {
        for asked in asked.values() {
            match &asked.answer {
                Some(answer) => {
                    self.acknowledged += 1;
                    self.orders += u64::from(asked.kind == Kind::Purchase && answer.status == 201);
                }
                None => self.unknown += 1,
            }
            self.replayed += asked.replays.len() as u64;
        }
    }

    pub(super) fn set_times(
        &mut self,
        recoveries: &Histogram<u64>,
        store: StoreKind,
        rested_in: Duration,
        took: Duration,
    ) {
        let promised = Duration::from_secs(if store == StoreKind::Sqlite { 2 } else { 5 });
        let in_time = recoveries.count_between(0, promised.as_micros() as u64);
        self.starts = [recoveries.len(), recoveries.len() - in_time];
        let ms = |quantile| recoveries.value_at_quantile(quantile) as f64 / 1000.0;
        self.recovery = [ms(0.5), ms(0.99), ms(1.0)];
        (self.rested_in, self.took) = (rested_in, took);
    }

    fn figures(&self) -> BTreeMap<String, Value> {
        let [p50, p99, max] = self.recovery;
        let figures = json!({
            "kills": self.kills, "killsInRecovery": self.in_recovery, "pauses": self.pauses, "ends": self.ends,
            "services": self.services, "faultsAtPoints": self.faults, "ordersAcknowledged": self.orders,
            "requestsAcknowledged": self.acknowledged, "requestsUnknown": self.unknown,
            "requestsReplayed": self.replayed, "lostOrTwice": self.differences.len(), "points": self.points,
            "pointsMissed": self.missed, "pointsUnhurt": self.unhurt, "recoveryMs": [p50, p99, max],
            "restedInSeconds": self.rested_in.as_secs_f64(), "seed": self.seed,
        });
        figures.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    pub(super) fn to_json(&self) -> String {
        let mut figures = self.figures();
        figures.insert("differences".to_owned(), json!(self.differences));
        format!("{}\n", json!(figures))
    }

    /// For the page: how long it took to be ready again.
    pub(super) fn recovery_record(&self, of: &Record) -> Record {
        let [starts, late] = self.starts;
        Record {
            name: of.name.replace("crash", "recovery"),
            promises: vec!["P4".to_owned()],
            runs: starts,
            failures: late,
            not_covered: vec!["a million orders: there are as many as customers bought".to_owned()],
            ..of.clone()
        }
    }

    /// For the page.
    pub(super) fn record(&self, crash: &Crash) -> Record {
        let store = if crash.store == StoreKind::Sqlite { "sqlite" } else { "postgres" };
        let placement = if crash.placement == Placement::One { "one" } else { "split" };
        let (seconds, seed) = (crash.seconds, self.seed);
        let mut not_covered = vec!["a cut of the power: only processes die here".to_owned()];
        if self.unhurt > 0 {
            not_covered.push(format!("{} points that nothing has happened at", self.unhurt));
        }
        Record {
            name: format!("crash-{store}-{placement}"),
            promises: ["P1", "P3", "P8", "P9", "P13", "P14", "P15"].map(str::to_owned).to_vec(),
            command: format!(
                "cargo xtask prove crash --seconds {seconds} --store {store} --placement {placement} --seed {seed}"
            ),
            runs: self.kills,
            faults: self.kills + self.pauses + self.services.values().sum::<u64>(),
            failures: self.differences.len() as u64,
            seconds: self.took.as_secs_f64(),
            figures: self.figures(),
            not_covered,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99, max] = self.recovery;
        writeln!(
            f,
            "{} kills ({} of them before it was ready again), {} pauses, {} ends in good order, {:?} besides",
            self.kills, self.in_recovery, self.pauses, self.ends, self.services
        )?;
        writeln!(
            f,
            "ready again after {p50:.0} ms (median), {p99:.0} ms (99th percentile), {max:.0} ms (longest)"
        )?;
        writeln!(
            f,
            "{} requests acknowledged, {} orders among them; {} unknown; {} sent once more",
            self.acknowledged, self.orders, self.unknown, self.replayed
        )?;
        writeln!(
            f,
            "{} points, {} never come by, {} at which nothing happened; at rest after {:.1} s; seed {}",
            self.points,
            self.missed.len(),
            self.unhurt,
            self.rested_in.as_secs_f64(),
            self.seed
        )?;
        for missed in &self.missed {
            writeln!(f, "never come by: {missed}")?;
        }
        for difference in self.differences.iter().take(SHOWN) {
            writeln!(f, "does not agree: {difference}")?;
        }
        if self.differences.len() > SHOWN {
            writeln!(f, "and {} more", self.differences.len() - SHOWN)?;
        }
        if let Some(evidence) = &self.evidence {
            writeln!(f, "the journal and the databases are in {}", evidence.display())?;
        }
        if self.is_invalid() {
            writeln!(
                f,
                "The campaign is invalid: there was time for every point, and some were never come by."
            )?;
        }
        if self.is_sound() {
            writeln!(f, "Nothing was lost, nothing was done twice, and the books agree.")?;
        }
        Ok(())
    }
}
