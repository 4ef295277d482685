//! Secrets are named in settings, never written down there, and never printed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// A secret, read from where the settings said it is.
#[derive(Clone)]
pub struct Secret(String);

/// Why there is no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error(
        "a secret is not written into settings; put it elsewhere and write \"env:NAME\" or \"file:/path\""
    )]
    Inline,
    #[error("the environment variable {0} is not set or not text")]
    NoVariable(String),
    #[error("the file {path} cannot be read: {reason}")]
    NoFile { path: String, reason: String },
    #[error("{0} is empty")]
    Empty(String),
}

impl Secret {
    /// Reads what `env:NAME` or `file:/path` refers to. A final line break in a file is not part of the secret.
    pub fn resolve(reference: &str) -> Result<Self, SecretError> {
        let value = if let Some(name) = reference.strip_prefix("env:") {
            variable(name).ok_or_else(|| SecretError::NoVariable(name.to_owned()))?
        } else if let Some(path) = reference.strip_prefix("file:") {
            std::fs::read_to_string(path)
                .map_err(|error| SecretError::NoFile { path: path.to_owned(), reason: error.to_string() })?
        } else {
            return Err(SecretError::Inline);
        };
        let value = value.trim_end_matches(['\r', '\n']);
        if value.is_empty() {
            Err(SecretError::Empty(reference.to_owned()))
        } else {
            Ok(Self(value.to_owned()))
        }
    }

    /// The secret itself. Every use of this is a place to look at twice.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where settings are read")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::resolve(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A secret of a certain form, parsed at once so that a malformed one is refused with the other mistakes. An empty text
/// is none.
pub(super) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let reference = String::deserialize(deserializer)?;
    if reference.is_empty() {
        return Ok(None);
    }
    let secret = Secret::resolve(&reference).map_err(de::Error::custom)?;
    secret.expose().parse().map(Some).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_from_a_file_without_its_line_break() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "s3cr3t\n").unwrap();
        let secret = Secret::resolve(&format!("file:{}", path.display())).unwrap();
        assert_eq!(secret.expose(), "s3cr3t");
    }

    #[test]
    fn a_secret_is_read_from_the_environment() {
        // Cargo and its runners set this one for every test.
        let secret = Secret::resolve("env:CARGO_MANIFEST_DIR").unwrap();
        assert_eq!(secret.expose(), env!("CARGO_MANIFEST_DIR"));
    }

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret("s3cr3t".to_owned());
        assert!(!format!("{secret:?} {secret}").contains("s3cr3t"));
    }

    #[test]
    fn what_is_no_reference_is_refused_without_repeating_it() {
        let refusal = Secret::resolve("s3cr3t").unwrap_err();
        assert_eq!(refusal, SecretError::Inline);
        assert!(!refusal.to_string().contains("s3cr3t"));
        assert!(matches!(Secret::resolve("env:CLEAVE_NO_SUCH"), Err(SecretError::NoVariable(_))));
        assert!(matches!(Secret::resolve("file:/no/such"), Err(SecretError::NoFile { .. })));
    }
}
