//! The catalogue: products on sale, as customers see them.
//!
//! It has no things of its own. It is the reading side of products, prices and stock, and the only place that keeps
//! finished answers.

pub(crate) mod http;
pub(crate) mod kept;
pub(crate) mod service;
pub(crate) mod store;
pub(crate) mod view;

use kernel::{Moment, Money};
use product_api::{ProductId, VariantId};

use crate::image::Image;
use crate::option::Axis;

/// A product on sale, with its prices in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Its id.
    pub id: ProductId,
    /// What it is called in addresses.
    pub slug: String,
    /// What the customer reads.
    pub title: String,
    /// What there is to say about it.
    pub description: Option<String>,
    /// Who makes it.
    pub vendor: Option<String>,
    /// What kind of thing it is.
    pub kind: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// In what its variants differ.
    pub options: Vec<Axis>,
    /// Its images.
    pub images: Vec<Image>,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
    /// Its variants.
    pub variants: Vec<ShownVariant>,
}

/// A variant on sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShownVariant {
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
    /// Its value on each axis.
    pub options: Vec<String>,
    /// What one costs, before tax; absent when it is not sold in that currency.
    pub price: Option<Money>,
    /// What it used to cost.
    pub compare_at: Option<Money>,
    /// Whether it has to be shipped.
    pub requires_shipping: bool,
    /// What it weighs.
    pub weight_grams: Option<i64>,
    /// How many could be bought now.
    pub available: i64,
}

/// How somebody names a product in an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    /// By its id.
    Id(ProductId),
    /// By its slug.
    Slug(String),
}

impl Name {
    /// What this text names; `None` when it can be neither.
    pub(crate) fn read(text: &str) -> Option<Self> {
        match text.parse() {
            Ok(id) => Some(Self::Id(id)),
            Err(_) => crate::slug::check(text).is_ok().then(|| Self::Slug(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_named_by_id_or_slug() {
        let id: ProductId = kernel::Id::from_uuid(uuid::Uuid::from_u128(7));
        assert_eq!(Name::read(&id.to_string()), Some(Name::Id(id)));
        assert_eq!(Name::read("mug"), Some(Name::Slug("mug".into())));
        assert_eq!(Name::read("%7e"), None);
    }
}
