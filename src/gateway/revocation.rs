//! Access tokens that are not believed although their signature is right and their time is not over.
//!
//! The user module is asked twice a second what was revoked, and not once for each request: whoever signs out, is
//! dismissed or gets another role is somebody else a second later in every process. While it does not answer, customers
//! go on with the tokens they have; staff do not, because nobody knows whether they still are.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use kernel::{Call, Clock, Moment};
use platform::Tasks;
use user::AccountKind;
use user::tokens::Bearer;
use user_api::{AccountId, ListRevoked, Revoked, SessionId, Users};

/// How often is asked.
const EVERY: Duration = Duration::from_millis(500);
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// So long after the last answer staff are still believed.
const STAFF_BELIEVED: Duration = Duration::from_secs(5);
/// Answers in a row at the most, when there is more to tell than one holds.
const IN_A_ROW: u32 = 20;

/// What is known to be revoked.
#[derive(Default)]
pub(super) struct Revocations(RwLock<Known>);

#[derive(Default)]
struct Known {
    sessions: HashMap<SessionId, Moment>,
    accounts: HashMap<AccountId, (i64, Moment)>,
    /// What is asked for next.
    since: Option<Moment>,
    /// When everything was last known; not by the clock, which may be set.
    complete: Option<Instant>,
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disbelief {
    /// It was revoked.
    Revoked,
    /// Nobody knows whether it was.
    Unknown,
}

impl Revocations {
    /// Asks until the process stops.
    pub(super) async fn follow(self: Arc<Self>, users: Arc<dyn Users>, clock: Clock, tasks: Tasks) {
        loop {
            self.ask(&*users, &clock).await;
            if !tasks.pause(EVERY).await {
                return;
            }
        }
    }

    /// Asks until nothing is left to tell, or nothing is answered.
    pub(super) async fn ask(&self, users: &dyn Users, clock: &Clock) {
        for _ in 0..IN_A_ROW {
            let asked_at = Instant::now();
            let since = self.0.read().unwrap_or_else(PoisonError::into_inner).since;
            let call = Call::by_module("gateway", PATIENCE);
            match users.revoked(&call, ListRevoked { since }).await {
                Ok(revoked) => {
                    let more = revoked.more;
                    self.0.write().unwrap_or_else(PoisonError::into_inner).learn(
                        revoked,
                        asked_at,
                        clock.now(),
                    );
                    if !more {
                        return;
                    }
                }
                Err(error) => {
                    tracing::debug!(error = %error, "the user module does not say what was revoked");
                    return;
                }
            }
        }
    }

    /// Whether a token that was verified is believed.
    pub(super) fn check(&self, bearer: &Bearer) -> Result<(), Disbelief> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let is_old = known.accounts.get(&bearer.account).is_some_and(|(now, _)| bearer.access_version < *now);
        if is_old || known.sessions.contains_key(&bearer.session) {
            return Err(Disbelief::Revoked);
        }
        let is_fresh = known.complete.is_some_and(|complete| complete.elapsed() < STAFF_BELIEVED);
        if bearer.kind == AccountKind::Staff && !is_fresh { Err(Disbelief::Unknown) } else { Ok(()) }
    }
}

impl Known {
    fn learn(&mut self, revoked: Revoked, asked_at: Instant, now: Moment) {
        let remember = Duration::from_secs(revoked.remember_seconds.into());
        let forgotten = now.minus(remember);
        self.sessions.retain(|_, at| *at >= forgotten);
        self.accounts.retain(|_, (_, at)| *at >= forgotten);
        self.sessions.extend(revoked.sessions.into_iter().map(|session| (session.id, session.at)));
        for account in revoked.accounts {
            let known = self.accounts.entry(account.id).or_insert((account.access_version, account.at));
            *known = (*known).max((account.access_version, account.at));
        }
        self.since = Some(revoked.next);
        if !revoked.more {
            self.complete = Some(asked_at);
        }
    }
}
