//! Who calls, and what proves it: over TLS the certificate of the connection, and in the clear a signature with a secret
//! that all processes of a shop share.
//!
//! The signature covers everything the callee believes: who calls, what, for whom, until when. It is good for half a
//! minute and for one use, so that nobody who saw a call can make it again.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, Mac as _};
use kernel::{Clock, Moment};
use reqwest::ClientBuilder;
use sha2::{Digest as _, Sha256};

use crate::tls::{self, Names, Tls};

/// Characters of a secret at the least.
const SHORTEST: usize = 32;
/// How far the clocks of two processes may be apart, and how long a call may be under way.
const WINDOW: Duration = Duration::from_secs(30);

/// The secret that the processes of one shop share.
#[derive(Clone)]
pub struct SharedSecret(Arc<Hmac<Sha256>>);

impl SharedSecret {
    /// A secret that nobody else knows.
    pub fn random(clock: &Clock) -> Self {
        Self::of(&format!("{}{}", clock.uuid().simple(), clock.uuid().simple()))
    }

    /// The key of an HMAC-SHA256 (RFC 2104).
    fn of(text: &str) -> Self {
        // As the RFC has it: a key longer than a block is hashed, a shorter one filled up with zeros.
        let mut block = [0; 64];
        match block.get_mut(..text.len()) {
            Some(start) => start.copy_from_slice(text.as_bytes()),
            None => block[..32].copy_from_slice(&Sha256::digest(text)),
        }
        Self(Arc::new(Hmac::new(&block.into())))
    }

    /// Seals a text that stands at a place where others may write, too.
    pub(crate) fn seal(&self, place: &str, text: &[u8]) -> String {
        hex::encode(self.seal_of(place, text).finalize().into_bytes())
    }

    /// Whether somebody with this secret has put that text there.
    pub(crate) fn is_sealed(&self, place: &str, text: &[u8], seal: &str) -> bool {
        // Compares in constant time.
        hex::decode(seal).is_ok_and(|seal| self.seal_of(place, text).verify_slice(&seal).is_ok())
    }

    /// No module has this name, so that a seal is never the signature of a call.
    fn seal_of(&self, place: &str, text: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::clone(&self.0);
        mac.update(format!("/sealed\n{place}\n").as_bytes());
        mac.update(text);
        mac
    }

    fn mac(&self, claim: &Claim<'_>, time: i64, nonce: &str, body: &[u8]) -> Hmac<Sha256> {
        let Claim { caller, path, deadline, principal } = claim;
        let mut mac = Hmac::clone(&self.0);
        mac.update(format!("{caller}\n{time}\n{nonce}\n{path}\n{deadline}\n{principal}\n").as_bytes());
        mac.update(body);
        mac
    }
}

impl PartialEq for SharedSecret {
    fn eq(&self, other: &Self) -> bool {
        let of_nothing = |secret: &Self| Hmac::clone(&secret.0).finalize();
        of_nothing(self) == of_nothing(other)
    }
}

impl Eq for SharedSecret {}

/// A secret that could be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret between processes needs at least {SHORTEST} characters; `openssl rand -hex 32` makes one")]
pub struct ShortSecret;

impl FromStr for SharedSecret {
    type Err = ShortSecret;

    fn from_str(text: &str) -> Result<Self, ShortSecret> {
        if text.len() < SHORTEST { Err(ShortSecret) } else { Ok(Self::of(text)) }
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(…)")
    }
}

/// What a caller claims, as it stands in the head of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim<'c> {
    /// The module that calls, or `gateway`.
    pub caller: &'c str,
    /// `/rpc/products.v1/reserve`.
    pub path: &'c str,
    /// The remaining milliseconds.
    pub deadline: &'c str,
    /// On whose behalf, encoded.
    pub principal: &'c str,
}

/// What a process shows of itself when it calls.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// What calls in the clear are signed with.
    pub secret: SharedSecret,
    /// What is shown to who is called over TLS.
    pub tls: Option<Tls>,
    /// When a call is signed.
    pub clock: Clock,
}

impl Credentials {
    /// A secret alone.
    pub fn secret(secret: SharedSecret, clock: Clock) -> Self {
        Self { secret, tls: None, clock }
    }

    /// A client that shows the certificate, if there is one.
    pub(super) fn client(&self) -> Result<ClientBuilder, rustls::Error> {
        self.tls.as_ref().map_or_else(tls::plain_client, Tls::client)
    }

    /// `time.nonce.signature`.
    pub(super) fn sign(&self, claim: &Claim<'_>, body: &[u8]) -> String {
        let (time, nonce) = (self.clock.now().micros(), self.clock.uuid().simple().to_string());
        let signature = self.secret.mac(claim, time, &nonce, body).finalize().into_bytes();
        format!("{time}.{nonce}.{}", hex::encode(signature))
    }
}

/// Why a caller is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the caller says `{caller}`, and its certificate names only: {names}")]
    Misnamed { caller: String, names: Names },
    #[error(
        "the call is not signed with this shop's secret; every process needs the same `contracts.secret`"
    )]
    Forged,
    #[error("the call was signed too long ago; the clocks of the processes are more than 30 s apart")]
    Stale,
    #[error("the call was made before")]
    Replayed,
}

/// Checks who calls.
pub(super) struct Verifier {
    credentials: Credentials,
    seen: Mutex<Seen>,
}

impl Verifier {
    pub(super) fn new(credentials: Credentials) -> Self {
        let turned = credentials.clock.now();
        let seen = Seen { current: HashSet::new(), before: HashSet::new(), turned };
        Self { credentials, seen: Mutex::new(seen) }
    }

    /// Whether a caller whose certificate names these may say that it is `caller`. A signature would not help it.
    pub(super) fn is_named(&self, caller: &str, names: &Names) -> Result<(), Refusal> {
        let own = self.credentials.tls.as_ref().map(Tls::names);
        if own.is_some_and(|own| names.may_call_as(caller, &own)) {
            return Ok(());
        }
        Err(Refusal::Misnamed { caller: caller.to_owned(), names: names.clone() })
    }

    /// Whether a call in the clear is signed.
    pub(super) fn verify(&self, claim: &Claim<'_>, shown: &str, body: &[u8]) -> Result<(), Refusal> {
        let mut parts = shown.splitn(3, '.');
        let (Some(time), Some(nonce), Some(signature)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Refusal::Forged);
        };
        let (Ok(time), Ok(signature)) = (time.parse(), hex::decode(signature)) else {
            return Err(Refusal::Forged);
        };
        // Compares in constant time.
        let Credentials { secret, clock, .. } = &self.credentials;
        secret.mac(claim, time, nonce, body).verify_slice(&signature).map_err(|_| Refusal::Forged)?;
        let now = clock.now();
        if now.micros().abs_diff(time) > WINDOW.as_micros() as u64 {
            return Err(Refusal::Stale);
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_new(nonce, now) { Ok(()) } else { Err(Refusal::Replayed) }
    }
}

/// Whether a call with this head and body would be believed by a process that has nobody's certificate before it.
#[cfg(any(test, feature = "fuzz"))]
pub(crate) fn heard(
    headers: &actix_web::http::header::HeaderMap,
    path: &str,
    body: &[u8],
    credentials: Credentials,
) -> bool {
    let Some(head) = super::wire::Head::read(headers).filter(|head| head.call().is_some()) else {
        return false;
    };
    let claim = Claim { caller: head.caller, path, deadline: head.deadline, principal: head.principal };
    Verifier::new(credentials).verify(&claim, head.signature.unwrap_or_default(), body).is_ok()
}

/// The nonces of the last one to two windows, counted from both ends of a window: twice [`WINDOW`] at the least.
struct Seen {
    current: HashSet<Box<str>>,
    before: HashSet<Box<str>>,
    turned: Moment,
}

impl Seen {
    fn is_new(&mut self, nonce: &str, now: Moment) -> bool {
        if now.since(self.turned) > WINDOW * 2 {
            self.before = std::mem::take(&mut self.current);
            self.turned = now;
        }
        !self.before.contains(nonce) && self.current.insert(nonce.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIM: Claim<'_> =
        Claim { caller: "order", path: "/rpc/products.v1/reserve", deadline: "5000", principal: "e30" };

    fn pair(clock: &Clock) -> (Credentials, Verifier) {
        let credentials = Credentials::secret(SharedSecret::of("between us"), clock.clone());
        (credentials.clone(), Verifier::new(credentials))
    }

    #[test]
    fn the_key_is_the_one_of_the_rfc() {
        for text in ["between us", &"x".repeat(64), &"x".repeat(65)] {
            let rfc = Hmac::<Sha256>::new_from_slice(text.as_bytes()).unwrap();
            assert!(SharedSecret::of(text).0.as_ref().clone().finalize() == rfc.finalize(), "{text}");
        }
    }

    #[test]
    fn a_secret_that_could_be_guessed_is_refused() {
        assert_eq!("x".repeat(31).parse::<SharedSecret>().unwrap_err(), ShortSecret);
        assert!("x".repeat(32).parse::<SharedSecret>().is_ok());
    }

    #[test]
    fn a_sealed_text_is_believed_where_it_was_put() {
        let secret = SharedSecret::of("between us");
        let seal = secret.seal("here", b"text");
        assert!(secret.is_sealed("here", b"text", &seal));
        assert!(!secret.is_sealed("there", b"text", &seal));
        assert!(!secret.is_sealed("here", b"other", &seal));
        assert!(!SharedSecret::of("another").is_sealed("here", b"text", &seal));
        assert!(!secret.is_sealed("here", b"text", ""));
    }

    #[test]
    fn a_signed_call_is_believed_once() {
        let (signer, verifier) = pair(&Clock::system());
        let shown = signer.sign(&CLAIM, b"{}");
        assert_eq!(verifier.verify(&CLAIM, &shown, b"{}"), Ok(()));
        assert_eq!(verifier.verify(&CLAIM, &shown, b"{}"), Err(Refusal::Replayed));
    }

    #[test]
    fn nothing_a_signature_covers_can_be_exchanged() {
        let (signer, verifier) = pair(&Clock::system());
        let shown = signer.sign(&CLAIM, b"{}");
        let others = [
            Claim { caller: "payment", ..CLAIM },
            Claim { path: "/rpc/products.v1/release", ..CLAIM },
            Claim { deadline: "50000", ..CLAIM },
            Claim { principal: "e31", ..CLAIM },
        ];
        for other in others {
            assert_eq!(verifier.verify(&other, &shown, b"{}"), Err(Refusal::Forged), "{other:?}");
        }
        assert_eq!(verifier.verify(&CLAIM, &shown, b"{ }"), Err(Refusal::Forged));
        for broken in ["", "1", "1.2", "1.2.3", "x.y.zz"] {
            assert_eq!(verifier.verify(&CLAIM, broken, b"{}"), Err(Refusal::Forged), "{broken}");
        }
    }

    #[test]
    fn an_old_call_is_refused_even_when_its_nonce_is_forgotten() {
        let clock = Clock::held_at(Moment::from_micros(1_700_000_000_000_000));
        let (signer, verifier) = pair(&clock);
        let shown = signer.sign(&CLAIM, b"{}");
        assert_eq!(verifier.verify(&CLAIM, &shown, b"{}"), Ok(()));
        for _ in 0..10 {
            clock.advance(WINDOW * 9 / 10);
            let fresh = signer.sign(&CLAIM, b"{}");
            assert_eq!(verifier.verify(&CLAIM, &fresh, b"{}"), Ok(()));
            assert_ne!(verifier.verify(&CLAIM, &shown, b"{}"), Ok(()));
        }
    }
}
