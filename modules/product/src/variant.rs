//! A variant: one combination of a product's option values, and what is bought.

pub(crate) mod body;
pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;
pub(crate) mod view;

use kernel::{Currency, Moment, Money};
use product_api::{ProductId, VariantId};
use serde::{Deserialize, Serialize};

use crate::option::Chosen;
use crate::refusal::{Fault, Place, Refusal, line, range};

/// The largest amount of a price, in minor units.
pub(crate) const LARGEST_AMOUNT: i64 = 1_000_000_000_000_000;
/// The most of a variant that can be put on a shelf at once.
pub(crate) const LARGEST_STOCK: i64 = 1_000_000_000;
const LONGEST_CODE: usize = 100;
const LONGEST_TITLE: usize = 400;
const HEAVIEST: i64 = 1_000_000_000;
/// More currencies than there are.
const MOST_PRICES: usize = 200;

/// A variant, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variant {
    /// Its id.
    pub id: VariantId,
    /// Its product; fixed.
    pub product_id: ProductId,
    /// Where it stands among the product's variants.
    pub place: i64,
    /// The stock keeping unit; nobody else has it.
    pub sku: Option<String>,
    /// The barcode; nobody else has it.
    pub barcode: Option<String>,
    /// What the customer reads: `Blue / M`.
    pub title: String,
    /// Its value on each of the product's axes.
    pub options: Vec<String>,
    /// Its price in each currency it is sold in.
    pub prices: Vec<Price>,
    /// Whether it has to be shipped.
    pub requires_shipping: bool,
    /// Whether tax is due on it.
    pub taxable: bool,
    /// What it weighs.
    pub weight_grams: Option<i64>,
    /// How much is there, over all locations.
    pub on_hand: i64,
    /// How much of that is set aside.
    pub reserved: i64,
    /// Rises with every change.
    pub version: i64,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
}

/// A price in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Price {
    /// What one costs, before tax.
    pub price: Money,
    /// What it used to cost, in the same currency.
    pub compare_at: Option<i64>,
}

impl Price {
    /// The currency.
    pub(crate) const fn currency(&self) -> Currency {
        self.price.currency
    }
}

/// A variant as it is handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NewVariant {
    /// The stock keeping unit.
    pub sku: Option<String>,
    /// The barcode.
    pub barcode: Option<String>,
    /// What the customer reads; made of the option values when absent.
    pub title: Option<String>,
    /// Its option values.
    pub options: Chosen,
    /// Its prices.
    pub prices: Vec<Price>,
    /// Whether it has to be shipped.
    pub requires_shipping: bool,
    /// Whether tax is due on it.
    pub taxable: bool,
    /// What it weighs.
    pub weight_grams: Option<i64>,
    /// How many are on the shelf.
    pub stock: Option<i64>,
    /// The address of an image of it.
    pub image: Option<String>,
}

impl Default for NewVariant {
    fn default() -> Self {
        Self {
            sku: None,
            barcode: None,
            title: None,
            options: Chosen::Nothing,
            prices: Vec::new(),
            requires_shipping: true,
            taxable: true,
            weight_grams: None,
            stock: None,
            image: None,
        }
    }
}

/// What is to be different about a variant. Absent keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct VariantChange {
    /// The stock keeping unit.
    pub sku: Option<Option<String>>,
    /// The barcode.
    pub barcode: Option<Option<String>>,
    /// What the customer reads.
    pub title: Option<String>,
    /// All its prices.
    pub prices: Option<Vec<Price>>,
    /// Whether it has to be shipped.
    pub requires_shipping: Option<bool>,
    /// Whether tax is due on it.
    pub taxable: Option<bool>,
    /// What it weighs.
    pub weight_grams: Option<Option<i64>>,
}

impl NewVariant {
    /// The variant, if it can be one. `values` are its option values; `at` says where one of its fields stands.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn into_variant(
        self,
        id: VariantId,
        product_id: ProductId,
        place: i64,
        values: Vec<String>,
        now: Moment,
        at: Option<usize>,
    ) -> Result<Variant, Refusal> {
        let title = match self.title {
            Some(title) => title,
            None if values.is_empty() => "Default".to_owned(),
            None => values.join(" / "),
        };
        let stock = self.stock.unwrap_or(0);
        range(stock, LARGEST_STOCK).map_err(|fault| fault.at(field(at, "stock")))?;
        let variant = Variant {
            id,
            product_id,
            place,
            sku: self.sku,
            barcode: self.barcode,
            title,
            options: values,
            prices: self.prices,
            requires_shipping: self.requires_shipping,
            taxable: self.taxable,
            weight_grams: self.weight_grams,
            on_hand: stock,
            reserved: 0,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        variant.check(at)?;
        Ok(variant)
    }
}

impl Variant {
    /// Changes what is to be different.
    ///
    /// # Errors
    /// It could not be like that.
    pub(crate) fn change(&mut self, change: VariantChange, now: Moment) -> Result<(), Refusal> {
        let VariantChange { sku, barcode, title, prices, requires_shipping, taxable, weight_grams } = change;
        self.sku = sku.unwrap_or(self.sku.take());
        self.barcode = barcode.unwrap_or(self.barcode.take());
        self.title = title.unwrap_or(std::mem::take(&mut self.title));
        self.prices = prices.unwrap_or(std::mem::take(&mut self.prices));
        self.requires_shipping = requires_shipping.unwrap_or(self.requires_shipping);
        self.taxable = taxable.unwrap_or(self.taxable);
        self.weight_grams = weight_grams.unwrap_or(self.weight_grams);
        self.updated_at = now;
        self.check(None)
    }

    fn check(&self, at: Option<usize>) -> Result<(), Refusal> {
        let codes = [("sku", &self.sku), ("barcode", &self.barcode)];
        for (name, code) in codes {
            let checked = code.as_deref().map_or(Ok(()), |code| line(code, LONGEST_CODE));
            checked.map_err(|fault| fault.at(field(at, name)))?;
        }
        line(&self.title, LONGEST_TITLE).map_err(|fault| fault.at(field(at, "title")))?;
        range(self.weight_grams.unwrap_or(0), HEAVIEST)
            .map_err(|fault| fault.at(field(at, "weightGrams")))?;
        check_prices(&self.prices, at)
    }
}

/// Checks prices: one for each currency, none negative.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn check_prices(prices: &[Price], at: Option<usize>) -> Result<(), Refusal> {
    if prices.len() > MOST_PRICES {
        return Err(Fault::TooMany(MOST_PRICES).at(field(at, "prices")));
    }
    for (index, price) in prices.iter().enumerate() {
        range(price.price.amount, LARGEST_AMOUNT)
            .map_err(|fault| fault.at(Place::Price(at, index, "amount")))?;
        range(price.compare_at.unwrap_or(0), LARGEST_AMOUNT)
            .map_err(|fault| fault.at(Place::Price(at, index, "compareAtAmount")))?;
        let currency = price.currency();
        if prices[..index].iter().any(|other| other.currency() == currency) {
            return Err(Fault::TwoPrices(currency).at(Place::Price(at, index, "currency")));
        }
    }
    Ok(())
}

const fn field(at: Option<usize>, name: &'static str) -> Place {
    match at {
        Some(index) => Place::Variant(index, name),
        None => Place::Field(name),
    }
}
