//! Staff: accounts with a role.

pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;

use crate::account::{Account, AccountStatus, Name};
use crate::email::Email;
use crate::password::Password;
use crate::permission::Permissions;
use crate::role::{OWNER, RoleName};

/// Somebody on the staff, with what their role grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// The account.
    pub account: Account,
    /// What its role grants.
    pub permissions: Permissions,
}

/// Somebody who is to join the staff.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// What they sign in with.
    pub email: Email,
    /// The name they go by.
    pub name: Name,
    /// What they are to do.
    pub role: RoleName,
    /// Their password; without one they choose it themselves, with a set-up token.
    pub password: Option<Password>,
}

/// What is to change on a member of staff. `None` keeps.
#[derive(Debug, Clone, Default)]
pub struct MemberChange {
    /// The name.
    pub name: Option<Name>,
    /// The role.
    pub role: Option<RoleName>,
    /// Whether the account can be used.
    pub status: Option<AccountStatus>,
}

impl Member {
    /// Whether this is an owner who would be none after the change. A shop keeps one.
    pub(crate) fn stops_owning(&self, change: &MemberChange) -> bool {
        let leaves = change.role.as_ref().is_some_and(|role| role.as_str() != OWNER);
        self.owns() && (leaves || change.status == Some(AccountStatus::Disabled))
    }

    fn owns(&self) -> bool {
        self.account.role.as_deref() == Some(OWNER) && self.account.status == AccountStatus::Active
    }
}
