//! A circuit breaker: who does not answer is left alone for a while, and then tried by one call.
//!
//! After M. Nygard, *Release It!*, second edition, "Circuit Breaker".

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many failures in a row open it.
const FAILURES: u32 = 5;
const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(10);
/// A trial that never came back no longer keeps others from trying.
const TRIAL: Duration = Duration::from_secs(5);

/// Counts what one endpoint does.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Clone, Copy)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, pause: Duration },
    Trying { since: Instant, pause: Duration },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// Whether a call may go out now.
    ///
    /// # Errors
    /// How long it is closed to calls.
    pub(super) fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Closed { .. } => Ok(()),
            State::Open { until, .. } if now < until => Err(until - now),
            State::Trying { since, pause } if now < since + TRIAL => Err(pause),
            State::Open { pause, .. } | State::Trying { pause, .. } => {
                *state = State::Trying { since: now, pause };
                Ok(())
            }
        }
    }

    /// It answered.
    pub(super) fn succeeded(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    /// It did not answer.
    pub(super) fn failed(&self, now: Instant) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = match *state {
            State::Closed { failures } if failures + 1 < FAILURES => State::Closed { failures: failures + 1 },
            State::Closed { .. } => State::Open { until: now + SHORTEST, pause: SHORTEST },
            // Of a call that began before it opened nothing new is learned.
            open @ State::Open { .. } => open,
            State::Trying { pause, .. } => {
                let pause = (pause * 2).min(LONGEST);
                State::Open { until: now + pause, pause }
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(now: Instant) -> Breaker {
        let breaker = Breaker::default();
        (0..FAILURES).for_each(|_| breaker.failed(now));
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..3 {
            (1..FAILURES).for_each(|_| breaker.failed(now));
            assert_eq!(breaker.admit(now), Ok(()));
            breaker.succeeded();
        }
        assert_eq!(opened(now).admit(now), Err(SHORTEST));
    }

    #[test]
    fn after_the_pause_one_call_tries() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + SHORTEST;
        assert_eq!(breaker.admit(later), Ok(()));
        assert!(breaker.admit(later).is_err());
        breaker.succeeded();
        assert_eq!(breaker.admit(later), Ok(()));
    }

    #[test]
    fn each_failed_trial_doubles_the_pause_up_to_a_bound() {
        let mut now = Instant::now();
        let breaker = opened(now);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let pause = breaker.admit(now).unwrap_err();
            pauses.push(pause);
            now += pause;
            assert_eq!(breaker.admit(now), Ok(()));
            breaker.failed(now);
        }
        assert_eq!(pauses[..3], [SHORTEST, SHORTEST * 2, SHORTEST * 4]);
        assert_eq!(pauses[7], LONGEST);
    }

    #[test]
    fn a_trial_that_never_ends_does_not_keep_it_open() {
        let now = Instant::now();
        let breaker = opened(now);
        assert_eq!(breaker.admit(now + SHORTEST), Ok(()));
        assert_eq!(breaker.admit(now + SHORTEST + TRIAL), Ok(()));
    }
}
