//! A set-up token: lets somebody choose a password, once. The shop comes without any.

pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// Long enough to pass it on, short enough not to lie about.
pub(crate) const LIFETIME: Duration = Duration::from_hours(24);

/// A set-up token: 256 random bits. Only its digest is kept. Not printed by accident: it has no `Debug`.
#[derive(Clone)]
pub struct SetupToken(String);

impl SetupToken {
    /// A new one that nobody can guess.
    pub fn new() -> Self {
        let bits: [u8; 32] = rand::random();
        Self(URL_SAFE_NO_PAD.encode(bits))
    }

    /// The one that was shown.
    pub fn shown(text: String) -> Self {
        Self(text)
    }

    /// What is given to whoever is to choose a password.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What we keep.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0.as_bytes()).to_vec()
    }
}

impl Default for SetupToken {
    fn default() -> Self {
        Self::new()
    }
}
