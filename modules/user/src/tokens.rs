//! Access tokens: signed statements of who somebody is, good for a few minutes and for every module.
//!
//! They are JSON Web Tokens in the profile of RFC 9068, signed with Ed25519 (RFC 8037) and nothing else. One
//! algorithm, one form of header and no options leave no room for the usual confusions, and less code than it takes to
//! turn a general library's options off.

pub mod keys;
pub mod store;

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use kernel::{Moment, Principal};
use serde::{Deserialize, Serialize};
use user_api::{AccountId, SessionId, SigningKeys};
use uuid::Uuid;

use crate::account::AccountKind;

/// Who the tokens are for.
const AUDIENCE: &str = "cleave";
const ALGORITHM: &str = "EdDSA";
const TYPE: &str = "at+jwt";

/// How far the clocks of two machines may be apart.
const LEEWAY: Duration = Duration::from_secs(5);

/// Longer than any of ours, with every permission there is.
const LONGEST: usize = 8 * 1024;

/// The whole header. Anything else in it would ask us to fetch, inflate or decrypt something.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    typ: String,
    alg: String,
    kid: String,
}

/// What a token says. Claims that a later version adds are passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    iss: String,
    aud: String,
    sub: AccountId,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: Uuid,
    sid: SessionId,
    /// The account's access version. Tokens of earlier releases have none.
    #[serde(default)]
    ver: i64,
    kind: AccountKind,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    permissions: Vec<String>,
}

/// Whom a token is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The account.
    pub account: AccountId,
    /// Its kind.
    pub kind: AccountKind,
    /// The session it is part of.
    pub session: SessionId,
    /// Which of the account's accesses it is: it counts up with every change of what the account may do.
    pub access_version: i64,
    /// What staff may do.
    pub permissions: Vec<String>,
}

impl Bearer {
    /// Who asks, as modules see them.
    pub fn principal(self) -> Principal {
        let account = self.account.uuid();
        match self.kind {
            AccountKind::Customer => Principal::Customer { account },
            AccountKind::Staff => Principal::Staff { account, permissions: self.permissions },
        }
    }
}

impl Claims {
    /// What is said of this bearer from `now` on for so long.
    pub fn new(bearer: Bearer, issuer: &str, id: Uuid, now: Moment, lifetime: Duration) -> Self {
        Self {
            iss: issuer.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: bearer.account,
            iat: now.unix_seconds(),
            nbf: now.unix_seconds(),
            exp: now.plus(lifetime).unix_seconds(),
            jti: id,
            sid: bearer.session,
            ver: bearer.access_version,
            kind: bearer.kind,
            permissions: bearer.permissions,
        }
    }

    /// The token that says so, signed.
    ///
    /// # Errors
    /// The claims cannot be said in JSON, which none of these types brings about.
    pub fn sign(&self, key_id: &str, key: &SigningKey) -> Result<String, serde_json::Error> {
        let header = Header { typ: TYPE.to_owned(), alg: ALGORITHM.to_owned(), kid: key_id.to_owned() };
        let header = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header)?);
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self)?);
        Ok(signed(&format!("{header}.{claims}"), key))
    }

    fn check(&self, issuer: &str, now: Moment) -> Result<(), TokenRefusal> {
        let (now, leeway) = (now.unix_seconds(), LEEWAY.as_secs() as i64);
        if self.iss != issuer || self.aud != AUDIENCE {
            return Err(TokenRefusal::NotForUs);
        }
        if self.exp <= now.saturating_sub(leeway) {
            return Err(TokenRefusal::Expired);
        }
        let latest = now.saturating_add(leeway);
        if self.nbf > latest || self.iat > latest { Err(TokenRefusal::NotYetValid) } else { Ok(()) }
    }

    fn bearer(self) -> Bearer {
        Bearer {
            account: self.sub,
            kind: self.kind,
            session: self.sid,
            access_version: self.ver,
            permissions: self.permissions,
        }
    }
}

fn signed(message: &str, key: &SigningKey) -> String {
    let signature = key.sign(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// Why a token is not believed. The bearer learns only that it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// It does not have the form of our tokens.
    #[error("the token does not have the form of an access token")]
    Malformed,
    /// It names a key that is not known here. A key made since these were fetched is one of those.
    #[error("the token names an unknown key")]
    UnknownKey,
    /// Somebody else wrote or changed it.
    #[error("the token's signature is wrong")]
    WrongSignature,
    /// It was issued by, or for, somebody else.
    #[error("the token is of another issuer or for another audience")]
    NotForUs,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
}

/// Believes tokens, or not. It needs no more than what the contract says of the keys, so any process can have one.
#[derive(Debug, Clone)]
pub struct Verifier {
    issuer: String,
    keys: HashMap<String, VerifyingKey>,
}

impl Verifier {
    /// A verifier of tokens signed with these keys. What is no key is left out, so that its tokens are not believed.
    pub fn new(keys: SigningKeys) -> Self {
        let readable = |text: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok()
        };
        let known = keys.keys.into_iter().filter_map(|key| Some((key.id, readable(&key.public_key)?)));
        Self { issuer: keys.issuer, keys: known.collect() }
    }

    /// Who a token stands for at this moment, unless it was revoked: that is not in the token.
    ///
    /// # Errors
    /// Why it is not believed. On [`TokenRefusal::UnknownKey`] it is worth fetching the keys again, now and then.
    pub fn verify(&self, token: &str, now: Moment) -> Result<Bearer, TokenRefusal> {
        if token.len() > LONGEST {
            return Err(TokenRefusal::Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenRefusal::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(TokenRefusal::Malformed)?;

        let header: Header = part(header)?;
        if header.alg != ALGORITHM || header.typ != TYPE {
            return Err(TokenRefusal::Malformed);
        }
        let key = self.keys.get(&header.kid).ok_or(TokenRefusal::UnknownKey)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenRefusal::Malformed)?;
        let signature = Signature::from_slice(&signature).map_err(|_| TokenRefusal::Malformed)?;
        key.verify_strict(message.as_bytes(), &signature).map_err(|_| TokenRefusal::WrongSignature)?;

        // Read only now: before the signature is right, it is anybody's text.
        let claims: Claims = part(claims)?;
        claims.check(&self.issuer, now)?;
        Ok(claims.bearer())
    }
}

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, TokenRefusal> {
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenRefusal::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| TokenRefusal::Malformed)
}

#[cfg(test)]
mod tests;
