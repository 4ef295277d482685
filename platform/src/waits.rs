//! How long was queued for something, added up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Added up since the process began, for whoever compares two moments.
#[derive(Debug, Default)]
pub struct Waits {
    micros: AtomicU64,
    times: AtomicU64,
}

/// The sums at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waited {
    micros: u64,
    times: u64,
}

impl Waits {
    /// Somebody queued for so long.
    pub fn add(&self, time: Duration) {
        self.micros.fetch_add(time.as_micros() as u64, Ordering::Relaxed);
        self.times.fetch_add(1, Ordering::Relaxed);
    }

    /// The sums now.
    pub fn sums(&self) -> Waited {
        Waited { micros: self.micros.load(Ordering::Relaxed), times: self.times.load(Ordering::Relaxed) }
    }
}

impl Waited {
    /// How long was queued on average since that moment; nothing where nobody did.
    #[must_use]
    pub fn mean_since(self, before: Self) -> Duration {
        let times = self.times.saturating_sub(before.times).max(1);
        Duration::from_micros(self.micros.saturating_sub(before.micros) / times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_of_what_came_after_a_moment() {
        let waits = Waits::default();
        waits.add(Duration::from_secs(9));
        let before = waits.sums();
        assert_eq!(waits.sums().mean_since(before), Duration::ZERO);
        waits.add(Duration::from_millis(2));
        waits.add(Duration::from_millis(4));
        assert_eq!(waits.sums().mean_since(before), Duration::from_millis(3));
    }
}
