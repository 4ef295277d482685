//! Products as customers get them.

use kernel::{Moment, Money};
use product_api::{ProductId, VariantId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::catalogue::{Shown, ShownVariant};
use crate::image::Image;
use crate::option::Axis;

/// A product on sale.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownView {
    /// Its id.
    pub id: ProductId,
    /// What it is called in addresses.
    #[schema(example = "ocean-blue-shirt")]
    pub slug: String,
    /// What the customer reads.
    pub title: String,
    /// What there is to say about it; may be HTML as staff wrote it, so clean it before showing it.
    pub description: Option<String>,
    /// Who makes it.
    pub vendor: Option<String>,
    /// What kind of thing it is.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// In what its variants differ.
    pub options: Vec<OptionView>,
    /// Its images, in the order in which they are shown.
    pub images: Vec<ImageView>,
    /// Its variants.
    pub variants: Vec<ShownVariantView>,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
}

/// An option and what can be chosen.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OptionView {
    /// What it is called.
    #[schema(example = "Size")]
    pub name: String,
    /// What can be chosen.
    pub values: Vec<String>,
}

/// What a variant is on one option.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChosenView {
    /// The option.
    #[schema(example = "Size")]
    pub name: String,
    /// The value.
    #[schema(example = "M")]
    pub value: String,
}

/// An image.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageView {
    /// Where it is.
    pub url: String,
    /// What it shows, for who cannot see it.
    pub alt: Option<String>,
    /// Its place among the product's images, from 1.
    pub position: usize,
    /// The variant it shows; all of them when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
}

/// A variant on sale.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownVariantView {
    /// Its id: what goes into a cart.
    pub id: VariantId,
    /// The stock keeping unit.
    pub sku: Option<String>,
    /// The barcode.
    pub barcode: Option<String>,
    /// What the customer reads.
    #[schema(example = "Blue / M")]
    pub title: String,
    /// What it is on each option.
    pub options: Vec<ChosenView>,
    /// What one costs, before tax; null when it is not sold in that currency.
    pub price: Option<Money>,
    /// What it used to cost.
    pub compare_at_price: Option<Money>,
    /// Whether it has to be shipped.
    pub requires_shipping: bool,
    /// What it weighs.
    pub weight_grams: Option<i64>,
    /// How many could be bought now.
    pub available: i64,
}

impl From<Shown> for ShownView {
    fn from(product: Shown) -> Self {
        let variant = |variant: ShownVariant| ShownVariantView {
            id: variant.id,
            sku: variant.sku,
            barcode: variant.barcode,
            title: variant.title,
            options: chosen(&product.options, variant.options),
            price: variant.price,
            compare_at_price: variant.compare_at,
            requires_shipping: variant.requires_shipping,
            weight_grams: variant.weight_grams,
            available: variant.available,
        };
        Self {
            id: product.id,
            slug: product.slug,
            title: product.title,
            description: product.description,
            vendor: product.vendor,
            kind: product.kind,
            tags: product.tags,
            variants: product.variants.into_iter().map(variant).collect(),
            options: product.options.into_iter().map(OptionView::from).collect(),
            images: images(product.images),
            created_at: product.created_at,
            updated_at: product.updated_at,
        }
    }
}

impl From<Axis> for OptionView {
    fn from(axis: Axis) -> Self {
        Self { name: axis.name, values: axis.values }
    }
}

/// The values of a variant beside the names of their axes.
pub(crate) fn chosen(axes: &[Axis], values: Vec<String>) -> Vec<ChosenView> {
    axes.iter().zip(values).map(|(axis, value)| ChosenView { name: axis.name.clone(), value }).collect()
}

/// Images with their positions.
pub(crate) fn images(images: Vec<Image>) -> Vec<ImageView> {
    let view = |(index, image): (usize, Image)| ImageView {
        url: image.url,
        alt: image.alt,
        position: index + 1,
        variant_id: image.variant_id,
    };
    images.into_iter().enumerate().map(view).collect()
}
