//! Variants as staff get them.

use kernel::{Currency, Moment};
use product_api::{ProductId, VariantId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::catalogue::view::{ChosenView, chosen};
use crate::option::Axis;
use crate::variant::{Price, Variant};

/// A variant.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VariantView {
    /// Its id.
    pub id: VariantId,
    /// Its product.
    pub product_id: ProductId,
    /// The stock keeping unit.
    pub sku: Option<String>,
    /// The barcode.
    pub barcode: Option<String>,
    /// What the customer reads.
    pub title: String,
    /// What it is on each option of its product.
    pub options: Vec<ChosenView>,
    /// Its price in each currency it is sold in.
    pub prices: Vec<PriceView>,
    /// Whether it has to be shipped.
    pub requires_shipping: bool,
    /// Whether tax is due on it.
    pub taxable: bool,
    /// What it weighs.
    pub weight_grams: Option<i64>,
    /// How much of it there is, over all locations.
    pub stock: StockView,
    /// Rises with every change of the variant itself; also in its `ETag`.
    pub version: i64,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
}

/// A price in one currency.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PriceView {
    /// What one costs in minor units, before tax.
    pub amount: i64,
    /// The currency.
    pub currency: Currency,
    /// What it used to cost, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare_at_amount: Option<i64>,
}

/// How much there is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StockView {
    /// How many are there.
    pub on_hand: i64,
    /// How many of them are set aside.
    pub reserved: i64,
    /// How many can be bought.
    pub available: i64,
}

impl VariantView {
    /// A variant of a product with these axes.
    pub(crate) fn of(axes: &[Axis], variant: Variant) -> Self {
        Self {
            id: variant.id,
            product_id: variant.product_id,
            sku: variant.sku,
            barcode: variant.barcode,
            title: variant.title,
            options: chosen(axes, variant.options),
            prices: variant.prices.into_iter().map(PriceView::from).collect(),
            requires_shipping: variant.requires_shipping,
            taxable: variant.taxable,
            weight_grams: variant.weight_grams,
            stock: StockView {
                on_hand: variant.on_hand,
                reserved: variant.reserved,
                available: variant.on_hand - variant.reserved,
            },
            version: variant.version,
            created_at: variant.created_at,
            updated_at: variant.updated_at,
        }
    }
}

impl From<Price> for PriceView {
    fn from(price: Price) -> Self {
        Self { amount: price.price.amount, currency: price.currency(), compare_at_amount: price.compare_at }
    }
}
