//! A cart: what somebody means to buy. It holds wishes, never prices.

pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;

use kernel::{Address, Currency, Moment};
use order_api::{CartId, CartItemId, OrderId, ShippingOptionId};
use product_api::{BATCH, VariantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::pricing::Totals;

/// The most of one variant in a cart.
pub(crate) const LARGEST_QUANTITY: i64 = 1_000_000;

/// A cart, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cart {
    /// Its id.
    pub id: CartId,
    /// Where it is in its life.
    pub status: CartStatus,
    /// What it will be paid in; fixed.
    pub currency: Currency,
    /// The customer, if one is signed in.
    pub customer_id: Option<Uuid>,
    /// SHA-256 of the token by which a guest proves that it is theirs.
    pub token_hash: Vec<u8>,
    /// Where the confirmation goes.
    pub email: Option<String>,
    /// Where the parcel goes.
    pub shipping_address: Option<Address>,
    /// Where the invoice goes; the shipping address when absent.
    pub billing_address: Option<Address>,
    /// How it is shipped.
    pub shipping_option_id: Option<ShippingOptionId>,
    /// The lines, in the order they were put in.
    pub items: Vec<CartItem>,
    /// The order it became.
    pub order_id: Option<OrderId>,
    /// Rises with every change.
    pub version: i64,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
}

/// A line of a cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CartItem {
    /// Its id.
    pub id: CartItemId,
    /// What.
    pub variant_id: VariantId,
    /// How many; at least 1.
    pub quantity: i64,
}

/// Where a cart is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum CartStatus {
    /// It can be changed.
    Open,
    /// Its payment is in flight; it cannot be changed.
    Completing,
    /// It became an order.
    Completed,
}

impl CartStatus {
    /// As it is stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Completing => "completing",
            Self::Completed => "completed",
        }
    }
}

impl TryFrom<String> for CartStatus {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        [Self::Open, Self::Completing, Self::Completed]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no status of a cart"))
    }
}

/// Why a cart refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CartRefusal {
    /// It is being paid, or was.
    #[error("the cart is {0:?} and cannot be changed", .status.as_str())]
    Locked {
        /// Its status.
        status: CartStatus,
    },
    /// A quantity outside 1 to [`LARGEST_QUANTITY`].
    #[error("a quantity is 1 to {LARGEST_QUANTITY}")]
    InvalidQuantity,
    /// More lines than a cart may have.
    #[error("a cart has at most {BATCH} lines")]
    TooManyLines,
    /// No such line.
    #[error("there is no such line in the cart")]
    NoSuchItem,
}

impl Cart {
    /// Whether it can be changed.
    ///
    /// # Errors
    /// [`CartRefusal::Locked`].
    pub(crate) fn writable(&self) -> Result<(), CartRefusal> {
        match self.status {
            CartStatus::Open => Ok(()),
            status => Err(CartRefusal::Locked { status }),
        }
    }

    /// Puts so many more of a variant in. One line per variant: the quantities add up.
    ///
    /// # Errors
    /// The quantity or the number of lines would be out of bounds.
    pub(crate) fn add(
        &mut self,
        id: CartItemId,
        variant_id: VariantId,
        quantity: i64,
    ) -> Result<(), CartRefusal> {
        if let Some(item) = self.items.iter_mut().find(|item| item.variant_id == variant_id) {
            item.quantity = checked(item.quantity.saturating_add(checked(quantity)?))?;
            return Ok(());
        }
        if self.items.len() >= BATCH {
            return Err(CartRefusal::TooManyLines);
        }
        self.items.push(CartItem { id, variant_id, quantity: checked(quantity)? });
        Ok(())
    }

    /// Sets how many of a line there are.
    ///
    /// # Errors
    /// There is no such line, or the quantity is out of bounds.
    pub(crate) fn set_quantity(&mut self, id: CartItemId, quantity: i64) -> Result<(), CartRefusal> {
        let item = self.items.iter_mut().find(|item| item.id == id).ok_or(CartRefusal::NoSuchItem)?;
        item.quantity = checked(quantity)?;
        Ok(())
    }

    /// Takes a line out.
    ///
    /// # Errors
    /// There is no such line.
    pub(crate) fn remove(&mut self, id: CartItemId) -> Result<(), CartRefusal> {
        let before = self.items.len();
        self.items.retain(|item| item.id != id);
        if self.items.len() == before { Err(CartRefusal::NoSuchItem) } else { Ok(()) }
    }
}

fn checked(quantity: i64) -> Result<i64, CartRefusal> {
    if (1..=LARGEST_QUANTITY).contains(&quantity) { Ok(quantity) } else { Err(CartRefusal::InvalidQuantity) }
}

/// A cart with the shop's prices on it, as they are at this moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PricedCart {
    /// The cart.
    pub cart: Cart,
    /// Its lines, in the same order.
    pub lines: Vec<PricedLine>,
    /// What it comes to.
    pub totals: Totals,
    /// What it is shipped by.
    pub shipping: Option<crate::shipping::ShippingOption>,
    /// The tax rate at the shipping address, in hundredths of a percent.
    pub tax_basis_points: i64,
    /// What is still missing before it can be completed; empty when it is ready.
    pub requirements: Vec<Requirement>,
}

/// A line with its price.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PricedLine {
    /// The line.
    pub item: CartItem,
    /// The variant as it is sold now; `None` when it is not, or has no price in the cart's currency. Such a line costs
    /// nothing and keeps the cart from being completed.
    pub sold: Option<SoldLine>,
}

/// What a line costs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SoldLine {
    /// The variant.
    pub variant: product_api::QuotedVariant,
    /// The price of one.
    pub unit_price: kernel::Money,
    /// The line before tax.
    pub total: kernel::Money,
    /// Its part of the tax.
    pub tax: kernel::Money,
}

/// Something that is missing before a cart can be completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Requirement {
    /// Stable: `items_missing`, `email_missing`, `shipping_address_missing`, `shipping_option_missing`,
    /// `variant_unavailable`, `insufficient_stock`.
    pub code: &'static str,
    /// What it is about, as a JSON pointer into the cart.
    pub pointer: String,
}

/// What is missing: the one list that both the question and the completion go by.
pub(crate) fn requirements(cart: &Cart, lines: &[PricedLine], shipping_is_offered: bool) -> Vec<Requirement> {
    let mut missing = Vec::new();
    let mut miss = |code, pointer: String| missing.push(Requirement { code, pointer });
    if cart.items.is_empty() {
        miss("items_missing", "/items".into());
    }
    for (index, line) in lines.iter().enumerate() {
        match &line.sold {
            None => miss("variant_unavailable", format!("/items/{index}/variantId")),
            Some(sold) if sold.variant.available < line.item.quantity => {
                miss("insufficient_stock", format!("/items/{index}/quantity"));
            }
            Some(_) => {}
        }
    }
    if cart.email.is_none() {
        miss("email_missing", "/email".into());
    }
    let ships =
        lines.iter().any(|line| line.sold.as_ref().is_some_and(|sold| sold.variant.requires_shipping));
    if ships && cart.shipping_address.is_none() {
        miss("shipping_address_missing", "/shippingAddress".into());
    }
    if ships && shipping_is_offered && cart.shipping_option_id.is_none() {
        miss("shipping_option_missing", "/shippingOptionId".into());
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Id;

    fn id<T>(number: u128) -> Id<T> {
        Id::from_uuid(Uuid::from_u128(number))
    }

    fn cart() -> Cart {
        Cart {
            id: id(1),
            status: CartStatus::Open,
            currency: "USD".parse().unwrap(),
            customer_id: None,
            token_hash: Vec::new(),
            email: None,
            shipping_address: None,
            billing_address: None,
            shipping_option_id: None,
            items: Vec::new(),
            order_id: None,
            version: 1,
            created_at: Moment::from_micros(0),
            updated_at: Moment::from_micros(0),
        }
    }

    #[test]
    fn the_same_variant_twice_is_one_line() {
        let mut cart = cart();
        cart.add(id(1), id(7), 2).unwrap();
        cart.add(id(2), id(7), 3).unwrap();
        assert_eq!(cart.items, [CartItem { id: id(1), variant_id: id(7), quantity: 5 }]);
    }

    #[test]
    fn a_quantity_is_at_least_one_and_bounded() {
        let mut cart = cart();
        for quantity in [0, -1, i64::from(i32::MIN), LARGEST_QUANTITY + 1, i64::MAX] {
            assert_eq!(cart.add(id(1), id(7), quantity), Err(CartRefusal::InvalidQuantity));
        }
        cart.add(id(1), id(7), LARGEST_QUANTITY).unwrap();
        assert_eq!(cart.add(id(2), id(7), 1), Err(CartRefusal::InvalidQuantity));
        assert_eq!(cart.set_quantity(id(1), 0), Err(CartRefusal::InvalidQuantity));
    }

    #[test]
    fn a_cart_has_only_so_many_lines() {
        let mut cart = cart();
        for number in 0..BATCH as u128 {
            cart.add(id(number), id(number), 1).unwrap();
        }
        assert_eq!(cart.add(id(1), id(1_000_000), 1), Err(CartRefusal::TooManyLines));
    }

    #[test]
    fn a_cart_that_is_being_paid_cannot_be_changed() {
        let mut cart = cart();
        cart.status = CartStatus::Completing;
        assert_eq!(cart.writable(), Err(CartRefusal::Locked { status: CartStatus::Completing }));
    }

    #[test]
    fn an_empty_cart_says_what_is_missing() {
        let codes: Vec<_> =
            requirements(&cart(), &[], true).into_iter().map(|missing| missing.code).collect();
        assert_eq!(codes, ["items_missing", "email_missing"]);
    }
}
