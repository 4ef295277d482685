//! Where a parcel or an invoice goes.

use kernel::card;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A postal address, as given. Which fields a country needs is not checked here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Address {
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
pub(crate) struct AddressError {
    /// The field, as in JSON.
    pub field: &'static str,
    /// What it is, as a code.
    pub code: &'static str,
    /// What it should be.
    pub detail: &'static str,
}

const LONGEST: usize = 200;
const INVALID: &str = "invalid_address";
const CARD_DATA: &str = "card_data_not_allowed";

impl Address {
    /// The address, if every field can be one.
    ///
    /// # Errors
    /// The first field that cannot.
    pub(crate) fn check(self) -> Result<Self, AddressError> {
        let text = |field, value: &str| {
            if card::looks_like_one(value) {
                let detail = "This looks like the number of a card";
                return Err(AddressError { field, code: CARD_DATA, detail });
            }
            if value.trim().is_empty()
                || value.chars().count() > LONGEST
                || value.chars().any(char::is_control)
            {
                return Err(AddressError {
                    field,
                    code: INVALID,
                    detail: "Expected 1 to 200 characters without line breaks",
                });
            }
            Ok(())
        };
        text("name", &self.name)?;
        text("line1", &self.line1)?;
        text("city", &self.city)?;
        for (field, value) in
            [("line2", &self.line2), ("region", &self.region), ("postalCode", &self.postal_code)]
        {
            if let Some(value) = value {
                text(field, value)?;
            }
        }
        if self.country.len() != 2 || !self.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(AddressError {
                field: "country",
                code: INVALID,
                detail: "Expected an ISO 3166-1 code such as DE or US",
            });
        }
        if let Some(phone) = &self.phone {
            let digits = phone.bytes().filter(u8::is_ascii_digit).count();
            let plain = phone.bytes().all(|byte| byte.is_ascii_digit() || b"+ -()./".contains(&byte));
            if !plain || !(3..=15).contains(&digits) {
                return Err(AddressError {
                    field: "phone",
                    code: INVALID,
                    detail: "Expected a telephone number of 3 to 15 digits",
                });
            }
        }
        Ok(self)
    }
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
        assert_eq!(field(|a| a.city = "x".repeat(201)), "city");
        assert_eq!(field(|a| a.country = "gb".into()), "country");
        assert_eq!(field(|a| a.country = "GBR".into()), "country");
        assert_eq!(field(|a| a.phone = Some("call me".into())), "phone");
        assert_eq!(field(|a| a.phone = Some("1".repeat(1000))), "phone");
    }
}
