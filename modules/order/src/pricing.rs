//! What a cart comes to. The only source is the server's own prices, rates and options; nothing a client sends.

use kernel::{Currency, Money, MoneyError};
use product_api::QuotedVariant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A line to be priced: so many of a variant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PricedItem<'q> {
    /// How many.
    pub quantity: i64,
    /// The variant as it is sold now, with a price in the cart's currency.
    pub variant: &'q QuotedVariant,
    /// The price of one.
    pub unit_price: Money,
}

/// What one line comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinePrice {
    /// Unit price times quantity.
    pub total: Money,
    /// The line's part of the tax.
    pub tax: Money,
}

/// What it all comes to. `total` is the sum of the others, less the discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Totals {
    /// The lines, before tax.
    pub subtotal: Money,
    /// What is taken off.
    pub discount: Money,
    /// Shipping, before tax.
    pub shipping: Money,
    /// Tax on lines and shipping.
    pub tax: Money,
    /// What is to be paid.
    pub total: Money,
}

/// Prices lines, shipping and tax.
///
/// Tax is computed once on all that is taxed and then split over the lines by largest remainder, so that the lines'
/// tax adds up to the tax shown and no cent is made or lost.
///
/// # Errors
/// An amount does not fit, or currencies are mixed.
pub(crate) fn price(
    currency: Currency,
    items: &[PricedItem<'_>],
    shipping: Money,
    tax_basis_points: i64,
) -> Result<(Totals, Vec<LinePrice>), MoneyError> {
    let zero = Money::zero(currency);
    let mut subtotal = zero;
    let mut taxed = shipping;
    let mut totals = Vec::with_capacity(items.len());
    for item in items {
        let total = item.unit_price.times(item.quantity)?;
        subtotal = subtotal.plus(total)?;
        if item.variant.taxable {
            taxed = taxed.plus(total)?;
        }
        totals.push(total);
    }
    let tax = taxed.share(tax_basis_points)?;

    let mut weights: Vec<u64> = items
        .iter()
        .zip(&totals)
        .map(|(item, total)| if item.variant.taxable { total.amount.unsigned_abs() } else { 0 })
        .collect();
    weights.push(shipping.amount.unsigned_abs());
    let shares = tax.allocate(&weights);
    let lines = totals.into_iter().zip(shares).map(|(total, tax)| LinePrice { total, tax }).collect();

    let total = subtotal.plus(shipping)?.plus(tax)?;
    Ok((Totals { subtotal, discount: zero, shipping, tax, total }, lines))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Id;

    fn variant(taxable: bool) -> QuotedVariant {
        QuotedVariant {
            variant_id: Id::from_uuid(uuid::Uuid::nil()),
            product_id: Id::from_uuid(uuid::Uuid::nil()),
            product_title: "Tea".into(),
            variant_title: "Tin".into(),
            sku: None,
            unit_price: None,
            requires_shipping: true,
            taxable,
            available: 1,
        }
    }

    fn usd(amount: i64) -> Money {
        Money::new(amount, "USD".parse().unwrap())
    }

    #[test]
    fn the_total_is_the_sum_of_its_parts() {
        let (taxed, free) = (variant(true), variant(false));
        let items = [
            PricedItem { quantity: 3, variant: &taxed, unit_price: usd(333) },
            PricedItem { quantity: 1, variant: &free, unit_price: usd(1000) },
        ];
        let (totals, lines) = price("USD".parse().unwrap(), &items, usd(500), 725).unwrap();

        assert_eq!(totals.subtotal, usd(1999));
        assert_eq!(totals.tax, usd(109)); // 7.25 % of 14.99
        assert_eq!(totals.total, usd(1999 + 500 + 109));
        assert_eq!(lines[1].tax, usd(0));
        assert!(lines[0].tax.amount + 37 >= 109 && lines[0].tax.amount <= 73);
    }

    #[test]
    fn a_line_that_is_too_expensive_to_count_is_an_error() {
        let taxed = variant(true);
        let items = [PricedItem { quantity: 999_999, variant: &taxed, unit_price: usd(10_000_000_000_000) }];
        assert_eq!(price("USD".parse().unwrap(), &items, usd(0), 0), Err(MoneyError::TooLarge));
    }
}
