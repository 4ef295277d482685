//! Card numbers do not belong here. Whatever looks like one is refused before it is stored or logged.

/// Whether a text holds 13 to 19 digits in a row, give or take separators, that pass the Luhn check
/// (ISO/IEC 7812-1, annex B).
pub fn looks_like_one(text: &str) -> bool {
    let mut digits: Vec<u8> = Vec::new();
    for byte in text.bytes().chain(std::iter::once(b'x')) {
        match byte {
            b'0'..=b'9' => digits.push(byte - b'0'),
            b' ' | b'-' | b'.' | b'_' => {}
            _ => {
                if any_run(&digits) {
                    return true;
                }
                digits.clear();
            }
        }
    }
    false
}

fn any_run(digits: &[u8]) -> bool {
    (13..=19).contains(&digits.len()) && digits[0] != 0 && luhn(digits)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match u32::from(*digit) * if place % 2 == 1 { 2 } else { 1 } {
            value if value > 9 => value - 9,
            value => value,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_known_however_it_is_written() {
        for text in
            ["4242424242424242", "4242 4242 4242 4242", "card: 4242.4242.4242.4242!", "3782-822463-10005"]
        {
            assert!(looks_like_one(text), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not() {
        for text in ["approve", "4242424242424241", "order 12345", "0000000000000000", "+44 20 7946 0958"] {
            assert!(!looks_like_one(text), "{text}");
        }
    }
}
