//! Products as staff hand them in.

use product_api::VariantId;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::image::Image;
use crate::option::Axis;
use crate::product::change::ProductChange;
use crate::product::{NewProduct, ProductStatus};
use crate::variant::body::{PriceBody, VariantBody};

/// A new product.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProductBody {
    /// What the customer reads.
    #[schema(example = "Ocean Blue Shirt")]
    pub title: String,
    /// What it is called in addresses; made of the title when absent.
    #[serde(default)]
    #[schema(example = "ocean-blue-shirt")]
    pub slug: Option<String>,
    /// What there is to say about it.
    #[serde(default)]
    pub description: Option<String>,
    /// Who makes it.
    #[serde(default)]
    pub vendor: Option<String>,
    /// What kind of thing it is.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Whether it is sold; a draft when absent.
    #[serde(default)]
    pub status: ProductStatus,
    /// In what its variants differ.
    #[serde(default)]
    pub options: Vec<OptionBody>,
    /// Its variants; one for each combination of the option values when absent.
    #[serde(default)]
    pub variants: Option<Vec<VariantBody>>,
    /// The prices of each variant that names none.
    #[serde(default)]
    pub prices: Vec<PriceBody>,
    /// Its images, in the order in which they are shown.
    #[serde(default)]
    pub images: Vec<ImageBody>,
}

/// An option and what can be chosen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OptionBody {
    /// What it is called.
    #[schema(example = "Size")]
    pub name: String,
    /// What can be chosen; gathered from the variants when absent.
    #[serde(default)]
    pub values: Vec<String>,
}

/// An image.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ImageBody {
    /// Where it is: an http or https address. The shop never fetches it.
    #[schema(example = "https://cdn.example.com/shirt.jpg")]
    pub url: String,
    /// What it shows, for who cannot see it.
    #[serde(default)]
    pub alt: Option<String>,
    /// The variant it shows; all of them when absent.
    #[serde(default)]
    pub variant_id: Option<VariantId>,
}

/// What is to be different about a product. Absent keeps, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProductPatchBody {
    /// What the customer reads.
    #[serde(default)]
    pub title: Option<String>,
    /// What it is called in addresses.
    #[serde(default)]
    pub slug: Option<String>,
    /// What there is to say about it.
    #[serde(default, deserialize_with = "platform::http::patch")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Option<String>>,
    /// Who makes it.
    #[serde(default, deserialize_with = "platform::http::patch")]
    #[schema(value_type = Option<String>)]
    pub vendor: Option<Option<String>>,
    /// What kind of thing it is.
    #[serde(default, rename = "type", deserialize_with = "platform::http::patch")]
    #[schema(value_type = Option<String>)]
    pub kind: Option<Option<String>>,
    /// All its tags.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// Whether it is sold.
    #[serde(default)]
    pub status: Option<ProductStatus>,
    /// All its images.
    #[serde(default)]
    pub images: Option<Vec<ImageBody>>,
}

impl From<ProductBody> for NewProduct {
    fn from(body: ProductBody) -> Self {
        let axis = |option: OptionBody| Axis { name: option.name, values: option.values };
        Self {
            title: body.title,
            slug: body.slug,
            description: body.description,
            vendor: body.vendor,
            kind: body.kind,
            tags: body.tags,
            status: body.status,
            options: body.options.into_iter().map(axis).collect(),
            variants: body.variants.map(|variants| variants.into_iter().map(Into::into).collect()),
            prices: body.prices.into_iter().map(Into::into).collect(),
            images: body.images.into_iter().map(Image::from).collect(),
        }
    }
}

impl From<ImageBody> for Image {
    fn from(body: ImageBody) -> Self {
        Self { url: body.url, alt: body.alt, variant_id: body.variant_id }
    }
}

impl From<ProductPatchBody> for ProductChange {
    fn from(body: ProductPatchBody) -> Self {
        Self {
            title: body.title,
            slug: body.slug,
            description: body.description,
            vendor: body.vendor,
            kind: body.kind,
            tags: body.tags,
            status: body.status,
            images: body.images.map(|images| images.into_iter().map(Image::from).collect()),
        }
    }
}
