//! Order numbers: short enough to read out on the telephone, unique, and not to be guessed.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Crockford's letters: none that is mistaken for another.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How this shop numbers its orders.
#[derive(Debug, Clone)]
pub struct NumberScheme {
    /// Stands before each number: `C-`.
    pub prefix: String,
    /// Characters after the prefix, 6 to 20.
    pub length: usize,
}

impl NumberScheme {
    /// The number of an order. Another `attempt` gives another one, should the first be taken.
    ///
    /// It is a digest of the order's id, whose last 62 bits are random: nobody can tell one order's number from
    /// another's, and a retry after a crash gives the same number again.
    pub(crate) fn number(&self, order: Uuid, attempt: u32) -> String {
        let mut digest = Sha256::new();
        digest.update(order.as_bytes());
        digest.update(attempt.to_be_bytes());
        let letters = digest
            .finalize()
            .into_iter()
            .take(self.length)
            .map(|byte| char::from(LETTERS[usize::from(byte & 31)]));
        let mut number = self.prefix.clone();
        for (place, letter) in letters.enumerate() {
            if place > 0 && place % 4 == 0 {
                number.push('-');
            }
            number.push(letter);
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_can_be_read_out_and_tells_nothing() {
        let scheme = NumberScheme { prefix: "C-".into(), length: 10 };
        let number = scheme.number(Uuid::from_u128(7), 0);
        assert_eq!(number.len(), 2 + 10 + 2);
        assert!(number.starts_with("C-") && !number.contains(['I', 'L', 'O', 'U']));
        assert_eq!(number, scheme.number(Uuid::from_u128(7), 0));
        assert_ne!(number, scheme.number(Uuid::from_u128(7), 1));
        assert_ne!(number, scheme.number(Uuid::from_u128(8), 0));
    }
}
