//! An address book: where a customer's parcels and invoices go.

pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;

use kernel::{Moment, card};
use user_api::AddressId;

const LONGEST: usize = 200;

/// The most addresses of one customer.
pub(crate) const MOST: i64 = 100;

/// An entry of an address book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its id.
    pub id: AddressId,
    /// The address.
    pub address: Address,
    /// Whether parcels go there unless another is chosen. Of all entries of a book, one is.
    pub default_shipping: bool,
    /// Whether invoices go there unless another is chosen. Of all entries of a book, one is.
    pub default_billing: bool,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
}

/// Which defaults an entry is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Defaults {
    /// For parcels. `false` asks that it be no longer, which only another's becoming it can do.
    pub shipping: Option<bool>,
    /// For invoices.
    pub billing: Option<bool>,
}

/// A postal address, as given. Which fields a country needs is not checked here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// The person or company.
    pub name: String,
    /// Street and number.
    pub line1: String,
    /// Whatever else the street line needs.
    pub line2: Option<String>,
    /// Town.
    pub city: String,
    /// State, province or county.
    pub region: Option<String>,
    /// Postal code, where there are any.
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Telephone.
    pub phone: Option<String>,
}

/// What is to change on an address: `None` keeps, `Some(None)` clears.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressChange {
    /// The person or company.
    pub name: Option<String>,
    /// Street and number.
    pub line1: Option<String>,
    /// Whatever else the street line needs.
    pub line2: Option<Option<String>>,
    /// Town.
    pub city: Option<String>,
    /// State, province or county.
    pub region: Option<Option<String>>,
    /// Postal code.
    pub postal_code: Option<Option<String>>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Telephone.
    pub phone: Option<Option<String>>,
}

/// A field of an address that cannot be so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct AddressFault {
    /// The field, as in JSON.
    pub field: &'static str,
    /// What it is, as a code.
    pub code: &'static str,
    /// What it should be.
    pub detail: &'static str,
}

const INVALID: &str = "invalid_address";
const CARD_DATA: &str = "card_data_not_allowed";

impl Address {
    /// The address, if every field can be one.
    ///
    /// # Errors
    /// The first field that cannot.
    pub(crate) fn check(self) -> Result<Self, AddressFault> {
        let required = [("name", &self.name), ("line1", &self.line1), ("city", &self.city)];
        let optional = [("line2", &self.line2), ("region", &self.region), ("postalCode", &self.postal_code)];
        let given = optional.into_iter().filter_map(|(field, value)| Some((field, value.as_ref()?)));
        let lines: Vec<_> = required.into_iter().chain(given).collect();
        if let Some((field, _)) = lines.iter().find(|(_, value)| card::looks_like_one(value)) {
            return Err(AddressFault {
                field,
                code: CARD_DATA,
                detail: "This looks like the number of a card",
            });
        }
        if let Some((field, _)) = lines.iter().find(|(_, value)| !is_a_line(value)) {
            return Err(AddressFault {
                field,
                code: INVALID,
                detail: "Expected 1 to 200 characters without line breaks",
            });
        }
        if self.country.len() != 2 || !self.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(AddressFault {
                field: "country",
                code: INVALID,
                detail: "Expected an ISO 3166-1 code such as DE or US",
            });
        }
        match &self.phone {
            Some(phone) if !is_a_phone(phone) => Err(AddressFault {
                field: "phone",
                code: INVALID,
                detail: "Expected a telephone number of 3 to 15 digits",
            }),
            _ => Ok(self),
        }
    }

    /// The same address with some of it changed.
    ///
    /// # Errors
    /// The first field that cannot be so.
    pub(crate) fn with(self, change: AddressChange) -> Result<Self, AddressFault> {
        let changed = Self {
            name: change.name.unwrap_or(self.name),
            line1: change.line1.unwrap_or(self.line1),
            line2: change.line2.unwrap_or(self.line2),
            city: change.city.unwrap_or(self.city),
            region: change.region.unwrap_or(self.region),
            postal_code: change.postal_code.unwrap_or(self.postal_code),
            country: change.country.unwrap_or(self.country),
            phone: change.phone.unwrap_or(self.phone),
        };
        changed.check()
    }
}

fn is_a_line(value: &str) -> bool {
    !value.trim().is_empty() && value.chars().count() <= LONGEST && !value.chars().any(char::is_control)
}

fn is_a_phone(phone: &str) -> bool {
    let digits = phone.bytes().filter(u8::is_ascii_digit).count();
    let plain = phone.bytes().all(|byte| byte.is_ascii_digit() || b"+ -()./".contains(&byte));
    plain && (3..=15).contains(&digits)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn address() -> Address {
        Address {
            name: "Ada".into(),
            line1: "1 Main St".into(),
            line2: None,
            city: "London".into(),
            region: None,
            postal_code: Some("N1".into()),
            country: "GB".into(),
            phone: Some("+44 20 1234".into()),
        }
    }

    #[test]
    fn an_ordinary_address_is_fine() {
        assert_eq!(address().check(), Ok(address()));
    }

    #[test]
    fn the_field_at_fault_is_named() {
        let field = |change: fn(&mut Address)| {
            let mut address = address();
            change(&mut address);
            address.check().unwrap_err().field
        };
        assert_eq!(field(|a| a.name = "  ".into()), "name");
        assert_eq!(field(|a| a.line1 = "a\r\nBcc: b".into()), "line1");
        assert_eq!(field(|a| a.line2 = Some(String::new())), "line2");
        assert_eq!(field(|a| a.city = "x".repeat(201)), "city");
        assert_eq!(field(|a| a.country = "gb".into()), "country");
        assert_eq!(field(|a| a.country = "GBR".into()), "country");
        assert_eq!(field(|a| a.phone = Some("call me".into())), "phone");
        assert_eq!(field(|a| a.phone = Some("1".repeat(1000))), "phone");
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let change =
            AddressChange { city: Some("Paris".into()), phone: Some(None), ..AddressChange::default() };
        let expected = Address { city: "Paris".into(), phone: None, ..address() };
        assert_eq!(address().with(change), Ok(expected));
    }
}
