//! Hashing passwords: deliberate work, kept away from everything else.
//!
//! A few at a time on threads of their own, a bounded queue before them, and a short wait in it: a flood of sign-ins
//! turns sign-ins away and stalls nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Password;

/// What one hash costs: argon2id with these parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

/// How many hashes at once, and how many may wait for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashQueue {
    /// Threads at work.
    pub workers: usize,
    /// Who may wait.
    pub places: usize,
    /// How long.
    pub wait: Duration,
}

/// A password's hash in PHC form, as it is stored. Not printed: who has it can try passwords at leisure.
#[derive(Clone)]
pub struct PasswordHash(pub(crate) String);

/// What came of checking a password.
pub enum Checked {
    /// It is another one, or there is none.
    Wrong,
    /// It is this one.
    Right,
    /// It is this one, and its hash was made with parameters of the past; this one is to take its place.
    Outdated(PasswordHash),
}

/// Why nothing was hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The queue is full or moves too slowly. Nothing was done; soon there is room again.
    #[error("too many passwords are being checked")]
    Busy,
    /// The hash could not be computed, or the stored one is none.
    #[error("a password hash is broken")]
    Broken,
}

/// Hashes passwords.
#[derive(Clone)]
pub struct Hasher(Arc<Inner>);

struct Inner {
    params: Params,
    /// Checked in place of a hash that is not there, at the same cost.
    decoy: String,
    workers: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: HashQueue,
    /// Checks so far.
    checks: AtomicU64,
}

impl Hasher {
    /// A hasher at this cost behind this queue.
    ///
    /// # Errors
    /// Argon2 does not take these parameters.
    pub fn new(cost: HashCost, queue: HashQueue) -> Result<Self, argon2::Error> {
        let params = Params::new(cost.memory_kib, cost.iterations, cost.parallelism, None)?;
        Ok(Self(Arc::new(Inner {
            decoy: decoy(&params),
            params,
            workers: Arc::new(Semaphore::new(queue.workers.max(1))),
            waiting: AtomicUsize::new(0),
            queue,
            checks: AtomicU64::new(0),
        })))
    }

    /// The hash of a new password.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, HashError> {
        self.work(move |inner| inner.hash(&password)).await
    }

    /// Whether it is the password of this hash. Without a hash the same work is done for nothing, so that the time it
    /// takes does not tell who has an account.
    pub async fn check(&self, password: Password, hash: Option<PasswordHash>) -> Result<Checked, HashError> {
        self.work(move |inner| inner.check(&password, hash)).await
    }

    /// How many passwords have been checked.
    pub fn checks(&self) -> u64 {
        self.0.checks.load(Ordering::Relaxed)
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let permit = self.turn().await?;
        let inner = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            // Held here, not by who waits: a hash that nobody waits for any more still occupies its thread.
            let _permit = permit;
            work(&inner)
        });
        done.await.unwrap_or(Err(HashError::Broken))
    }

    /// Waits for a free thread, if there is room to wait.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, HashError> {
        let workers = Arc::clone(&self.0.workers);
        if let Ok(permit) = Arc::clone(&workers).try_acquire_owned() {
            return Ok(permit);
        }
        let _place = Place::take(&self.0).ok_or(HashError::Busy)?;
        match tokio::time::timeout(self.0.queue.wait, workers.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(HashError::Busy),
        }
    }
}

impl Inner {
    fn argon2(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }

    fn hash(&self, password: &Password) -> Result<PasswordHash, HashError> {
        let salt: [u8; 16] = rand::random();
        let hash = self.argon2().hash_password_with_salt(password.bytes(), &salt);
        hash.map(|hash| PasswordHash(hash.to_string())).map_err(|_| HashError::Broken)
    }

    fn check(&self, password: &Password, hash: Option<PasswordHash>) -> Result<Checked, HashError> {
        self.checks.fetch_add(1, Ordering::Relaxed);
        let text = hash.as_ref().map_or(self.decoy.as_str(), |hash| hash.0.as_str());
        let parsed = phc::PasswordHash::new(text).map_err(|_| HashError::Broken)?;
        // The cost is the stored hash's own; it is compared in constant time.
        let right = self.argon2().verify_password(password.bytes(), &parsed).is_ok();
        if hash.is_none() || !right {
            return Ok(Checked::Wrong);
        }
        if self.is_current(&parsed) { Ok(Checked::Right) } else { self.hash(password).map(Checked::Outdated) }
    }

    fn is_current(&self, hash: &phc::PasswordHash) -> bool {
        hash.algorithm == Algorithm::Argon2id.ident()
            && hash.version == Some(Version::V0x13.into())
            && Params::try_from(hash).is_ok_and(|params| {
                (params.m_cost(), params.t_cost(), params.p_cost())
                    == (self.params.m_cost(), self.params.t_cost(), self.params.p_cost())
            })
    }
}

/// A hash of no password, at the cost of a real one.
fn decoy(params: &Params) -> String {
    let (salt, output): ([u8; 16], [u8; 32]) = (rand::random(), rand::random());
    format!(
        "$argon2id$v=19$m={},t={},p={}${}${}",
        params.m_cost(),
        params.t_cost(),
        params.p_cost(),
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(output),
    )
}

/// A place in the queue, given back when dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(inner: &'a Inner) -> Option<Self> {
        let taken = inner.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
            (waiting < inner.queue.places).then_some(waiting + 1)
        });
        taken.ok().map(|_| Self(&inner.waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const CHEAP: HashCost = HashCost { memory_kib: 8, iterations: 1, parallelism: 1 };
    const QUEUE: HashQueue = HashQueue { workers: 1, places: 2, wait: Duration::from_secs(5) };

    fn hasher(cost: HashCost) -> Hasher {
        Hasher::new(cost, QUEUE).unwrap()
    }

    fn password(text: &str) -> Password {
        Password::try_from(text.to_owned()).unwrap()
    }

    #[tokio::test]
    async fn only_the_same_password_is_right() {
        let hasher = hasher(CHEAP);
        let prefix = "x".repeat(72);
        let hash = hasher.hash(password(&format!("{prefix}a"))).await.unwrap();

        let check = async |text: &str| hasher.check(password(text), Some(hash.clone())).await.unwrap();
        assert!(matches!(check(&format!("{prefix}a")).await, Checked::Right));
        assert!(matches!(check(&format!("{prefix}b")).await, Checked::Wrong), "nothing is cut off");
        assert!(matches!(check(&prefix).await, Checked::Wrong));
    }

    #[tokio::test]
    async fn a_password_is_checked_even_against_nothing() {
        let hasher = hasher(CHEAP);

        assert!(matches!(hasher.check(password("anything"), None).await.unwrap(), Checked::Wrong));
        assert_eq!(hasher.checks(), 1);
        let decoy = phc::PasswordHash::new(&hasher.0.decoy).unwrap();
        assert!(hasher.0.is_current(&decoy), "the decoy costs what a real hash costs");
    }

    #[tokio::test]
    async fn a_hash_of_the_past_is_replaced_when_its_password_is_shown() {
        let old = hasher(CHEAP).hash(password("correct horse")).await.unwrap();
        let dearer = hasher(HashCost { memory_kib: 16, iterations: 2, parallelism: 1 });

        let Checked::Outdated(new) =
            dearer.check(password("correct horse"), Some(old.clone())).await.unwrap()
        else {
            panic!("the old hash was taken for a current one")
        };
        assert!(new.0.contains("m=16,t=2,p=1"), "{}", new.0);
        assert!(matches!(dearer.check(password("correct horse"), Some(new)).await.unwrap(), Checked::Right));
        assert!(matches!(dearer.check(password("wrong horse"), Some(old)).await.unwrap(), Checked::Wrong));
    }

    #[tokio::test]
    async fn who_finds_no_place_in_the_queue_is_turned_away() {
        let hasher = hasher(CHEAP);
        let busy = Arc::clone(&hasher.0.workers).acquire_owned().await.unwrap();
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                let hasher = hasher.clone();
                async move { hasher.check(password("anything"), None).await }
            })
            .map(Box::pin)
            .collect();
        let mut waiting = futures::future::join_all(waiting);
        assert!((&mut waiting).now_or_never().is_none());

        assert!(matches!(hasher.check(password("anything"), None).await, Err(HashError::Busy)));
        drop(busy);
        assert!(waiting.await.into_iter().all(|checked| checked.is_ok()));
        assert!(hasher.check(password("anything"), None).await.is_ok(), "every place was given back");
    }

    #[tokio::test]
    async fn nobody_waits_in_the_queue_for_long() {
        let impatient = HashQueue { wait: Duration::from_millis(5), ..QUEUE };
        let hasher = Hasher::new(CHEAP, impatient).unwrap();
        let _busy = Arc::clone(&hasher.0.workers).acquire_owned().await.unwrap();

        assert!(matches!(hasher.check(password("anything"), None).await, Err(HashError::Busy)));
    }

    #[test]
    fn impossible_parameters_are_refused() {
        assert!(Hasher::new(HashCost { memory_kib: 8, iterations: 1, parallelism: 4 }, QUEUE).is_err());
    }
}
