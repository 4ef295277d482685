//! Ways of shipping, at a flat price in one currency each.

pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;

use kernel::{Currency, Moment, Money};
use order_api::ShippingOptionId;

/// A way of shipping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShippingOption {
    /// Its id.
    pub id: ShippingOptionId,
    /// What the customer reads.
    pub name: String,
    /// What it costs, before tax.
    pub price: Money,
    /// Since when.
    pub created_at: Moment,
}

/// Why it cannot be offered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ShippingRefusal {
    /// The name is empty or too long.
    #[error("a name has 1 to 100 characters")]
    InvalidName,
    /// The price is negative.
    #[error("shipping costs nothing or more")]
    NegativePrice,
}

impl ShippingOption {
    /// A way of shipping, if it can be offered.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn new(
        id: ShippingOptionId,
        name: String,
        price: Money,
        created_at: Moment,
    ) -> Result<Self, ShippingRefusal> {
        if name.trim().is_empty() || name.chars().count() > 100 {
            return Err(ShippingRefusal::InvalidName);
        }
        if price.amount < 0 {
            return Err(ShippingRefusal::NegativePrice);
        }
        Ok(Self { id, name, price, created_at })
    }

    /// Whether it can be chosen in this currency.
    pub(crate) fn is_for(&self, currency: Currency) -> bool {
        self.price.currency == currency
    }
}
