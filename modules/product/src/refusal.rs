//! Why a product cannot be like that: the place in it, and what is wrong there.
//!
//! One type for products, variants and their parts, because the same rules hold whether a product comes as a body,
//! where the place is a JSON pointer, or in a file, where it is a row and a column.

use std::fmt;

use kernel::Currency;

/// A broken rule and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct Refusal {
    /// Where.
    pub place: Place,
    /// What.
    pub fault: Fault,
}

/// A place in a product as it is handed in. Displays as a JSON pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A field of the product, or of a variant that is handed in alone.
    Field(&'static str),
    /// A field of an option axis.
    Option(usize, &'static str),
    /// A field of a variant.
    Variant(usize, &'static str),
    /// A field of a price of a variant; of the product's own prices, or of a variant alone, without the first number.
    Price(Option<usize>, usize, &'static str),
    /// A field of an image.
    Image(usize, &'static str),
    /// A tag.
    Tag(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => write!(f, "/{field}"),
            Self::Option(index, field) => write!(f, "/options/{index}/{field}"),
            Self::Variant(index, field) => write!(f, "/variants/{index}/{field}"),
            Self::Price(Some(variant), index, field) => {
                write!(f, "/variants/{variant}/prices/{index}/{field}")
            }
            Self::Price(None, index, field) => write!(f, "/prices/{index}/{field}"),
            Self::Image(index, field) => write!(f, "/images/{index}/{field}"),
            Self::Tag(index) => write!(f, "/tags/{index}"),
        }
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A text is empty or too long.
    #[error("expected 1 to {0} characters, and not only spaces")]
    Length(usize),
    /// A text holds what cannot be shown.
    #[error("control characters are not allowed here")]
    ControlCharacter,
    /// Not a slug.
    #[error(
        "a slug has 1 to 200 letters a to z, digits, hyphens and underscores, and starts with a letter or digit"
    )]
    Slug,
    /// More than there may be.
    #[error("at most {0} are allowed")]
    TooMany(usize),
    /// Fewer than there must be.
    #[error("at least one is needed")]
    Empty,
    /// It is there before.
    #[error("this is there twice")]
    Twice,
    /// A variant names another number of values than there are axes, or none.
    #[error("a variant needs one value for each option of its product")]
    MissingOption,
    /// A variant names an axis or a value that the product does not have.
    #[error("the product has no such option or value")]
    UnknownOption,
    /// The axes of a product that is known are others.
    #[error("the product is known with other options")]
    OtherOptions,
    /// An amount, stock or weight out of range.
    #[error("expected a whole number from 0 to {0}")]
    Range(i64),
    /// Two prices in one currency.
    #[error("there are two prices in {0}")]
    TwoPrices(Currency),
    /// Not the address of an image.
    #[error("expected an http or https address of at most 2048 characters")]
    Url,
    /// An image of a variant that the product does not have.
    #[error("the product has no such variant")]
    UnknownVariant,
}

impl Fault {
    /// As a stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Length(_) => "invalid_length",
            Self::ControlCharacter => "invalid_characters",
            Self::Slug => "invalid_slug",
            Self::TooMany(_) => "too_many",
            Self::Empty => "missing",
            Self::Twice => "duplicate",
            Self::MissingOption => "missing_option",
            Self::UnknownOption => "unknown_option",
            Self::OtherOptions => "other_options",
            Self::Range(_) => "out_of_range",
            Self::TwoPrices(_) => "duplicate_currency",
            Self::Url => "invalid_url",
            Self::UnknownVariant => "unknown_variant",
        }
    }

    /// At this place.
    pub const fn at(self, place: Place) -> Refusal {
        Refusal { place, fault: self }
    }
}

/// A text of one line, such as a title.
///
/// # Errors
/// It is blank, too long, or holds control characters.
pub(crate) fn line(text: &str, most: usize) -> Result<(), Fault> {
    if text.chars().any(char::is_control) {
        return Err(Fault::ControlCharacter);
    }
    length(text, most)
}

/// A text of any number of lines, such as a description. May be blank.
///
/// # Errors
/// It is too long, or holds control characters other than line breaks and tabs.
pub(crate) fn prose(text: &str, most: usize) -> Result<(), Fault> {
    if text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t')) {
        return Err(Fault::ControlCharacter);
    }
    if text.chars().count() > most { Err(Fault::Length(most)) } else { Ok(()) }
}

/// A whole number from 0 on.
///
/// # Errors
/// It is out of range.
pub(crate) fn range(number: i64, most: i64) -> Result<(), Fault> {
    if (0..=most).contains(&number) { Ok(()) } else { Err(Fault::Range(most)) }
}

/// Where the first repetition of a value is.
pub(crate) fn twice<T: PartialEq>(values: &[T]) -> Option<usize> {
    // Short lists: a set would cost more than it saves.
    (1..values.len()).find(|at| values[..*at].contains(&values[*at]))
}

fn length(text: &str, most: usize) -> Result<(), Fault> {
    if text.trim().is_empty() || text.chars().count() > most { Err(Fault::Length(most)) } else { Ok(()) }
}
