//! An account: somebody the shop knows, as a customer or as staff.

pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;

use kernel::{Moment, card};
use serde::{Deserialize, Serialize};
use user_api::AccountId;
use utoipa::ToSchema;

const LONGEST_NAME: usize = 200;

/// An account, as it is kept, without what proves that it is somebody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Customer or staff; fixed.
    pub kind: AccountKind,
    /// The address it signs in with, as given.
    pub email: String,
    /// The name it goes by.
    pub name: String,
    /// Whether it can be used.
    pub status: AccountStatus,
    /// The role, of staff.
    pub role: Option<String>,
    /// Rises with every change.
    pub version: i64,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
}

/// Whose account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum AccountKind {
    /// Somebody who buys.
    Customer,
    /// Somebody who works for the shop.
    Staff,
}

impl AccountKind {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Staff => "staff",
        }
    }
}

impl TryFrom<String> for AccountKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        [Self::Customer, Self::Staff]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no kind of account"))
    }
}

/// Whether an account can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum AccountStatus {
    /// It can.
    Active,
    /// Nobody can sign in with it, and its sessions end.
    Disabled,
}

impl AccountStatus {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

impl TryFrom<String> for AccountStatus {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        [Self::Active, Self::Disabled]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no status of an account"))
    }
}

/// The name somebody goes by, without the space around it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

/// The text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {LONGEST_NAME} characters, no line breaks, and is not the number of a card")]
pub struct InvalidName;

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        let name = text.trim();
        let possible =
            (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        if possible && !card::looks_like_one(name) { Ok(Self(name.to_owned())) } else { Err(InvalidName) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_one_line() {
        let name = |text: &str| Name::try_from(text.to_owned());
        assert_eq!(name("  Ada Lovelace ").unwrap().as_str(), "Ada Lovelace");
        assert!(name(&"ü".repeat(200)).is_ok());
        for text in ["", "   ", "\n", "Ada\r\nBcc: b", "Ada\u{7}", &"x".repeat(201), "4242 4242 4242 4242"] {
            assert_eq!(name(text), Err(InvalidName), "{text:?}");
        }
    }
}
