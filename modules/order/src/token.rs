//! What a guest shows to be let at their own cart and order.

use platform::http::IdempotencyKey;
use sha2::{Digest as _, Sha256};

/// A guest's token: 128 bits that nobody can guess. It is kept nowhere. Carts and orders keep its digest. The answer
/// that shows it is kept for seven days, because a repetition has to get the same answer, and holds the token's salt
/// in its place: the token follows from the salt and from the `Idempotency-Key`, of which we keep a digest only. Who
/// reads the database would have to guess the key, so it should be a random one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct GuestToken(String);

impl GuestToken {
    /// A new one and its salt, for a request that is repeated under this key. Without a key nothing is kept that could
    /// show it, and the two are the same.
    pub(crate) fn new(key: Option<&IdempotencyKey>) -> (Self, String) {
        let salt = format!("{:032x}", rand::random::<u128>());
        let secret = key.and_then(|key| key.secret(&salt));
        (Self(secret.unwrap_or_else(|| salt.clone())), salt)
    }

    /// The one that was shown.
    pub(crate) fn shown(text: &str) -> Self {
        Self(text.to_owned())
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
        let (token, told) = GuestToken::new(None);
        let hash = token.hash();
        let guest = Visitor { customer: None, token: Some(GuestToken::shown(&told)) };
        let other = Visitor { customer: None, token: Some(GuestToken::new(None).0) };
        let customer = Visitor { customer: Some(Uuid::from_u128(7)), token: None };

        assert!(guest.owns(None, &hash));
        assert!(!other.owns(None, &hash));
        assert!(!customer.owns(None, &hash));
        assert!(customer.owns(Some(Uuid::from_u128(7)), &hash));
        assert!(!customer.owns(Some(Uuid::from_u128(8)), &hash));
        assert!(!guest.owns(Some(Uuid::from_u128(7)), &hash), "a customer's cart is not opened by a token");
    }
}
