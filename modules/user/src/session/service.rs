//! Signing in, staying signed in, and signing out.

use std::time::Duration;

use platform::{Commands, Db, DbError, fault};

use super::store::{self, Entrant};
use super::{RefreshToken, Revocation, Session, SessionRefusal, Shown};
use crate::account::AccountStatus;
use crate::email::Email;
use crate::password::Password;
use crate::password::hashing::{Checked, HashError, Hasher};
use crate::tokens::Bearer;
use crate::tokens::keys::{AccessToken, KeyError, Keyring};

/// How often a token is looked at again when another request with it was faster.
const TRIES: u32 = 5;

/// The sessions.
#[derive(Clone)]
pub(crate) struct Sessions {
    db: Db,
    pub(super) commands: Commands,
    hasher: Hasher,
    keyring: Keyring,
    lifetime: Duration,
}

/// What somebody signs in with.
#[derive(Debug)]
pub(crate) struct SignIn {
    /// The address.
    pub email: Email,
    /// The password.
    pub password: Password,
    /// What the client calls itself.
    pub user_agent: Option<String>,
}

/// What somebody who is signed in holds.
pub(crate) struct Tokens {
    /// Shown with each request.
    pub access: AccessToken,
    /// Shown for the next pair.
    pub refresh: RefreshToken,
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// There is no account with this address and password. Which of the two is wrong is not told.
    #[error("the e-mail address or the password is wrong")]
    InvalidCredentials,
    /// The password is right and the account cannot be used.
    #[error("the account is disabled")]
    Disabled,
    /// The refresh token opens nothing.
    #[error(transparent)]
    Refused(#[from] SessionRefusal),
    /// Other requests with the token were faster, again and again.
    #[error("the refresh token is being used by many requests at once")]
    Contended,
    /// The password could not be checked.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The access token could not be signed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Sessions {
    /// The sessions in this database; each lives this long after its last use.
    pub(crate) fn new(
        db: Db,
        commands: Commands,
        hasher: Hasher,
        keyring: Keyring,
        lifetime: Duration,
    ) -> Self {
        Self { db, commands, hasher, keyring, lifetime }
    }

    /// Signs a customer or a member of staff in. An unknown address costs the same work as a wrong password.
    pub(crate) async fn sign_in(&self, request: SignIn) -> Result<Tokens, SessionError> {
        let known = store::credentials(&self.db, &request.email).await?;
        let hash = known.as_ref().and_then(|known| known.password.clone());
        let checked = self.hasher.check(request.password, hash).await?;
        let known = match (known, &checked) {
            (Some(known), Checked::Right | Checked::Outdated(_)) => known,
            (_, Checked::Wrong) | (None, _) => return Err(SessionError::InvalidCredentials),
        };
        if known.entrant.status == AccountStatus::Disabled {
            return Err(SessionError::Disabled);
        }
        let (session, refresh) = Session::begin(
            self.db.clock().id(),
            known.account_id,
            known.entrant.token_generation,
            request.user_agent.as_deref(),
            self.db.clock().now(),
            self.lifetime,
        );
        let access = self.access(&session, known.entrant).await?;
        let mut tx = self.db.begin().await?;
        if !store::insert(&mut tx, &session).await? {
            return Err(SessionError::InvalidCredentials);
        }
        if let (Checked::Outdated(new), Some(old)) = (checked, known.password) {
            store::replace_hash(&mut tx, known.account_id, old, new).await?;
        }
        fault!("session.sign_in.before_commit", DbError::Busy);
        tx.commit().await?;
        fault!("session.sign_in.after_commit");
        Ok(Tokens { access, refresh })
    }

    /// Exchanges a refresh token for the next pair, or for the pair it was exchanged for a moment ago.
    pub(crate) async fn refresh(&self, token: &RefreshToken) -> Result<Tokens, SessionError> {
        for _ in 0..TRIES {
            let now = self.db.clock().now();
            // Read where it is written: on SQLite another request of the same commit may have moved the session on.
            let mut tx = self.db.begin().await?;
            let known = store::find(&mut tx, token.session()).await?;
            let (session, entrant) = known.ok_or(SessionRefusal::Invalid)?;
            let shown = session.show(token, now)?;
            if entrant.status == AccountStatus::Disabled
                || entrant.token_generation != session.token_generation
            {
                return Err(SessionRefusal::Invalid.into());
            }
            let refresh = match shown {
                Shown::Again(next) => next,
                Shown::Exchanged { next, previous } => {
                    let expires_at = now.plus(self.lifetime);
                    if !store::advance(&mut tx, &session, &next, previous, now, expires_at).await? {
                        tx.rollback().await?;
                        continue;
                    }
                    next
                }
                Shown::Reused => {
                    store::revoke(&mut tx, session.id, Revocation::Reused, now).await?;
                    tx.commit().await?;
                    tracing::warn!(session.id = %session.id, "a refresh token came back after its successor was used; the session is ended");
                    return Err(SessionRefusal::Reused.into());
                }
            };
            // Also when nothing was written: what another request of the same commit did must have become durable.
            fault!("session.refresh.before_commit", DbError::Busy);
            tx.commit().await?;
            fault!("session.refresh.after_commit");
            let access = self.access(&session, entrant).await?;
            return Ok(Tokens { access, refresh });
        }
        Err(SessionError::Contended)
    }

    /// Signs out whoever shows a token of the session, old or new. Without effect when the session is over or unknown.
    pub(crate) async fn sign_out(&self, token: &RefreshToken) -> Result<(), SessionError> {
        let mut tx = self.db.begin().await?;
        if let Some((session, _)) = store::find(&mut tx, token.session()).await?
            && session.knows(token)
        {
            store::revoke(&mut tx, session.id, Revocation::SignedOut, self.db.clock().now()).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn access(&self, session: &Session, entrant: Entrant) -> Result<AccessToken, SessionError> {
        let bearer = Bearer {
            account: session.account_id,
            kind: entrant.kind,
            session: session.id,
            access_version: entrant.access_version,
            permissions: entrant.permissions,
        };
        Ok(self.keyring.sign(bearer).await?)
    }
}
