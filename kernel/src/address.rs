//! Where a parcel or an invoice goes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::card;

const LONGEST: usize = 200;

/// A postal address, as given. Which fields a country needs is not checked here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Address {
    /// The person or company.
    pub name: String,
    /// Street and number.
    pub line1: String,
    /// Whatever else the street line needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    /// Town.
    pub city: String,
    /// State, province or county, as an ISO 3166-2 part or a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Postal code, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Telephone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
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
    pub fn check(self) -> Result<Self, AddressFault> {
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
        if !is_a_country(&self.country) {
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
}

/// Whether a text has the form of an ISO 3166-1 alpha-2 code.
pub fn is_a_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
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
mod tests {
    use super::*;

    fn address() -> Address {
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
    fn the_number_of_a_card_is_refused_wherever_it_stands() {
        let code = |change: fn(&mut Address)| {
            let mut address = address();
            change(&mut address);
            address.check().unwrap_err().code
        };
        assert_eq!(code(|a| a.name = "4242 4242 4242 4242".into()), CARD_DATA);
        assert_eq!(code(|a| a.line2 = Some("4242-4242-4242-4242".into())), CARD_DATA);
        assert_eq!(code(|a| a.name = String::new()), INVALID);
    }
}
