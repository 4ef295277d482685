//! Products as staff get them.

use kernel::Moment;
use product_api::ProductId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::catalogue::view::{ImageView, OptionView, images};
use crate::product::{Product, ProductStatus};
use crate::variant::view::VariantView;

/// A product.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductView {
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
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Whether it is sold.
    pub status: ProductStatus,
    /// In what its variants differ.
    pub options: Vec<OptionView>,
    /// Its images, in the order in which they are shown.
    pub images: Vec<ImageView>,
    /// Its variants.
    pub variants: Vec<VariantView>,
    /// Rises with every change; also in the `ETag`.
    pub version: i64,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
}

impl From<Product> for ProductView {
    fn from(product: Product) -> Self {
        let axes = product.options;
        Self {
            id: product.id,
            slug: product.slug,
            title: product.title,
            description: product.description,
            vendor: product.vendor,
            kind: product.kind,
            tags: product.tags,
            status: product.status,
            variants: product.variants.into_iter().map(|variant| VariantView::of(&axes, variant)).collect(),
            options: axes.into_iter().map(OptionView::from).collect(),
            images: images(product.images),
            version: product.version,
            created_at: product.created_at,
            updated_at: product.updated_at,
        }
    }
}
