//! What customers noticed of it.

use std::fmt;

use serde_json::json;

use crate::offer::{Times, Told};

/// How much longer the 99th percentile may be in the seconds in which calls were sent another way.
const CALM: f64 = 3.0;

/// What became of it.
pub struct Report {
    /// Purchases a second that were offered.
    pub rate: f64,
    /// Purchases a second that the machine carries, if that was tried.
    pub carries: Option<f64>,
    /// How often payment was moved out and merged back.
    pub moves: u32,
    /// What became of the purchases.
    pub told: Told,
    /// The seconds in which calls were sent another way.
    pub changes: Vec<usize>,
    /// What does not agree in the books.
    pub differences: Vec<String>,
}

impl Report {
    /// Whether no request failed and the books agree.
    pub fn is_sound(&self) -> bool {
        self.told.failed == 0 && self.differences.is_empty()
    }

    /// Whether nobody had to wait much longer because of it.
    pub fn is_calm(&self) -> bool {
        self.ratio() <= CALM
    }

    fn ratio(&self) -> f64 {
        self.times(true).p99 / self.times(false).p99
    }

    /// Of the seconds in which calls were sent another way, or of all others.
    fn times(&self, changing: bool) -> Times {
        self.told.times(|second| self.changes.contains(&second) == changing)
    }

    /// The same for programs, with every second.
    pub fn to_json(&self) -> String {
        let seconds = self.told.seconds.iter().enumerate().map(|(second, times)| {
            json!({
                "second": second, "switching": self.changes.contains(&second), "requests": times.len(),
                "p50Ms": times.value_at_quantile(0.5) as f64 / 1000.0,
                "p99Ms": times.value_at_quantile(0.99) as f64 / 1000.0,
            })
        });
        let report = json!({
            "ratePerSecond": self.rate, "carriesPerSecond": self.carries, "moves": self.moves,
            "orders": self.told.orders.len(), "failed": self.told.failed, "failures": self.told.failures,
            "differences": self.differences, "ordinary": self.times(false).to_json(),
            "switching": self.times(true).to_json(),
            "ratio": self.ratio(), "seconds": seconds.collect::<Vec<_>>(),
        });
        format!("{report}\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let carries =
            self.carries.map_or(String::new(), |most| format!(" of {most:.0} that the machine carries"));
        writeln!(
            f,
            "Payment out and back {} times at {:.0} purchases a second{carries}, on {cores} cores that customers, both \
             processes and PostgreSQL share:\n",
            self.moves, self.rate
        )?;
        writeln!(f, "{}", Times::HEAD)?;
        writeln!(f, "| ordinary {}", self.times(false))?;
        writeln!(f, "| in which calls were sent another way {}", self.times(true))?;
        writeln!(
            f,
            "\nThe 99th percentile while calls were sent another way is {:.1} times the ordinary one. {} orders were \
             acknowledged, {} requests failed.",
            self.ratio(),
            self.told.orders.len(),
            self.told.failed
        )?;
        crate::offer::sound(f, &self.told, &self.differences)
    }
}
