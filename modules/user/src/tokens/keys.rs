//! The keys that access tokens are signed with: made once, kept in the database, held in memory for a minute.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use platform::{Db, DbError};
use user_api::{SigningKey as PublicKey, SigningKeyId, SigningKeys};

use super::{Bearer, Claims, store};

/// So long another process may go on signing with a key that was replaced. Replaced keys stay good for verifying.
const HELD_FOR: Duration = Duration::from_mins(1);

/// Signs access tokens.
#[derive(Clone)]
pub struct Keyring {
    db: Db,
    issuer: Arc<str>,
    lifetime: Duration,
    held: Arc<Mutex<Option<Held>>>,
}

struct Held {
    keys: Arc<[Key]>,
    since: Instant,
}

/// A key pair. Its private half is never printed: it has no `Debug`.
pub(super) struct Key {
    pub(super) id: SigningKeyId,
    pub(super) pair: SigningKey,
    pub(super) active: bool,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// What is stored is no key.
    #[error("a stored signing key is broken")]
    Broken,
}

/// An access token, and how long it is good for.
pub struct AccessToken {
    /// The token.
    pub token: String,
    /// How long from now.
    pub lifetime: Duration,
}

impl Keyring {
    /// The keys in this database, for tokens of this issuer and lifetime.
    pub fn new(db: Db, issuer: &str, lifetime: Duration) -> Self {
        Self { db, issuer: issuer.into(), lifetime, held: Arc::default() }
    }

    /// A token for this bearer.
    pub async fn sign(&self, bearer: Bearer) -> Result<AccessToken, KeyError> {
        let keys = self.keys().await?;
        let key = keys.iter().find(|key| key.active).ok_or(KeyError::Broken)?;
        let clock = self.db.clock();
        let claims = Claims::new(bearer, &self.issuer, clock.uuid(), clock.now(), self.lifetime);
        let token = claims.sign(&key.id.to_string(), &key.pair).map_err(|_| KeyError::Broken)?;
        Ok(AccessToken { token, lifetime: self.lifetime })
    }

    /// The public halves, with which anybody can verify.
    pub async fn public(&self) -> Result<SigningKeys, KeyError> {
        let keys = self.keys().await?;
        let public = |key: &Key| PublicKey {
            id: key.id.to_string(),
            public_key: URL_SAFE_NO_PAD.encode(key.pair.verifying_key().to_bytes()),
        };
        Ok(SigningKeys { issuer: self.issuer.to_string(), keys: keys.iter().map(public).collect() })
    }

    /// Every key, from memory or from the database. The first to ask makes the first key.
    async fn keys(&self) -> Result<Arc<[Key]>, KeyError> {
        if let Some(keys) = self.held() {
            return Ok(keys);
        }
        let mut keys = store::list(&self.db).await?;
        if keys.is_empty() {
            self.make().await?;
            keys = store::list(&self.db).await?;
        }
        let keys: Arc<[Key]> = keys.into();
        let held = Held { keys: Arc::clone(&keys), since: Instant::now() };
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        Ok(keys)
    }

    fn held(&self) -> Option<Arc<[Key]>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|held| held.since.elapsed() < HELD_FOR).map(|held| Arc::clone(&held.keys))
    }

    /// Makes a key, unless another process is faster: only one can be active.
    async fn make(&self) -> Result<(), KeyError> {
        let key =
            Key { id: self.db.clock().id(), pair: SigningKey::from_bytes(&rand::random()), active: true };
        let mut tx = self.db.begin().await?;
        store::insert(&mut tx, &key).await?;
        tx.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;
    use crate::account::AccountKind;
    use crate::tokens::{TokenRefusal, Verifier};
    use crate::{MIGRATIONS, NAME};

    fn bearer(db: &Db) -> Bearer {
        let clock = db.clock();
        Bearer {
            account: clock.id(),
            kind: AccountKind::Customer,
            session: clock.id(),
            access_version: 1,
            permissions: Vec::new(),
        }
    }

    fn keyring(db: &Db) -> Keyring {
        Keyring::new(db.clone(), "cleave", Duration::from_mins(10))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn all_who_start_at_once_sign_with_one_key() {
        let db = platform::testing::db(NAME, MIGRATIONS).await;

        let rings: Vec<Keyring> = (0..8).map(|_| keyring(&db)).collect();
        let tasks = rings.iter().map(|ring| {
            db.tasks().spawn({
                let (ring, bearer) = (ring.clone(), bearer(&db));
                async move { ring.sign(bearer).await.unwrap().token }
            })
        });
        let tokens = join_all(tasks).await;

        let keys = rings[0].public().await.unwrap();
        assert_eq!(keys.keys.len(), 1);
        let verifier = Verifier::new(keys);
        for token in tokens {
            assert!(verifier.verify(&token.unwrap(), db.clock().now()).is_ok());
        }
    }

    #[tokio::test]
    async fn a_key_outlives_its_process() {
        let db = platform::testing::db(NAME, MIGRATIONS).await;
        let before = keyring(&db).sign(bearer(&db)).await.unwrap().token;

        let verifier = Verifier::new(keyring(&db).public().await.unwrap());
        assert!(verifier.verify(&before, db.clock().now()).is_ok());
    }

    #[tokio::test]
    async fn a_shop_does_not_believe_the_tokens_of_another() {
        let (ours, theirs) =
            (platform::testing::db(NAME, MIGRATIONS).await, platform::testing::db(NAME, MIGRATIONS).await);
        let token = keyring(&theirs).sign(bearer(&theirs)).await.unwrap().token;

        let verifier = Verifier::new(keyring(&ours).public().await.unwrap());
        assert_eq!(verifier.verify(&token, ours.clock().now()), Err(TokenRefusal::UnknownKey));
    }
}
