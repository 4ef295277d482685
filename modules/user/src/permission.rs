//! What staff may do: known keys, held or not. What is not held is refused.

use kernel::Principal;
use serde::{Deserialize, Serialize};

/// Everything, and what comes later. Only the owner's role holds it.
const EVERYTHING: &str = "*";

/// Every permission there is. A role with any other would promise something that no route asks for.
pub(crate) const KEYS: &[&str] = &[
    "products:read",
    "products:write",
    "stock:read",
    "stock:write",
    "imports:write",
    "orders:read",
    "orders:write",
    "fulfillments:read",
    "fulfillments:write",
    "shipping:read",
    "shipping:write",
    "tax:read",
    "tax:write",
    "processes:read",
    "processes:write",
    "payments:read",
    "payments:write",
    "refunds:read",
    "refunds:write",
    "ledger:read",
    "webhooks:read",
    "webhooks:write",
    "customers:read",
    "customers:write",
    "staff:read",
    "staff:write",
    "roles:read",
    "roles:write",
    "events:read",
    "jobs:read",
    "modules:read",
];

/// A set of permissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Permissions(Vec<String>);

/// Not a permission that a role can be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no such permission")]
pub struct UnknownPermission {
    /// Its place in the list.
    pub index: usize,
}

impl Permissions {
    /// All of them: what an operator at the machine holds.
    pub fn all() -> Self {
        Self(vec![EVERYTHING.to_owned()])
    }

    /// What somebody holds, as their token says.
    pub fn held_by(principal: &Principal) -> Self {
        match principal {
            Principal::Staff { permissions, .. } => Self(permissions.clone()),
            Principal::Anonymous | Principal::Customer { .. } | Principal::Module { .. } => Self(Vec::new()),
        }
    }

    /// These keys, each once and in the order of the list of all.
    ///
    /// # Errors
    /// The first that is not among them.
    pub fn parse(keys: &[String]) -> Result<Self, UnknownPermission> {
        match keys.iter().position(|key| !KEYS.contains(&key.as_str())) {
            Some(index) => Err(UnknownPermission { index }),
            None => Ok(Self(
                KEYS.iter()
                    .filter(|known| keys.iter().any(|key| key == *known))
                    .map(|&key| key.to_owned())
                    .collect(),
            )),
        }
    }

    /// Whether whoever holds these may grant those: nobody gives what they do not have.
    pub fn cover(&self, others: &Self) -> bool {
        let held = |wanted: &String| self.0.iter().any(|key| key == wanted || key == EVERYTHING);
        others.0.iter().all(held)
    }

    /// The keys.
    pub fn keys(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(keys: &[&str]) -> Permissions {
        Permissions::parse(&keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn nobody_grants_what_they_do_not_hold() {
        let clerk = some(&["orders:write", "orders:read"]);

        assert!(clerk.cover(&some(&["orders:read"])) && clerk.cover(&clerk) && clerk.cover(&some(&[])));
        assert!(!clerk.cover(&some(&["orders:read", "refunds:write"])));
        assert!(!clerk.cover(&Permissions::all()) && !some(KEYS).cover(&Permissions::all()));
        assert!(Permissions::all().cover(&some(KEYS)) && Permissions::all().cover(&Permissions::all()));
    }

    #[test]
    fn only_staff_hold_anything() {
        let customer = Principal::Customer { account: uuid::Uuid::nil() };
        for nobody in [Principal::Anonymous, customer, Principal::Module { name: "order".into() }] {
            assert!(Permissions::held_by(&nobody).keys().is_empty());
        }
    }

    #[test]
    fn a_role_holds_known_permissions_only_and_each_once() {
        for unknown in ["*", "orders", "orders:delete", "Orders:read", "", "orders:read "] {
            let keys = ["orders:read".to_owned(), unknown.to_owned()];
            assert_eq!(Permissions::parse(&keys), Err(UnknownPermission { index: 1 }), "{unknown}");
        }
        assert_eq!(some(&["tax:read", "orders:read", "tax:read"]).keys(), ["orders:read", "tax:read"]);
    }
}
