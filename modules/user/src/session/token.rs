//! A refresh token: its session, its place in the session's chain, and a secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use kernel::Id;
use sha2::{Digest as _, Sha256};
use user_api::SessionId;
use uuid::Uuid;

const ID: usize = 16;
const POSITION: usize = 8;
const SECRET: usize = 32;

/// A token that keeps somebody signed in. Not printed: who has it is signed in.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RefreshToken {
    pub(super) session: SessionId,
    pub(super) position: i64,
    pub(super) secret: [u8; SECRET],
}

impl RefreshToken {
    /// The first of a session.
    pub(crate) fn first(session: SessionId) -> Self {
        Self { session, position: 0, secret: rand::random() }
    }

    /// The one that was shown; `None` when it does not have the form of one.
    pub(crate) fn shown(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (id, rest) = bytes.split_first_chunk::<ID>()?;
        let (position, secret) = rest.split_first_chunk::<POSITION>()?;
        let position = i64::from_be_bytes(*position);
        let secret = secret.try_into().ok()?;
        (position >= 0).then(|| Self { session: Id::from_uuid(Uuid::from_bytes(*id)), position, secret })
    }

    /// What the client is to keep.
    pub(crate) fn reveal(&self) -> String {
        let mut bytes = Vec::with_capacity(ID + POSITION + SECRET);
        bytes.extend_from_slice(self.session.uuid().as_bytes());
        bytes.extend_from_slice(&self.position.to_be_bytes());
        bytes.extend_from_slice(&self.secret);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The session it claims to be of.
    pub(crate) fn session(&self) -> SessionId {
        self.session
    }

    /// What we keep.
    pub(crate) fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.secret).to_vec()
    }

    /// The token at a later position of its chain.
    pub(super) fn at(&self, position: i64, key: &[u8]) -> Self {
        let mut later = self.clone();
        while later.position < position {
            later.secret = link(key, &later.secret);
            later.position += 1;
        }
        later
    }
}

fn link(key: &[u8], secret: &[u8; SECRET]) -> [u8; SECRET] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(secret);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> RefreshToken {
        RefreshToken::first(Id::from_uuid(Uuid::from_u128(1)))
    }

    #[test]
    fn a_token_survives_its_text() {
        let token = token();
        assert!(RefreshToken::shown(&token.reveal()).unwrap() == token);
    }

    #[test]
    fn what_is_no_token_is_not_taken_for_one() {
        let text = token().reveal();
        let negative = URL_SAFE_NO_PAD.encode([[0_u8; 16].as_slice(), &[255; 8], &[1; 32]].concat());
        for text in ["", "a", "====", &text[1..], &format!("{text}AAAA"), &"a".repeat(255), &negative] {
            assert!(RefreshToken::shown(text).is_none(), "{text}");
        }
    }
}
