//! Who asks: access tokens, checked here with the user module's public keys, and with what it has revoked.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use kernel::call::BoxFuture;
use kernel::{Call, Clock, Moment, Principal};
use platform::Tasks;
use platform::http::{Authenticate, Problem};
use user::tokens::{Bearer, TokenRefusal, Verifier};
use user_api::{ListKeys, Users, UsersError};

use super::revocation::{Disbelief, Revocations};

/// How long keys are believed before they are asked for again.
const FRESH: Duration = Duration::from_mins(5);
/// How often a token with an unknown key may make us ask.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells tokens apart.
pub struct Gatekeeper {
    users: Arc<dyn Users>,
    clock: Clock,
    known: ArcSwapOption<Known>,
    revocations: Arc<Revocations>,
}

struct Known {
    verifier: Verifier,
    since: Moment,
}

impl Gatekeeper {
    /// A gatekeeper who asks this user module for its keys.
    pub fn new(users: Arc<dyn Users>, clock: Clock) -> Self {
        Self { users, clock, known: ArcSwapOption::empty(), revocations: Arc::default() }
    }

    /// Learns what is revoked until the process stops.
    pub fn follow(&self, tasks: Tasks) -> impl Future<Output = ()> + Send + use<> {
        Arc::clone(&self.revocations).follow(Arc::clone(&self.users), self.clock.clone(), tasks)
    }

    async fn verify(&self, token: &str) -> Result<Bearer, Problem> {
        let now = self.clock.now();
        match self.keys(FRESH).await?.verifier.verify(token, now) {
            // A new key may have come into use since we asked.
            Err(TokenRefusal::UnknownKey) => {
                self.keys(ASK_AGAIN).await?.verifier.verify(token, now).map_err(refused)
            }
            other => other.map_err(refused),
        }
    }

    async fn keys(&self, at_most: Duration) -> Result<Arc<Known>, Problem> {
        let now = self.clock.now();
        if let Some(known) = self.known.load_full()
            && now.since(known.since) < at_most
        {
            return Ok(known);
        }
        let call = Call::by_module("gateway", PATIENCE);
        match self.users.keys(&call, ListKeys {}).await {
            Ok(keys) => {
                let known = Arc::new(Known { verifier: Verifier::new(keys), since: now });
                self.known.store(Some(Arc::clone(&known)));
                Ok(known)
            }
            Err(UsersError::Failed(failure)) => Err(failure.into()),
            Err(error) => Err(Problem::caused_by(&error)),
        }
    }
}

impl Authenticate for Gatekeeper {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Principal, Problem>> {
        Box::pin(async move {
            let bearer = self.verify(token).await?;
            let mut believed = self.revocations.check(&bearer);
            if believed == Err(Disbelief::Unknown) {
                // It has just started, or was stopped for a while.
                self.revocations.ask(&*self.users, &self.clock).await;
                believed = self.revocations.check(&bearer);
            }
            match believed {
                Ok(()) => Ok(bearer.principal()),
                Err(Disbelief::Revoked) => Err(Problem::unauthorized(
                    "invalid_token",
                    "the token was revoked; refresh it, or sign in again",
                )),
                Err(Disbelief::Unknown) => Err(Problem::unavailable(
                    "module_unavailable",
                    "Whether this token was revoked is not known, because the user module does not answer",
                    1,
                )),
            }
        })
    }
}

fn refused(refusal: TokenRefusal) -> Problem {
    Problem::unauthorized("invalid_token", refusal.to_string())
}
