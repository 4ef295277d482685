//! What others may know of the user module: the contract, its types, its events, its error.

#![deny(missing_docs)]

use kernel::{CallFailure, Moment, contract, events, ids};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

ids! {
    /// An account, of a customer or of staff.
    AccountId = AccountKind("usr");
    /// An address in a customer's book.
    AddressId = AddressKind("adr");
    /// A signed-in session.
    SessionId = SessionKind("ses");
    /// A key that access tokens are signed with.
    SigningKeyId = SigningKeyKind("key");
}

contract! {
    /// Who people are, for modules that only hold their ids.
    pub trait Users = "users.v1", UsersClient, UsersServer, UsersError {
        /// The keys that access tokens are signed with, so that anybody can verify one.
        Read fn keys(ListKeys) -> SigningKeys;
        /// Which access tokens are not to be believed any more though their time is not over.
        Read fn revoked(ListRevoked) -> Revoked;
        /// The accounts with these ids, in no particular order; unknown ids are left out.
        Read fn accounts(FindAccounts) -> Accounts;
    }
}

/// Asks for the signing keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListKeys {}

/// Every key whose signatures are valid now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SigningKeys {
    /// Who issues the tokens: their `iss` claim.
    pub issuer: String,
    /// The keys.
    pub keys: Vec<SigningKey>,
}

/// The public half of an Ed25519 key (RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SigningKey {
    /// The `kid` in the token's header.
    pub id: String,
    /// The 32 bytes of the public key in base64url without padding: the JWK member `x`.
    pub public_key: String,
}

/// Asks what was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListRevoked {
    /// The `next` of the last answer; absent the first time, for everything that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
}

/// What was revoked. Something may be told twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revoked {
    /// Sessions that ended: their tokens are not believed.
    pub sessions: Vec<RevokedSession>,
    /// Accounts whose access changed: tokens made before that are not believed.
    pub accounts: Vec<RevokedAccount>,
    /// From when on to ask next time.
    pub next: Moment,
    /// Whether to ask again at once, because this is not all.
    pub more: bool,
    /// How long after its moment each has to be remembered, in seconds.
    pub remember_seconds: u32,
}

/// A session that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevokedSession {
    /// The session.
    pub id: SessionId,
    /// When it ended.
    pub at: Moment,
}

/// An account whose access changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevokedAccount {
    /// The account.
    pub id: AccountId,
    /// What its tokens say since then. Those that say less were made before.
    pub access_version: i64,
    /// When it changed.
    pub at: Moment,
}

/// Asks for accounts by id; at most 100 at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindAccounts {
    /// The ids.
    pub ids: Vec<AccountId>,
}

/// Accounts that were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accounts {
    /// The accounts.
    pub accounts: Vec<AccountSummary>,
}

/// An account as other modules see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountSummary {
    /// The account.
    pub id: AccountId,
    /// The name it goes by.
    pub name: String,
    /// Its e-mail address.
    pub email: String,
    /// Since when it exists.
    pub created_at: Moment,
}

/// Why a question about users was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum UsersError {
    /// More ids at once than a batch may have.
    #[error("at most {limit} ids at once")]
    TooMany {
        /// The limit.
        limit: u32,
    },
    /// No answer.
    #[error(transparent)]
    Failed(#[from] CallFailure),
}

events! {
    /// A customer registered. Says nothing personal: who needs more asks for the account.
    CustomerCreated = "customer.created" about customer_id {
        /// The account.
        customer_id: AccountId,
    }
    /// A customer changed their account.
    CustomerUpdated = "customer.updated" about customer_id {
        /// The account.
        customer_id: AccountId,
    }
}
