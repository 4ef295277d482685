//! A point, and what happens when work comes by.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

use super::plan::{self, Action};
use super::tally;

/// A point that the linker has gathered.
pub struct Registered(pub &'static Point);

inventory::collect!(Registered);

/// A place where the process can be made to fail.
#[derive(Debug)]
pub struct Point {
    name: &'static str,
    place: &'static str,
    can_fail: bool,
    hits: AtomicU64,
}

/// The point is armed with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

impl Point {
    /// A point of this name in this module of the source.
    pub const fn new(name: &'static str, place: &'static str, can_fail: bool) -> Self {
        Self { name, place, can_fail, hits: AtomicU64::new(0) }
    }

    /// Its name, by which it is armed.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The module of the source it is in, such as `payment::movement::service`.
    pub fn place(&self) -> &'static str {
        self.place
    }

    /// Whether it can be armed with an error.
    pub fn can_fail(&self) -> bool {
        self.can_fail
    }
}

/// Every point of this binary, by name.
pub fn points() -> Vec<&'static Point> {
    let mut points: Vec<&Point> = inventory::iter::<Registered>().map(|registered| registered.0).collect();
    points.sort_by_key(|point| point.name);
    points
}

/// Counts that work comes by, and does what the point is armed with.
///
/// # Errors
/// It is armed with an error.
pub async fn hit(point: &'static Point) -> Result<(), Refused> {
    let Some(plan) = plan::armed() else { return Ok(()) };
    let number = point.hits.fetch_add(1, Ordering::Relaxed) + 1;
    let action = plan.at(point.name, number);
    tally::note(point.name, number, action.is_some());
    match action {
        None => Ok(()),
        Some(Action::Error) if point.can_fail => Err(Refused),
        Some(Action::Delay(pause)) => {
            tokio::time::sleep(pause).await;
            Ok(())
        }
        Some(Action::Stop) => {
            signal(Signal::STOP);
            Ok(())
        }
        // Nothing that comes after it may happen, and no destructor may run.
        Some(Action::Kill | Action::Error) => {
            signal(Signal::KILL);
            loop {
                std::thread::park_timeout(Duration::from_secs(1));
            }
        }
    }
}

fn signal(signal: Signal) {
    if kill_process(getpid(), signal).is_err() {
        std::process::abort();
    }
}
