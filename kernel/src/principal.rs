//! Who is asking.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who a request acts for, as proven by its token. Deny by default: what is not granted here is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Principal {
    /// Nobody in particular; guests are anonymous and prove their carts by the cart's token.
    Anonymous,
    /// A customer with an account.
    Customer {
        /// The account.
        account: Uuid,
    },
    /// Somebody who works for the shop.
    Staff {
        /// The account.
        account: Uuid,
        /// Permission keys such as `orders:write`; `*` grants all.
        permissions: Vec<String>,
    },
    /// A module acting on its own, such as a job or a recovery worker.
    Module {
        /// Its name.
        name: String,
    },
}

impl Principal {
    /// The account behind the token, if there is one.
    pub fn account(&self) -> Option<Uuid> {
        match self {
            Self::Customer { account } | Self::Staff { account, .. } => Some(*account),
            Self::Anonymous | Self::Module { .. } => None,
        }
    }

    /// Whether this principal was granted `permission`. Only staff ever is.
    pub fn may(&self, permission: &str) -> bool {
        match self {
            Self::Staff { permissions, .. } => {
                permissions.iter().any(|held| held == permission || held == "*")
            }
            Self::Anonymous | Self::Customer { .. } | Self::Module { .. } => false,
        }
    }

    /// A short stable name, as it scopes idempotency keys and appears in audit trails.
    pub fn scope(&self) -> String {
        match self {
            Self::Anonymous => "anonymous".into(),
            Self::Customer { account } => format!("customer:{account}"),
            Self::Staff { account, .. } => format!("staff:{account}"),
            Self::Module { name } => format!("module:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_may_anything_that_was_not_granted() {
        let clerk = Principal::Staff { account: Uuid::nil(), permissions: vec!["orders:read".into()] };
        let owner = Principal::Staff { account: Uuid::nil(), permissions: vec!["*".into()] };

        assert!(clerk.may("orders:read") && !clerk.may("orders:write"));
        assert!(owner.may("refunds:write"));
        for other in [
            Principal::Anonymous,
            Principal::Customer { account: Uuid::nil() },
            Principal::Module { name: "order".into() },
        ] {
            assert!(!other.may("orders:read"), "{other:?}");
        }
    }
}
