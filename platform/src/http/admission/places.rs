//! How many requests may be worked on at once, and which: numbers alone, without waiting or time.
//!
//! Every priority has a share that nobody else can take from it. What others leave of theirs it may borrow, the more
//! the more urgent it is, so that the least urgent is turned away first and the most urgent last. A share that others
//! had borrowed is not waited for: its owner is let in beyond the limit, which is then exceeded by less than itself.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::priority::Priority;

/// Percent of the limit that are there for a priority whatever the others do.
const SHARES: [u32; 4] = [30, 30, 30, 10];
/// Percent of the limit up to which a priority may borrow.
const REACHES: [u32; 4] = [100, 90, 80, 50];
/// How many bits one of the four counts has.
const BITS: u32 = 16;
/// The highest limit: with all that may exceed it, a count still has room.
pub(super) const MOST: u32 = 16_384;

/// The places that are taken, by priority: four counts in one word, so that one instruction changes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Taken(u64);

impl Taken {
    /// Those of one priority.
    pub(super) fn of(self, priority: Priority) -> u32 {
        let lane = (self.0 >> (BITS * priority as u32)) & u64::from(u16::MAX);
        lane as u32
    }

    /// All of them.
    pub(super) fn all(self) -> u32 {
        Priority::ALL.into_iter().map(|priority| self.of(priority)).sum()
    }

    /// Whether one more of this priority fits.
    pub(super) fn admits(self, priority: Priority, limit: u32) -> bool {
        let part = |percent: [u32; 4]| (limit * percent[priority as usize] / 100).max(1);
        self.of(priority) < part(SHARES) || self.all() < part(REACHES)
    }

    fn one(priority: Priority) -> u64 {
        1 << (BITS * priority as u32)
    }
}

/// The places of a process.
pub(super) struct Places {
    taken: AtomicU64,
    limit: AtomicU32,
}

impl Places {
    pub(super) fn new(limit: u32) -> Self {
        Self { taken: AtomicU64::new(0), limit: AtomicU32::new(limit.min(MOST)) }
    }

    /// Takes a place, if there is one.
    pub(super) fn take(&self, priority: Priority) -> bool {
        let limit = self.limit();
        let one_more =
            |taken: u64| Taken(taken).admits(priority, limit).then(|| taken + Taken::one(priority));
        self.taken.try_update(Ordering::SeqCst, Ordering::SeqCst, one_more).is_ok()
    }

    /// Takes a place whether there is one or not: for who had one before.
    pub(super) fn resume(&self, priority: Priority) {
        self.taken.fetch_add(Taken::one(priority), Ordering::SeqCst);
    }

    /// Gives a place back.
    pub(super) fn give_back(&self, priority: Priority) {
        self.taken.fetch_sub(Taken::one(priority), Ordering::SeqCst);
    }

    pub(super) fn taken(&self) -> Taken {
        Taken(self.taken.load(Ordering::SeqCst))
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    pub(super) fn set_limit(&self, limit: u32) {
        self.limit.store(limit.min(MOST), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
