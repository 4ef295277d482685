//! An address book: where a customer's parcels and invoices go.

pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;

use kernel::{Address, AddressFault, Moment};
use user_api::AddressId;

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

impl AddressChange {
    /// The address with this changed.
    ///
    /// # Errors
    /// The first field that cannot be so.
    pub(crate) fn apply(self, address: Address) -> Result<Address, AddressFault> {
        let changed = Address {
            name: self.name.unwrap_or(address.name),
            line1: self.line1.unwrap_or(address.line1),
            line2: self.line2.unwrap_or(address.line2),
            city: self.city.unwrap_or(address.city),
            region: self.region.unwrap_or(address.region),
            postal_code: self.postal_code.unwrap_or(address.postal_code),
            country: self.country.unwrap_or(address.country),
            phone: self.phone.unwrap_or(address.phone),
        };
        changed.check()
    }
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
    fn a_change_keeps_what_it_does_not_name() {
        let change =
            AddressChange { city: Some("Paris".into()), phone: Some(None), ..AddressChange::default() };
        let expected = Address { city: "Paris".into(), phone: None, ..address() };
        assert_eq!(change.apply(address()), Ok(expected));
    }
}
