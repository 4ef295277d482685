//! A password, as somebody types it.

pub(crate) mod hashing;

use std::fmt;

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

/// More would only keep the hash busy; no manager makes longer ones.
const LONGEST: usize = 1024;

/// What somebody typed. Never printed, never stored.
///
/// It is normalised (NFC), because keyboards differ in how they send the same letter. Nothing is cut off: passwords
/// that differ anywhere are different.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Password(String);

/// The text cannot be a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a password has 1 to {LONGEST} bytes and no NUL")]
pub struct InvalidPassword;

/// A new password is too easy to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a password has at least {least} characters")]
pub struct PasswordTooShort {
    /// What the shop asks for.
    pub least: usize,
}

impl Password {
    /// This password, if it is long enough to be chosen now. Who signs in with an older one is not asked.
    ///
    /// # Errors
    /// It has fewer characters than this.
    pub fn of_at_least(self, least: usize) -> Result<Self, PasswordTooShort> {
        if self.0.chars().count() < least { Err(PasswordTooShort { least }) } else { Ok(self) }
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl TryFrom<String> for Password {
    type Error = InvalidPassword;

    fn try_from(text: String) -> Result<Self, InvalidPassword> {
        if text.is_empty() || text.len() > LONGEST || text.contains('\0') {
            return Err(InvalidPassword);
        }
        Ok(Self(text.nfc().collect()))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Result<Password, InvalidPassword> {
        Password::try_from(text.to_owned())
    }

    #[test]
    fn a_password_is_never_printed() {
        assert_eq!(format!("{:?}", password("correct horse").unwrap()), "Password(…)");
    }

    #[test]
    fn what_cannot_be_a_password_is_refused() {
        let long = "x".repeat(1025);
        assert!(["", "a\0b", "\0", &long].iter().all(|text| password(text) == Err(InvalidPassword)));
        assert!(password(&long[1..]).is_ok());
    }

    #[test]
    fn the_length_is_counted_in_characters() {
        assert!(password("äöüäöüäö").unwrap().of_at_least(8).is_ok());
        assert_eq!(password("1234567").unwrap().of_at_least(8), Err(PasswordTooShort { least: 8 }));
    }

    #[test]
    fn one_letter_sent_in_two_ways_is_one_password() {
        assert_eq!(password("caf\u{e9}-latte"), password("cafe\u{301}-latte"));
        assert_ne!(password("caf\u{e9}-latte"), password("cafe-latte"));
    }
}
