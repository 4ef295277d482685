//! Variants as staff hand them in.

use std::collections::BTreeMap;
use std::fmt;

use kernel::{Currency, Money};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use utoipa::ToSchema;

use crate::option::Chosen;
use crate::variant::{NewVariant, Price, VariantChange};

/// A new variant.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct VariantBody {
    /// The stock keeping unit; nobody else may have it.
    #[serde(default)]
    #[schema(example = "SHIRT-BLUE-M")]
    pub sku: Option<String>,
    /// The barcode; nobody else may have it.
    #[serde(default)]
    pub barcode: Option<String>,
    /// What the customer reads; made of the option values when absent.
    #[serde(default)]
    pub title: Option<String>,
    /// Its option values: `{"Size": "M"}`, or `["M"]` in the order of the product's options.
    #[serde(default)]
    #[schema(value_type = ChosenSchema)]
    pub options: ChosenBody,
    /// Its price in each currency it is sold in.
    #[serde(default)]
    pub prices: Vec<PriceBody>,
    /// Whether it has to be shipped; it has when absent.
    #[serde(default = "yes")]
    pub requires_shipping: bool,
    /// Whether tax is due on it; it is when absent.
    #[serde(default = "yes")]
    pub taxable: bool,
    /// What it weighs.
    #[serde(default)]
    pub weight_grams: Option<i64>,
    /// How many are on the shelf of the main location.
    #[serde(default)]
    #[schema(minimum = 0, example = 50)]
    pub stock: Option<i64>,
    /// The address of an image of it.
    #[serde(default)]
    pub image: Option<String>,
}

/// A price in one currency. Nothing is ever converted.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PriceBody {
    /// What one costs in minor units, before tax.
    #[schema(minimum = 0, example = 1999)]
    pub amount: i64,
    /// The currency.
    pub currency: Currency,
    /// What it used to cost, in minor units of the same currency.
    #[serde(default)]
    pub compare_at_amount: Option<i64>,
}

/// What is to be different about a variant. Absent keeps, null clears.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct VariantPatchBody {
    /// The stock keeping unit.
    #[serde(default, deserialize_with = "platform::http::patch")]
    #[schema(value_type = Option<String>)]
    pub sku: Option<Option<String>>,
    /// The barcode.
    #[serde(default, deserialize_with = "platform::http::patch")]
    #[schema(value_type = Option<String>)]
    pub barcode: Option<Option<String>>,
    /// What the customer reads.
    #[serde(default)]
    pub title: Option<String>,
    /// All its prices.
    #[serde(default)]
    pub prices: Option<Vec<PriceBody>>,
    /// Whether it has to be shipped.
    #[serde(default)]
    pub requires_shipping: Option<bool>,
    /// Whether tax is due on it.
    #[serde(default)]
    pub taxable: Option<bool>,
    /// What it weighs.
    #[serde(default, deserialize_with = "platform::http::patch")]
    #[schema(value_type = Option<i64>)]
    pub weight_grams: Option<Option<i64>>,
}

/// Option values, named or in order.
#[derive(Debug, Default)]
pub(crate) struct ChosenBody(Chosen);

/// The same for the description.
#[derive(serde::Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is described and never made")]
pub(crate) enum ChosenSchema {
    /// By the name of the option.
    Named(BTreeMap<String, String>),
    /// In the order of the product's options.
    Values(Vec<String>),
}

const fn yes() -> bool {
    true
}

impl<'de> Deserialize<'de> for ChosenBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChosenVisitor).map(Self)
    }
}

struct ChosenVisitor;

impl<'de> Visitor<'de> for ChosenVisitor {
    type Value = Chosen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of option values by name, or an array of them")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Chosen, A::Error> {
        let mut chosen = Vec::new();
        while let Some(value) = values.next_element()? {
            chosen.push(value);
        }
        Ok(Chosen::Values(chosen))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut values: A) -> Result<Chosen, A::Error> {
        let mut chosen = Vec::new();
        while let Some(pair) = values.next_entry()? {
            chosen.push(pair);
        }
        Ok(Chosen::Named(chosen))
    }
}

impl From<VariantBody> for NewVariant {
    fn from(body: VariantBody) -> Self {
        Self {
            sku: body.sku,
            barcode: body.barcode,
            title: body.title,
            options: body.options.0,
            prices: body.prices.into_iter().map(Price::from).collect(),
            requires_shipping: body.requires_shipping,
            taxable: body.taxable,
            weight_grams: body.weight_grams,
            stock: body.stock,
            image: body.image,
        }
    }
}

impl From<PriceBody> for Price {
    fn from(body: PriceBody) -> Self {
        Self { price: Money::new(body.amount, body.currency), compare_at: body.compare_at_amount }
    }
}

impl From<VariantPatchBody> for VariantChange {
    fn from(body: VariantPatchBody) -> Self {
        Self {
            sku: body.sku,
            barcode: body.barcode,
            title: body.title,
            prices: body.prices.map(|prices| prices.into_iter().map(Price::from).collect()),
            requires_shipping: body.requires_shipping,
            taxable: body.taxable,
            weight_grams: body.weight_grams,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(options: &str) -> Result<Chosen, String> {
        let body = format!("{{\"options\": {options}}}");
        let parsed = platform::http::parse::<VariantBody>(body.as_bytes());
        parsed.map(|body| body.options.0).map_err(|problem| problem.code().to_owned())
    }

    #[test]
    fn options_come_by_name_or_in_order() {
        let size = || ("Size".to_owned(), "M".to_owned());
        assert_eq!(read(r#"{"Size": "M"}"#), Ok(Chosen::Named(vec![size()])));
        assert_eq!(read(r#"["M"]"#), Ok(Chosen::Values(vec!["M".into()])));
    }

    #[test]
    fn options_are_never_guessed() {
        for bad in [r#""M""#, "1", "[1]", r#"{"Size": 1}"#, "null"] {
            assert_eq!(read(bad), Err("invalid_body".to_owned()), "{bad}");
        }
    }
}
