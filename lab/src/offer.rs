//! Purchases that come at a fixed rate whatever the shop does, as customers do.
//!
//! A purchase is sent when its time has come, not when another was answered, and its time counts from then: a shop that
//! stands still for a second is seen to do so by everybody who came in that second.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::Failure;
use crate::bench::load::{Client, Load};

/// A connection that was idle for longer might be closed by the shop at the very moment it is used.
const IDLE: Duration = Duration::from_secs(5);
/// So many refusals are remembered in words.
const REMEMBERED: usize = 5;

/// Purchases under way.
pub struct Offer {
    began: Instant,
    shared: Arc<Shared>,
    over: Arc<AtomicBool>,
    offering: JoinHandle<()>,
}

struct Shared {
    load: Load,
    idle: Mutex<Vec<(Instant, Client)>>,
    told: Mutex<Told>,
}

/// What became of them.
#[derive(Default)]
pub struct Told {
    /// The numbers of the orders that were acknowledged.
    pub orders: HashSet<String>,
    /// How many requests were answered otherwise than with 201, or not at all.
    pub failed: u64,
    /// What was said to the first of them.
    pub failures: Vec<String>,
    /// How long the purchases of each second took.
    pub seconds: Vec<Histogram<u64>>,
}

/// How long purchases took in some of the seconds, in milliseconds.
pub(crate) struct Times {
    seconds: usize,
    requests: u64,
    p50: f64,
    pub(crate) p99: f64,
    /// The 99th percentile of the slowest of these seconds.
    worst: f64,
}

#[derive(Deserialize)]
struct Placed {
    number: String,
}

impl Offer {
    /// Begins to buy this variant so often a second at the shop at this address.
    pub fn begin(address: &str, variant: &str, per_second: f64) -> Self {
        let address = address.trim_start_matches("http://");
        let load = Load::post(address, "/v1/checkout", &crate::bench::checkout(variant));
        let shared = Arc::new(Shared { load, idle: Mutex::default(), told: Mutex::default() });
        let (began, over) = (Instant::now(), Arc::new(AtomicBool::new(false)));
        let offering = tokio::task::spawn(offer(Arc::clone(&shared), began, per_second, Arc::clone(&over)));
        Self { began, shared, over, offering }
    }

    /// In which of its seconds this moment is.
    pub fn second(&self, moment: Instant) -> usize {
        moment.duration_since(self.began).as_secs() as usize
    }

    /// Offers no more, waits for those under way, and tells what became of all.
    ///
    /// # Errors
    /// The load generator itself broke.
    pub async fn end(self) -> Result<Told, Failure> {
        self.over.store(true, Ordering::Release);
        self.offering.await?;
        Ok(std::mem::take(&mut *self.shared.told()))
    }
}

async fn offer(shared: Arc<Shared>, began: Instant, per_second: f64, over: Arc<AtomicBool>) {
    let mut under_way = JoinSet::new();
    let mut number = 0_u32;
    while !over.load(Ordering::Acquire) {
        let due = began + Duration::from_secs_f64(f64::from(number) / per_second);
        tokio::time::sleep_until(due).await;
        under_way.spawn(Arc::clone(&shared).buy(due, (due - began).as_secs() as usize));
        number += 1;
        while under_way.try_join_next().is_some() {}
    }
    under_way.join_all().await;
}

impl Shared {
    async fn buy(self: Arc<Self>, due: Instant, second: usize) {
        let bought = self.send().await;
        let took = due.elapsed().as_micros() as u64;
        let mut told = self.told();
        while told.seconds.len() <= second {
            told.seconds.push(crate::histogram());
        }
        if let Some(times) = told.seconds.get_mut(second) {
            times.saturating_record(took);
        }
        match bought {
            Ok(number) => {
                told.orders.insert(number);
            }
            Err(reason) => {
                told.failed += 1;
                if told.failures.len() < REMEMBERED {
                    told.failures.push(reason.to_string());
                }
            }
        }
    }

    /// Returns the number of the order.
    async fn send(&self) -> Result<String, Failure> {
        let mut client = match self.idle() {
            Some(client) => client,
            None => Client::connect(&self.load).await?,
        };
        let answer = client.ask(&self.load).await?;
        if answer.status != 201 {
            return Err(format!("{} {}", answer.status, String::from_utf8_lossy(answer.body)).into());
        }
        let placed: Placed = serde_json::from_slice(answer.body)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), client));
        Ok(placed.number)
    }

    fn idle(&self) -> Option<Client> {
        let (since, client) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        (since.elapsed() < IDLE).then_some(client)
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    /// How long purchases took in the seconds of which this holds.
    pub(crate) fn times(&self, holds: impl Fn(usize) -> bool) -> Times {
        let ms = |micros: u64| micros as f64 / 1000.0;
        let all = self.seconds.iter().enumerate();
        let some: Vec<&Histogram<u64>> =
            all.filter(|(second, _)| holds(*second)).map(|(_, times)| times).collect();
        let mut together = crate::histogram();
        for times in &some {
            // All count the same range, so that nothing can be out of it.
            let _ = together.add(*times);
        }
        Times {
            seconds: some.len(),
            requests: together.len(),
            p50: ms(together.value_at_quantile(0.5)),
            p99: ms(together.value_at_quantile(0.99)),
            worst: ms(some.iter().map(|times| times.value_at_quantile(0.99)).max().unwrap_or_default()),
        }
    }
}

impl Times {
    /// The head of a table; the first cell of a line is the reader's.
    pub(crate) const HEAD: &str =
        "| seconds | number | purchases | p50 | p99 | p99 of the slowest |\n|---|---|---|---|---|---|";

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "seconds": self.seconds, "requests": self.requests,
            "p50Ms": self.p50, "p99Ms": self.p99, "worstP99Ms": self.worst,
        })
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, requests, p50, p99, worst } = self;
        write!(f, "| {seconds} | {requests} | {p50:.1} ms | {p99:.1} ms | {worst:.1} ms |")
    }
}

/// Says what failed and what does not agree, or that all does.
pub(crate) fn sound(f: &mut fmt::Formatter<'_>, told: &Told, differences: &[String]) -> fmt::Result {
    for failure in &told.failures {
        writeln!(f, "failed: {failure}")?;
    }
    for difference in differences {
        writeln!(f, "does not agree: {difference}")?;
    }
    if differences.is_empty() {
        writeln!(f, "The books agree: orders, charges, ledger, stock, and the logs of all modules.")?;
    }
    Ok(())
}
