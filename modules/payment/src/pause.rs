//! How long to wait before somebody is asked again who gave no clear answer.

use std::time::Duration;

use uuid::Uuid;

/// The first pause, give or take.
const FIRST: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST: Duration = Duration::from_mins(5);

/// The pause after so many questions without an answer: about a second, then twice as long each time, at most five
/// minutes.
///
/// Up to half of it is taken off, as the random part of the id says and differently each time. So those that went
/// silent together do not all come back together.
pub(crate) fn pause(id: Uuid, asked: i64) -> Duration {
    let doubled = u32::try_from(asked.clamp(0, 16)).unwrap_or(0);
    let longest = FIRST.saturating_mul(1 << doubled).min(LONGEST);
    let chance = (id.as_u128() as u64).rotate_left(doubled * 7) % 1024;
    longest.mul_f64(1.0 - chance as f64 / 2048.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_five_minutes_and_stay_there() {
        let id = Uuid::from_u128(0);
        let seconds: Vec<u64> = (0..12).map(|asked| pause(id, asked).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(pause(id, i64::MAX), LONGEST);
    }

    #[test]
    fn those_that_went_silent_together_come_back_apart() {
        let ids: Vec<Uuid> = (0..500).map(|_| kernel::Clock::system().uuid()).collect();
        for asked in 0..20 {
            let whole = pause(Uuid::from_u128(0), asked);
            let mut pauses: Vec<Duration> = ids.iter().map(|id| pause(*id, asked)).collect();
            assert!(pauses.iter().all(|pause| *pause > whole / 2 && *pause <= whole), "{asked}");
            pauses.sort();
            pauses.dedup();
            assert!(pauses.len() > 200, "{asked}: only {} different pauses", pauses.len());
        }
    }
}
