//! How many requests at once are right: as many as do not have to queue for what they need.
//!
//! What is looked at is how long they queue inside, for a connection, a turn to write or the processor, and not how long
//! they take: a payment provider that answers late makes purchases slow and the shop no fuller, and a mix of reads of
//! microseconds and purchases of milliseconds has no latency that says anything.

use std::time::Duration;

/// The bounds within which the limit is steered, and what towards.
#[derive(Debug, Clone, Copy)]
pub struct Steering {
    /// Requests at once that are always let in.
    pub least: u32,
    /// The most that are ever let in.
    pub most: u32,
    /// How long a request may queue for one thing it needs, on average.
    pub target: Duration,
}

/// What a stretch of time was like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Requests that are worked on.
    pub(super) taken: u32,
    /// How long was queued for what was queued for longest, on average.
    pub(super) queued: Duration,
    /// Whether the limit held anybody up.
    pub(super) pressed: bool,
}

impl Steering {
    /// The next limit: down in proportion to how much too long was queued, up an eighth where there was no queue and
    /// somebody was held up. Where the limit means nothing to anybody it stays.
    pub(super) fn next(&self, limit: u32, seen: Seen) -> u32 {
        let next = if seen.queued > self.target {
            let matters = seen.pressed || seen.taken >= limit / 2;
            let part = self.target.as_secs_f64() / seen.queued.as_secs_f64();
            if matters { (f64::from(limit) * part.clamp(0.5, 0.95)) as u32 } else { limit }
        } else if seen.pressed {
            limit.saturating_add((limit / 8).max(1))
        } else {
            limit
        };
        next.clamp(self.least, self.most.max(self.least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEERING: Steering = Steering { least: 8, most: 512, target: Duration::from_millis(10) };

    fn next(limit: u32, taken: u32, queued_ms: u64, pressed: bool) -> u32 {
        STEERING.next(limit, Seen { taken, queued: Duration::from_millis(queued_ms), pressed })
    }

    #[test]
    fn a_queue_inside_makes_the_limit_smaller_and_never_less_than_the_least() {
        assert_eq!(next(64, 64, 11, true), 58);
        assert_eq!(next(64, 64, 20, true), 32);
        assert_eq!(next(64, 64, 10_000, true), 32, "at most by half at once");
        assert_eq!(next(9, 9, 10_000, true), 8);
    }

    #[test]
    fn who_is_held_up_without_a_queue_makes_it_larger_up_to_the_most() {
        assert_eq!(next(64, 64, 2, true), 72);
        assert_eq!(next(8, 8, 0, true), 9);
        assert_eq!(next(500, 500, 0, true), 512);
    }

    #[test]
    fn a_limit_that_holds_nobody_up_stays() {
        assert_eq!(next(64, 3, 0, false), 64);
        assert_eq!(next(64, 3, 500, false), 64, "one slow job at night is no reason to turn people away");
        assert_eq!(next(64, 40, 500, false), 32, "many who queue are, before anybody was held up");
    }
}
