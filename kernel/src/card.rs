//! Card numbers do not belong here. Whatever looks like one is refused before it is stored or logged.

/// How many digits a card number has (ISO/IEC 7812-1).
const LENGTHS: std::ops::RangeInclusive<usize> = 13..=19;

/// Whether a text holds 13 to 19 digits, give or take separators, that pass the Luhn check
/// (ISO/IEC 7812-1, annex B).
///
/// Digits of every script count, and so do separators that nobody sees. Groups of digits are tried in all their
/// sequences, so that a house number in front does not hide what follows; a part of one long number is no card.
pub fn looks_like_one(text: &str) -> bool {
    text.split(|letter| digit(letter).is_none() && !separates(letter)).any(|run| {
        let groups: Vec<Vec<u32>> = run
            .split(separates)
            .filter(|group| !group.is_empty())
            .map(|group| group.chars().filter_map(digit).collect())
            .collect();
        (0..groups.len()).any(|first| starts_one(&groups[first..]))
    })
}

fn starts_one(groups: &[Vec<u32>]) -> bool {
    let mut digits = Vec::new();
    for group in groups {
        digits.extend_from_slice(group);
        if digits.len() > *LENGTHS.end() {
            return false;
        }
        if LENGTHS.contains(&digits.len()) && digits[0] != 0 && luhn(&digits) {
            return true;
        }
    }
    false
}

fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match digit * if place % 2 == 1 { 2 } else { 1 } {
            value if value > 9 => value - 9,
            value => value,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// What people write between the groups of a number: spaces, full stops, dashes, and characters without a width.
fn separates(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(
            letter,
            '-' | '.'
                | '_'
                | '\u{ad}'
                | '\u{b7}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2010}'..='\u{2015}'
                | '\u{2060}'..='\u{2064}'
                | '\u{2212}'
                | '\u{feff}'
                | '\u{ff0d}'
                | '\u{ff0e}'
                | '\u{ff3f}'
        )
}

/// The value of a decimal digit of any script.
fn digit(letter: char) -> Option<u32> {
    let last = ZEROS.partition_point(|zero| *zero <= letter).checked_sub(1)?;
    let value = u32::from(letter) - u32::from(ZEROS[last]);
    (value <= 9).then_some(value)
}

/// The zero of every run of decimal digits in Unicode 16 (general category Nd), in order. The other nine follow each.
const ZEROS: [char; 75] = [
    '\u{30}',
    '\u{660}',
    '\u{6f0}',
    '\u{7c0}',
    '\u{966}',
    '\u{9e6}',
    '\u{a66}',
    '\u{ae6}',
    '\u{b66}',
    '\u{be6}',
    '\u{c66}',
    '\u{ce6}',
    '\u{d66}',
    '\u{de6}',
    '\u{e50}',
    '\u{ed0}',
    '\u{f20}',
    '\u{1040}',
    '\u{1090}',
    '\u{17e0}',
    '\u{1810}',
    '\u{1946}',
    '\u{19d0}',
    '\u{1a80}',
    '\u{1a90}',
    '\u{1b50}',
    '\u{1bb0}',
    '\u{1c40}',
    '\u{1c50}',
    '\u{a620}',
    '\u{a8d0}',
    '\u{a900}',
    '\u{a9d0}',
    '\u{a9f0}',
    '\u{aa50}',
    '\u{abf0}',
    '\u{ff10}',
    '\u{104a0}',
    '\u{10d30}',
    '\u{10d40}',
    '\u{11066}',
    '\u{110f0}',
    '\u{11136}',
    '\u{111d0}',
    '\u{112f0}',
    '\u{11450}',
    '\u{114d0}',
    '\u{11650}',
    '\u{116c0}',
    '\u{116d0}',
    '\u{116da}',
    '\u{11730}',
    '\u{118e0}',
    '\u{11950}',
    '\u{11bf0}',
    '\u{11c50}',
    '\u{11d50}',
    '\u{11da0}',
    '\u{11f50}',
    '\u{16a60}',
    '\u{16ac0}',
    '\u{16b50}',
    '\u{16d70}',
    '\u{1ccf0}',
    '\u{1d7ce}',
    '\u{1d7d8}',
    '\u{1d7e2}',
    '\u{1d7ec}',
    '\u{1d7f6}',
    '\u{1e140}',
    '\u{1e2f0}',
    '\u{1e4f0}',
    '\u{1e5f1}',
    '\u{1e950}',
    '\u{1fbf0}',
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_known_however_it_is_written() {
        for text in [
            "4242424242424242",
            "4242 4242 4242 4242",
            "card: 4242.4242.4242.4242!",
            "3782-822463-10005",
            "flat 1 4242 4242 4242 4242",
            "４２４２４２４２４２４２４２４２",
            "４２４２－４２４２－４２４２－４２４２",
            "٤٢٤٢ ٤٢٤٢ ٤٢٤٢ ٤٢٤٢",
            "𝟒𝟐𝟒𝟐 𝟒𝟐𝟒𝟐 𝟒𝟐𝟒𝟐 𝟒𝟐𝟒𝟐",
            "4242\u{200b}4242\u{a0}4242–4242",
        ] {
            assert!(looks_like_one(text), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not() {
        for text in [
            "approve",
            "4242424242424241",
            "４２４２４２４２４２４２４２４１",
            "order 12345",
            "0000000000000000",
            "+44 20 7946 0958",
            "424242424242424242424242",
            "42424242 and 42424242",
        ] {
            assert!(!looks_like_one(text), "{text}");
        }
    }

    #[test]
    fn digits_of_every_script_have_their_value() {
        assert!(ZEROS.is_sorted(), "they are found by halving");
        for zero in ZEROS {
            let digits = (0..10).filter_map(|value| char::from_u32(u32::from(zero) + value));
            assert!(digits.map(digit).eq((0..10).map(Some)), "{zero}");
        }
        for letter in ['/', ':', 'a', '²', '\u{ff1a}', '\u{10ffff}'] {
            assert_eq!(digit(letter), None, "{letter}");
        }
    }
}
