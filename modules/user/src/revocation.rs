//! What is taken back before its time: access tokens of sessions that ended, and of accounts whose access changed.
//!
//! An access token is verified with a key and nothing else, wherever it is shown. So whoever verifies tokens also asks
//! every now and then what was revoked since the last time, and remembers it for as long as such tokens would be good.

pub(crate) mod service;
pub(crate) mod store;

use std::time::Duration;

use kernel::Moment;
use user_api::{Revoked, RevokedAccount, RevokedSession};

/// What was revoked so long before the last question is told once more: a transaction takes its time from the clock
/// before it commits, and two processes' clocks are not the same.
const OVERLAP: Duration = Duration::from_secs(10);

/// Sessions, and accounts, in an answer at the most.
const MOST: u32 = 5_000;

/// The answer with these, each the earliest first. One of them that is full may not be all there is.
fn told(
    sessions: Vec<RevokedSession>,
    accounts: Vec<RevokedAccount>,
    now: Moment,
    remember: Duration,
) -> Revoked {
    let is_full = |many: usize| many >= MOST as usize;
    let cut = [
        sessions.last().filter(|_| is_full(sessions.len())).map(|last| last.at),
        accounts.last().filter(|_| is_full(accounts.len())).map(|last| last.at),
    ];
    let cut = cut.into_iter().flatten().min();
    Revoked {
        next: cut.unwrap_or_else(|| now.minus(OVERLAP)),
        more: cut.is_some(),
        remember_seconds: remember.as_secs() as u32,
        sessions,
        accounts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_full_says_where_to_go_on() {
        let at = |second: i64| Moment::from_micros(second * 1_000_000);
        let session = |second| RevokedSession {
            id: kernel::Id::from_uuid(uuid::Uuid::from_u128(second as u128)),
            at: at(second),
        };
        let remember = Duration::from_mins(10);

        let all = told((1..=10).map(session).collect(), Vec::new(), at(9_000), remember);
        assert_eq!((all.more, all.next), (false, at(8_990)));
        let some = told((1..=i64::from(MOST)).map(session).collect(), Vec::new(), at(9_000), remember);
        assert_eq!((some.more, some.next), (true, at(5_000)));
    }
}
