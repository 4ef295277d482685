//! Slugs: what a product is called in an address.

use product_api::ProductId;
use unicode_normalization::UnicodeNormalization as _;

use crate::refusal::Fault;

const LONGEST: usize = 200;
/// Names that are tried beside the first before a number is no longer short.
const TRIES: usize = 20;

/// Checks a slug that was chosen by somebody.
///
/// # Errors
/// [`Fault::Slug`]. A product's id is no slug either, or the two would name different products in one address.
pub(crate) fn check(slug: &str) -> Result<(), Fault> {
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = (1..=LONGEST).contains(&slug.len())
        && slug.bytes().all(|byte| letters(byte) || matches!(byte, b'-' | b'_'))
        && slug.bytes().next().is_some_and(letters);
    if fits && slug.parse::<ProductId>().is_err() { Ok(()) } else { Err(Fault::Slug) }
}

/// A slug made of a title: `Crème brûlée` is `creme-brulee`. Never empty.
pub(crate) fn derive(title: &str) -> String {
    let mut slug = String::with_capacity(title.len());
    for letter in title.nfkd().flat_map(char::to_lowercase) {
        match letter {
            'a'..='z' | '0'..='9' => slug.push(letter),
            'ß' => slug.push_str("ss"),
            'æ' => slug.push_str("ae"),
            'œ' => slug.push_str("oe"),
            'ø' => slug.push('o'),
            'ł' => slug.push('l'),
            'đ' | 'ð' => slug.push('d'),
            'þ' => slug.push_str("th"),
            'ı' => slug.push('i'),
            // Accents that the normal form has taken off their letters, and apostrophes inside words.
            '\u{300}'..='\u{36f}' | '\'' | '’' => {}
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    // Room for the number that tells two products of one title apart.
    slug.truncate(LONGEST - 10);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "product".to_owned() } else { slug.to_owned() }
}

/// The slug itself and the next ones to try when it is taken: `mug`, `mug-2`, `mug-3`, ….
pub(crate) fn candidates(slug: &str) -> Vec<String> {
    let numbered = (2..=TRIES).map(|number| format!("{slug}-{number}"));
    std::iter::once(slug.to_owned()).chain(numbered).collect()
}

/// A slug made of a title that nobody else has: it ends like the product's id.
pub(crate) fn unique(title: &str, id: ProductId) -> String {
    let id = id.to_string();
    format!("{}-{}", derive(title), &id[id.len() - 9..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Id;

    #[test]
    fn a_title_becomes_plain_letters() {
        for (title, slug) in [
            ("Ocean Blue Shirt", "ocean-blue-shirt"),
            ("Crème  brûlée – 6″", "creme-brulee-6"),
            ("Straße & Ærø", "strasse-aero"),
            ("Men's tee", "mens-tee"),
            ("  ??  ", "product"),
            ("茶", "product"),
        ] {
            assert_eq!(derive(title), slug);
            assert_eq!(check(&derive(title)), Ok(()));
        }
        assert_eq!(check(&derive(&"x".repeat(5000))), Ok(()));
    }

    #[test]
    fn a_chosen_slug_is_plain_and_no_id() {
        let id = format!("prod_{}", "0".repeat(26));
        for slug in ["", "-a", "A", "a b", "a/b", "é", &id, &"x".repeat(201)] {
            assert_eq!(check(slug), Err(Fault::Slug), "{slug}");
        }
        assert_eq!(check("t-shirt_2"), Ok(()));
    }

    #[test]
    fn the_second_product_of_a_title_gets_a_number() {
        assert_eq!(candidates("mug")[..3], ["mug", "mug-2", "mug-3"]);
        let id: ProductId = Id::from_uuid(uuid::Uuid::from_u128(7));
        assert_eq!(unique("Mug", id), "mug-000000007");
        assert_eq!(check(&unique(&"x".repeat(5000), id)), Ok(()));
    }
}
