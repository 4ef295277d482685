//! Many runs, one after another and on several threads; the first that fails is made smaller.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal as _;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use clap::ValueEnum as _;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::LocalSet;

use super::mutant::Mutant;
use super::plan::Plan;
use super::run::{Outcome, run};
use super::shop::Shop;
use super::shrink::shrink;
use crate::Failure;

/// Many runs.
pub(super) struct Campaign {
    pub(super) from: u64,
    pub(super) seeds: u64,
    pub(super) jobs: u64,
    /// No run is begun after that.
    pub(super) until: Instant,
    pub(super) mutant: Option<Mutant>,
    /// Whether progress is shown.
    pub(super) told: bool,
}

/// What they have found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) runs: u64,
    pub(super) turns: u64,
    /// How often each trouble struck.
    pub(super) struck: BTreeMap<String, u64>,
    pub(super) failure: Option<Failed>,
}

/// A run that fails, made as small as it gets.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) seed: u64,
    pub(super) faults: Vec<String>,
    /// What does it again.
    pub(super) command: String,
}

/// A run that was told turn by turn.
pub(super) struct Replayed {
    pub(super) plan: Plan,
    pub(super) outcome: Outcome,
}

impl Campaign {
    /// Runs them all, or until one fails.
    pub(super) fn run(&self) -> Result<Found, Failure> {
        let (next, halted) = (AtomicU64::new(self.from), AtomicBool::new(false));
        let found = Mutex::new(Found::default());
        let bar = if self.told && std::io::stderr().is_terminal() {
            ProgressBar::new(self.seeds)
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} {wide_bar} {pos}/{len} {per_sec}")
        {
            bar.set_style(style);
        }
        std::thread::scope(|threads| {
            let work = || by_itself(async || self.work(&next, &halted, &found, &bar).await);
            let all: Vec<_> = (0..self.jobs).map(|_| threads.spawn(work)).collect();
            all.into_iter().try_for_each(|thread| match thread.join() {
                Ok(done) => done,
                Err(_) => Err("a thread of the simulation broke".into()),
            })
        })?;
        bar.finish_and_clear();
        Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    async fn work(
        &self,
        next: &AtomicU64,
        halted: &AtomicBool,
        found: &Mutex<Found>,
        bar: &ProgressBar,
    ) -> Result<(), Failure> {
        let shop = Rc::new(Shop::open().await?);
        while !halted.load(Ordering::Relaxed) && Instant::now() < self.until {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed - self.from >= self.seeds {
                return Ok(());
            }
            let plan = Plan::of(seed);
            let outcome = run(&shop, &plan, self.mutant, false).await?;
            let failed = !outcome.faults.is_empty();
            if failed {
                halted.store(true, Ordering::Relaxed);
            }
            {
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                found.runs += 1;
                found.turns += outcome.turns;
                for kind in &outcome.struck {
                    *found.struck.entry(kind.name()).or_default() += 1;
                }
            }
            bar.inc(1);
            if failed {
                let failure = self.smallest(&shop, &plan, outcome).await?;
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                if found.failure.as_ref().is_none_or(|known| known.seed > seed) {
                    found.failure = Some(failure);
                }
            }
        }
        Ok(())
    }

    async fn smallest(&self, shop: &Rc<Shop>, plan: &Plan, outcome: Outcome) -> Result<Failed, Failure> {
        let least = shrink(shop, plan, self.mutant, outcome).await?;
        let list = |all: &BTreeSet<usize>| {
            let all: Vec<String> = all.iter().map(usize::to_string).collect();
            all.join(",")
        };
        let mut command = format!(
            "cargo xtask prove sim --seed {} --wishes '{}' --troubles '{}'",
            plan.seed,
            list(&least.wishes),
            list(&least.troubles)
        );
        if let Some(name) = self.mutant.and_then(|mutant| mutant.to_possible_value()) {
            command = format!("{command} --mutant {}", name.get_name());
        }
        Ok(Failed { seed: plan.seed, faults: least.outcome.faults, command })
    }
}

/// One run, told turn by turn.
pub(super) fn replay(
    seed: u64,
    wishes: Option<&BTreeSet<usize>>,
    troubles: Option<&BTreeSet<usize>>,
    mutant: Option<Mutant>,
) -> Result<Replayed, Failure> {
    let whole = Plan::of(seed);
    let all = |length: usize| (0..length).collect::<BTreeSet<usize>>();
    let wishes = wishes.cloned().unwrap_or_else(|| all(whole.wishes.len()));
    let troubles = troubles.cloned().unwrap_or_else(|| all(whole.troubles.len()));
    let plan = whole.keeping(&wishes, &troubles);
    by_itself(async || {
        let outcome = run(&Rc::new(Shop::open().await?), &plan, mutant, true).await?;
        Ok(Replayed { plan: plan.clone(), outcome })
    })
}

/// Does work on one thread, where time passes only when the work says so.
pub(super) fn by_itself<T>(work: impl AsyncFnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    let (over, wait) = std::sync::mpsc::channel::<()>();
    // A held clock runs on when nobody has anything to do, as while a database is at work; but not while something
    // blocks.
    drop(runtime.spawn_blocking(move || wait.recv()));
    let done = LocalSet::new().block_on(&runtime, work());
    drop(over);
    done
}
