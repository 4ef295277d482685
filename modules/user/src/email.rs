//! An e-mail address, and when two of them are the same.

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

/// An e-mail address as given. Whether mail arrives there is another question, and no pattern answers it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Email(String);

/// The text is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an e-mail address")]
pub struct InvalidEmail;

impl Email {
    /// As given, without the space around it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What all spellings of this address have in common. Hosts do not tell cases apart, and no host worth the name
    /// gives `Ada@` and `ada@` to two people.
    pub fn folded(&self) -> String {
        // Once more at the end: a small letter may be two characters, with a mark that belongs behind another.
        self.0.nfc().flat_map(char::to_lowercase).nfc().collect()
    }
}

impl TryFrom<String> for Email {
    type Error = InvalidEmail;

    /// One `@` between a local part and a host with a dot, within the lengths of RFC 5321.
    fn try_from(text: String) -> Result<Self, InvalidEmail> {
        let text = text.trim();
        let plausible = text.len() <= 254
            && !text.chars().any(|letter| letter.is_whitespace() || letter.is_control())
            && text.split_once('@').is_some_and(|(local, host)| {
                (1..=64).contains(&local.len())
                    && !host.contains('@')
                    && host.contains('.')
                    && host.split('.').all(|label| (1..=63).contains(&label.len()))
            });
        if plausible { Ok(Self(text.to_owned())) } else { Err(InvalidEmail) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> Result<Email, InvalidEmail> {
        Email::try_from(text.to_owned())
    }

    #[test]
    fn spellings_of_one_address_are_the_same() {
        let one = email("Zo\u{e9}@Example.com").unwrap();
        let other = email(" zoe\u{301}@EXAMPLE.COM\n").unwrap();

        assert_eq!(one.folded(), other.folded());
        assert_eq!(one.as_str(), "Zo\u{e9}@Example.com");
    }

    #[test]
    fn what_is_folded_folds_to_itself() {
        let marked = email("\u{130}\u{65c}@example.com").unwrap().folded();
        assert_eq!(email(&marked).unwrap().folded(), marked);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let endless = format!("{}@", "a@a.a.a.a.".repeat(500));
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long_label = format!("a@{}.com", "a".repeat(64));
        for text in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.com",
            "ada@example",
            "a@b@example.com",
            "a b@example.com",
            "ada@example..com",
            "ada@.com",
            "ada@example.com\r\nBcc: b@example.com",
            "a\0@example.com",
            &endless,
            &long_local,
            &long_label,
        ] {
            assert_eq!(email(text), Err(InvalidEmail), "{text:?}");
        }
    }
}
