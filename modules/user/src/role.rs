//! A role: what those who have it may do. Roles are the shop's own data; only the owner's is fixed.

pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::permission::{Permissions, UnknownPermission};

/// The role that may do everything.
pub(crate) const OWNER: &str = "owner";

const LONGEST_NAME: usize = 40;

/// A role, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Role {
    /// What it is called, everywhere and for good.
    pub name: RoleName,
    /// What it grants.
    pub permissions: Permissions,
    /// Whether it has to stay as it is.
    pub built_in: bool,
    /// Rises with every change.
    pub version: i64,
}

/// The name of a role, such as `order-clerk`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", max_length = 40, example = "order-clerk")]
pub struct RoleName(String);

/// The text is no name of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role's name has 1 to {LONGEST_NAME} small letters, digits and single hyphens between them")]
pub struct InvalidRoleName;

/// Why a role cannot be so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleRefusal {
    /// It is the owner's.
    #[error("the owner's role cannot be changed")]
    BuiltIn,
    /// It names a permission that does not exist.
    #[error(transparent)]
    UnknownPermission(#[from] UnknownPermission),
    /// It grants something that whoever makes it does not hold.
    #[error("nobody can grant what they do not hold")]
    NotHeld,
}

impl RoleName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RoleName {
    type Error = InvalidRoleName;

    fn try_from(name: String) -> Result<Self, InvalidRoleName> {
        let plain = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if name.len() <= LONGEST_NAME && name.split('-').all(plain) {
            Ok(Self(name))
        } else {
            Err(InvalidRoleName)
        }
    }
}

impl Role {
    /// A new role, made by somebody who holds these permissions.
    ///
    /// # Errors
    /// It names a permission that does not exist or is not held.
    pub(crate) fn new(name: RoleName, keys: &[String], holding: &Permissions) -> Result<Self, RoleRefusal> {
        Ok(Self { name, permissions: granted(keys, holding)?, built_in: false, version: 1 })
    }

    /// The same role with other permissions.
    ///
    /// # Errors
    /// It is the owner's; it names a permission that does not exist; or it grants, before or after, one that is not
    /// held: to take from others what one does not have is not for everybody either.
    pub(crate) fn granting(self, keys: &[String], holding: &Permissions) -> Result<Self, RoleRefusal> {
        self.changeable(holding)?;
        Ok(Self { permissions: granted(keys, holding)?, ..self })
    }

    /// Whether somebody who holds these permissions may change it or take it away.
    ///
    /// # Errors
    /// It is the owner's, or grants something that is not held.
    pub(crate) fn changeable(&self, holding: &Permissions) -> Result<(), RoleRefusal> {
        if self.built_in {
            return Err(RoleRefusal::BuiltIn);
        }
        if holding.cover(&self.permissions) { Ok(()) } else { Err(RoleRefusal::NotHeld) }
    }
}

fn granted(keys: &[String], holding: &Permissions) -> Result<Permissions, RoleRefusal> {
    let permissions = Permissions::parse(keys)?;
    if holding.cover(&permissions) { Ok(permissions) } else { Err(RoleRefusal::NotHeld) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|&key| key.to_owned()).collect()
    }

    fn name(text: &str) -> Result<RoleName, InvalidRoleName> {
        RoleName::try_from(text.to_owned())
    }

    fn role(permissions: &[&str]) -> Role {
        Role::new(name("clerk").unwrap(), &keys(permissions), &Permissions::all()).unwrap()
    }

    #[test]
    fn a_role_has_a_name_that_fits_a_url() {
        assert!(["owner", "order-clerk", "tier2", "a"].iter().all(|text| name(text).is_ok()));
        for text in ["", "-", "a-", "-a", "a--b", "Owner", "a b", "a/b", "ü", &"x".repeat(41)] {
            assert_eq!(name(text), Err(InvalidRoleName), "{text}");
        }
    }

    #[test]
    fn nobody_makes_a_role_above_their_own() {
        let holding = Permissions::parse(&keys(&["roles:write", "orders:read"])).unwrap();
        let make = |permissions: &[&str]| Role::new(name("clerk").unwrap(), &keys(permissions), &holding);

        assert!(make(&["orders:read"]).is_ok());
        assert_eq!(make(&["orders:write"]), Err(RoleRefusal::NotHeld));
        assert_eq!(make(&["*"]), Err(RoleRefusal::UnknownPermission(UnknownPermission { index: 0 })));
        assert_eq!(
            role(&["orders:read"]).granting(&keys(&["refunds:write"]), &holding),
            Err(RoleRefusal::NotHeld)
        );
        assert_eq!(
            role(&["refunds:write"]).granting(&keys(&["orders:read"]), &holding),
            Err(RoleRefusal::NotHeld)
        );
        assert!(role(&["orders:read"]).granting(&keys(&["roles:write"]), &holding).is_ok());
    }

    #[test]
    fn the_owners_role_stays_as_it_is() {
        let owner = Role { built_in: true, ..role(&[]) };
        assert_eq!(owner.changeable(&Permissions::all()), Err(RoleRefusal::BuiltIn));
        assert_eq!(owner.granting(&keys(&["orders:read"]), &Permissions::all()), Err(RoleRefusal::BuiltIn));
    }
}
