//! What a guest shows to be let at their own cart and order.

use sha2::{Digest as _, Sha256};

/// A guest's token: 128 random bits. Carts and orders keep its digest; the answer that shows it is kept with its
/// idempotency key for seven days, because a repetition has to get the same answer.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct GuestToken(String);

impl GuestToken {
    /// A new one that nobody can guess.
    pub(crate) fn new() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }

    /// The one that was shown.
    pub(crate) fn shown(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// What the guest is to keep.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// What we keep.
    pub(crate) fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0.as_bytes()).to_vec()
    }

    /// Whether it is the token of this digest. The digests are public to nobody, so comparing them leaks nothing
    /// about the token.
    pub(crate) fn opens(&self, hash: &[u8]) -> bool {
        self.hash() == hash
    }
}

/// Who comes to a cart or an order through the storefront.
#[derive(Clone)]
pub(crate) struct Visitor {
    /// The signed-in customer.
    pub customer: Option<uuid::Uuid>,
    /// The token in `X-Cart-Token`.
    pub token: Option<GuestToken>,
}

impl Visitor {
    /// Whether what belongs to this customer, or to whoever holds the token of this digest, is theirs.
    pub(crate) fn owns(&self, customer: Option<uuid::Uuid>, token_hash: &[u8]) -> bool {
        match customer {
            Some(owner) => self.customer == Some(owner),
            None => self.token.as_ref().is_some_and(|token| token.opens(token_hash)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn only_the_owner_comes_in() {
        let token = GuestToken::new();
        let hash = token.hash();
        let guest = Visitor { customer: None, token: Some(GuestToken::shown(token.reveal())) };
        let other = Visitor { customer: None, token: Some(GuestToken::new()) };
        let customer = Visitor { customer: Some(Uuid::from_u128(7)), token: None };

        assert!(guest.owns(None, &hash));
        assert!(!other.owns(None, &hash));
        assert!(!customer.owns(None, &hash));
        assert!(customer.owns(Some(Uuid::from_u128(7)), &hash));
        assert!(!customer.owns(Some(Uuid::from_u128(8)), &hash));
        assert!(!guest.owns(Some(Uuid::from_u128(7)), &hash), "a customer's cart is not opened by a token");
    }
}
