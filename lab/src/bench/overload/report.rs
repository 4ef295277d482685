//! What came of it, and whether that is what was promised.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::Phase;
use super::generator::{Kind, Outcome};
use crate::record::Record;

/// The part of the most that can be done which is still done when ten times as much is asked.
const GOODPUT: f64 = 0.8;
/// How many times longer those who are let in may take than otherwise.
const SLOWER: f64 = 3.0;
/// Seconds until all is as before.
const RECOVERY: usize = 10;
/// How much memory the shop may hold beyond what it held before, in bytes.
const GROWTH: u64 = 256 * 1024 * 1024;

/// A shop on one store.
pub(in crate::bench) struct Report {
    pub(super) store: String,
    pub(super) phases: Vec<Phase>,
    pub(super) took: Duration,
}

/// Something that was promised, what came of it, and whether that is enough.
struct Aim {
    what: &'static str,
    is: f64,
    bound: String,
    kept: bool,
}

impl Report {
    fn find(&self, name: &str) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.name == name)
    }

    /// All aims; none when a phase is missing, which [`Report::missed`] then says.
    fn aims(&self) -> Option<Vec<Aim>> {
        let (most, before) = (self.find("1 ×")?, self.find("0.8 × before")?);
        let (ten, after) = (self.find("10 ×")?, self.find("0.8 × after")?);
        let flood = self.find("0.5 × buying, 10 × browsing")?;
        let overloaded = self.phases.iter().filter(|phase| phase.rate > most.rate);
        let usual = before.outcome.p99(Kind::Purchase).max(most.outcome.p99(Kind::Purchase));
        let slower = overloaded.map(|phase| phase.outcome.p99(Kind::Purchase) / usual).fold(0.0, f64::max);
        let resident = self.phases.iter().filter_map(|phase| phase.resident).max();
        let growth = resident.unwrap_or(u64::MAX).saturating_sub(most.resident.unwrap_or_default());
        let back = recovered(&after.outcome, usual);
        let [buying, browsing] = [Kind::Purchase, Kind::Browsing].map(|kind| flood.outcome.share(kind));
        let at_least = |what, is: f64, bound: f64| Aim {
            what,
            is,
            bound: format!("at least {bound:.2}"),
            kept: is >= bound,
        };
        let at_most = |what, is: f64, bound: f64| Aim {
            what,
            is,
            bound: format!("at most {bound:.0}"),
            kept: is <= bound,
        };
        Some(vec![
            at_least(
                "all that is answered well at 10 ×, of the most",
                ten.outcome.good() / most.outcome.good(),
                GOODPUT,
            ),
            at_most("p99 of purchases that were let in, of the usual", slower, SLOWER),
            at_most("megabytes of memory more than before", growth as f64 / 1e6, GROWTH as f64 / 1e6),
            at_most("seconds until all is as before", back as f64, RECOVERY as f64),
            at_least(
                "part of the purchases that go through beside 10 × browsing",
                buying,
                browsing.min(0.95),
            ),
        ])
    }

    /// What was promised and did not hold.
    pub(in crate::bench) fn missed(&self) -> Vec<String> {
        let Some(aims) = self.aims() else { return vec!["not everything was tried".to_owned()] };
        let missed = aims.into_iter().filter(|aim| !aim.kept);
        missed.map(|aim| format!("{}: {}: {:.2}, {}", self.store, aim.what, aim.is, aim.bound)).collect()
    }

    /// The same for programs.
    pub(in crate::bench) fn to_json(&self) -> Value {
        let kind = |outcome: &Outcome, kind| {
            let told = outcome.of(kind);
            json!({
                "offered": told.offered, "shed": told.shed, "failed": told.failed,
                "perSecond": outcome.goodput(kind), "p99Ms": outcome.p99(kind),
                "p50Ms": told.times.value_at_quantile(0.5) as f64 / 1000.0,
            })
        };
        let phases = self.phases.iter().map(|phase| {
            let outcome = &phase.outcome;
            json!({
                "phase": phase.name, "offeredPerSecond": phase.rate, "seconds": outcome.seconds,
                "purchases": kind(outcome, Kind::Purchase), "browsing": kind(outcome, Kind::Browsing),
                "staff": kind(outcome, Kind::Staff), "residentBytes": phase.resident,
                "connections": outcome.connections, "failure": outcome.failure,
                "generatorLateP99Ms": late(outcome), "generatorTooSlow": outcome.is_generators_own(),
            })
        });
        let aims = self.aims().unwrap_or_default();
        let aims = aims.iter().map(|aim| json!({ "aim": aim.what, "is": aim.is, "kept": aim.kept }));
        json!({
            "store": self.store, "phases": phases.collect::<Vec<_>>(), "aims": aims.collect::<Vec<_>>(),
            "missed": self.missed(),
        })
    }

    /// For the page of what was proven.
    pub(in crate::bench) fn record(&self) -> Record {
        let all = self.phases.iter().flat_map(|phase| Kind::ALL.map(|kind| phase.outcome.of(kind)));
        let figures = match self.to_json() {
            Value::Object(figures) => figures.into_iter().collect(),
            _ => BTreeMap::default(),
        };
        Record {
            name: format!("overload-{}", self.store),
            promises: vec!["P35".to_owned()],
            command: format!("cargo xtask bench overload --store {}", self.store),
            runs: all.clone().map(|told| told.offered).sum(),
            faults: all.map(|told| told.shed).sum(),
            failures: self.missed().len() as u64,
            seconds: self.took.as_secs_f64(),
            figures,
            not_covered: vec![
                "a generator on another machine".to_owned(),
                "a provider, a broker or one database that is slow while much is asked".to_owned(),
            ],
        }
    }
}

/// The second from which on all but 1 of 100 purchases were answered well, and hardly one took much longer than usual.
fn recovered(after: &Outcome, usual: f64) -> usize {
    let is_bad = |(times, refused): &(hdrhistogram::Histogram<u64>, u64)| {
        *refused * 100 > times.len() || times.value_at_quantile(0.99) as f64 / 1000.0 > usual * SLOWER
    };
    after.by_second.iter().rposition(is_bad).map_or(0, |second| second + 1)
}

/// How late the generator sent 1 of 100 requests, in milliseconds.
fn late(outcome: &Outcome) -> f64 {
    outcome.late.value_at_quantile(0.99) as f64 / 1000.0
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        writeln!(
            f,
            "On {}, {:.0} s in all, on {cores} cores that generator, shop and database share. Answered well per second, and \
             the 99th percentile from when a request was due:\n",
            self.store,
            self.took.as_secs_f64()
        )?;
        writeln!(
            f,
            "| offered | per second | purchases | p99 | shed | failed | browsing | p99 | shed | staff | shed | memory \
             | generator late, p99 |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|---|---|---|---|")?;
        for Phase { name, rate, outcome, resident } in &self.phases {
            let good = |kind| outcome.goodput(kind);
            let percent =
                |kind| outcome.of(kind).shed as f64 / outcome.of(kind).offered.max(1) as f64 * 100.0;
            let failed: u64 = Kind::ALL.iter().map(|kind| outcome.of(*kind).failed).sum();
            let [p, b, s] = Kind::ALL;
            writeln!(
                f,
                "| {name} | {rate:.0} | {:.0} | {:.1} ms | {:.0} % | {failed} | {:.0} | {:.1} ms | {:.0} % | {:.0} | {:.0} % \
                 | {:.0} MB | {:.1} ms{} |",
                good(p),
                outcome.p99(p),
                percent(p),
                good(b),
                outcome.p99(b),
                percent(b),
                good(s),
                percent(s),
                resident.unwrap_or_default() as f64 / 1e6,
                late(outcome),
                if outcome.is_generators_own() { ", **too slow itself**" } else { "" },
            )?;
        }
        writeln!(f, "\n| aim | is | bound | |\n|---|---|---|---|")?;
        for Aim { what, is, bound, kept } in self.aims().unwrap_or_default() {
            writeln!(f, "| {what} | {is:.2} | {bound} | {} |", if kept { "kept" } else { "**missed**" })?;
        }
        Ok(())
    }
}
