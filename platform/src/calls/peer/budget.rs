//! A retry budget: retries may be a tenth of the calls, so that a callee in trouble is not given twice the work.
//!
//! After the Finagle library's `RetryBudget`.

use std::sync::atomic::{AtomicI64, Ordering};

const RETRY: i64 = 10;
const CALL: i64 = 1;
/// Retries in reserve, for callers who call rarely.
const RESERVE: i64 = 100 * RETRY;

/// What may be spent on retries.
#[derive(Debug)]
pub(super) struct Budget(AtomicI64);

impl Budget {
    pub(super) fn full() -> Self {
        Self(AtomicI64::new(RESERVE))
    }

    /// A call was made for the first time.
    pub(super) fn earn(&self) {
        if self.0.load(Ordering::Relaxed) < RESERVE {
            self.0.fetch_add(CALL, Ordering::Relaxed);
        }
    }

    /// Whether a call may be made again.
    pub(super) fn spend(&self) -> bool {
        let less = |left: i64| (left >= RETRY).then_some(left - RETRY);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_calls_pay_for_one_retry() {
        let budget = Budget::full();
        while budget.spend() {}
        for _ in 0..9 {
            budget.earn();
        }
        assert!(!budget.spend());
        budget.earn();
        assert!(budget.spend());
        assert!(!budget.spend());
    }

    #[test]
    fn the_reserve_does_not_grow_without_end() {
        let budget = Budget::full();
        (0..100_000).for_each(|_| budget.earn());
        let mut retries = 0;
        while budget.spend() {
            retries += 1;
        }
        assert_eq!(retries, RESERVE / RETRY);
    }
}
