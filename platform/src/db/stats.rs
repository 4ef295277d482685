//! Counts what is sent to a database, so that a test can say what a purchase costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::waits::{Waited, Waits};

/// Running counts of one module's database.
#[derive(Debug, Clone, Default)]
pub struct Stats(Arc<Cells>);

#[derive(Debug, Default)]
struct Cells {
    statements: AtomicU64,
    commits: AtomicU64,
    batches: AtomicU64,
    waits: Waits,
}

/// The counts at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Statements, without those that begin and end transactions.
    pub statements: u64,
    /// Transactions that were asked to become durable.
    pub commits: u64,
    /// Commits sent to SQLite, each for one or more transactions.
    pub batches: u64,
}

impl Stats {
    pub(super) fn statement(&self) {
        self.0.statements.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn statements(&self, sent: usize) {
        self.0.statements.fetch_add(sent as u64, Ordering::Relaxed);
    }

    pub(super) fn commit(&self) {
        self.0.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn batch(&self) {
        self.0.batches.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts how long somebody waited for a connection or a turn to write, whether they got it or not.
    pub(super) fn queued(&self, since: Instant) {
        self.0.waits.add(since.elapsed());
    }

    /// How long connections and turns to write were waited for.
    pub fn waits(&self) -> Waited {
        self.0.waits.sums()
    }

    /// The counts now.
    pub fn counts(&self) -> Counts {
        Counts {
            statements: self.0.statements.load(Ordering::Relaxed),
            commits: self.0.commits.load(Ordering::Relaxed),
            batches: self.0.batches.load(Ordering::Relaxed),
        }
    }
}
