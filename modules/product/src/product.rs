//! A product: what the shop shows. It is bought as one of its variants.

pub(crate) mod body;
pub(crate) mod change;
pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;
pub(crate) mod view;

use kernel::Moment;
use product_api::{ProductId, VariantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::image::{self, Image};
use crate::option::{self, Axis, Chosen};
use crate::refusal::{Fault, Place, Refusal, line, prose, twice};
use crate::slug;
use crate::variant::{NewVariant, Price, Variant, check_prices};

/// Variants of a product at the most.
pub(crate) const MOST_VARIANTS: usize = 500;
const LONGEST_TITLE: usize = 200;
const LONGEST_DESCRIPTION: usize = 100_000;
const MOST_TAGS: usize = 250;

/// A product, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Product {
    /// Its id.
    pub id: ProductId,
    /// What it is called in addresses; nobody else has it.
    pub slug: String,
    /// What the customer reads.
    pub title: String,
    /// What there is to say about it; may be HTML.
    pub description: Option<String>,
    /// Who makes it.
    pub vendor: Option<String>,
    /// What kind of thing it is.
    pub kind: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Whether it is sold.
    pub status: ProductStatus,
    /// In what its variants differ.
    pub options: Vec<Axis>,
    /// Its images, in the order in which they are shown.
    pub images: Vec<Image>,
    /// Rises with every change, those of its variants included.
    pub version: i64,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
    /// Its variants, in the order in which they are offered; at least one.
    pub variants: Vec<Variant>,
}

/// Whether a product is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ProductStatus {
    /// Not yet: only staff see it.
    #[default]
    Draft,
    /// It is sold.
    Active,
    /// No longer. It is kept because orders speak of it.
    Archived,
}

impl ProductStatus {
    /// All of them.
    pub(crate) const ALL: &[Self] = &[Self::Draft, Self::Active, Self::Archived];

    /// As it is stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Archived => "archived",
        }
    }
}

impl TryFrom<String> for ProductStatus {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = Self::ALL.iter().copied().find(|status| status.as_str() == text);
        known.ok_or_else(|| format!("`{text}` is no status of a product"))
    }
}

/// A product as it is handed in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct NewProduct {
    /// What the customer reads.
    pub title: String,
    /// What it is called in addresses; made of the title when absent.
    pub slug: Option<String>,
    /// What there is to say about it.
    pub description: Option<String>,
    /// Who makes it.
    pub vendor: Option<String>,
    /// What kind of thing it is.
    pub kind: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Whether it is sold.
    pub status: ProductStatus,
    /// In what its variants differ. Values may be left to the variants.
    pub options: Vec<Axis>,
    /// Its variants; one for each combination of the option values when absent.
    pub variants: Option<Vec<NewVariant>>,
    /// The prices of each variant that names none.
    pub prices: Vec<Price>,
    /// Its images.
    pub images: Vec<Image>,
}

impl Product {
    /// A product under this slug, if it can be one. `next_id` gives the ids of its variants.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(crate) fn new(
        id: ProductId,
        slug: String,
        new: NewProduct,
        mut next_id: impl FnMut() -> VariantId,
        now: Moment,
    ) -> Result<Self, Refusal> {
        option::check(&new.options)?;
        check_prices(&new.prices, None)?;
        let mut product = Self {
            id,
            slug,
            title: new.title,
            description: new.description,
            vendor: new.vendor,
            kind: new.kind,
            tags: new.tags,
            status: new.status,
            options: new.options,
            images: new.images,
            version: 1,
            created_at: now,
            updated_at: now,
            variants: Vec::new(),
        };
        for (index, mut variant) in product.lay_out(new.variants)?.into_iter().enumerate() {
            if variant.prices.is_empty() {
                variant.prices.clone_from(&new.prices);
            }
            product.put(variant, next_id(), now, Some(index))?;
        }
        product.check()?;
        Ok(product)
    }

    /// Adds a variant. A value that is new to an axis is added to it.
    ///
    /// # Errors
    /// It has the combination, title or code of another, or cannot be a variant.
    pub(crate) fn add(&mut self, new: NewVariant, id: VariantId, now: Moment) -> Result<(), Refusal> {
        if self.variants.len() >= MOST_VARIANTS {
            return Err(Fault::TooMany(MOST_VARIANTS).at(Place::Field("options")));
        }
        self.put(new, id, now, None)?;
        self.updated_at = now;
        self.check()
    }

    /// The variants as they were handed in, or one for each combination; fixes the axes on the way.
    fn lay_out(&mut self, given: Option<Vec<NewVariant>>) -> Result<Vec<NewVariant>, Refusal> {
        let Some(variants) = given else {
            let combinations = option::combinations(&self.options, MOST_VARIANTS)?;
            return Ok(combinations
                .into_iter()
                .map(|values| NewVariant { options: Chosen::Values(values), ..NewVariant::default() })
                .collect());
        };
        let Some(first) = variants.first() else {
            return Err(Fault::Empty.at(Place::Field("variants")));
        };
        if variants.len() > MOST_VARIANTS {
            return Err(Fault::TooMany(MOST_VARIANTS).at(Place::Field("variants")));
        }
        if self.options.is_empty() {
            self.options = option::implied(&first.options);
            option::check(&self.options)?;
        }
        Ok(variants)
    }

    fn put(
        &mut self,
        mut new: NewVariant,
        id: VariantId,
        now: Moment,
        at: Option<usize>,
    ) -> Result<(), Refusal> {
        let place = |field| at.map_or(Place::Field(field), |index| Place::Variant(index, field));
        let chosen = std::mem::take(&mut new.options);
        let values = option::resolve(&self.options, chosen).map_err(|fault| fault.at(place("options")))?;
        option::extend(&mut self.options, &values);
        if let Some(url) = new.image.take() {
            image::url(&url).map_err(|fault| fault.at(place("image")))?;
            self.show(url, id);
        }
        let next = self.variants.iter().map(|variant| variant.place + 1).max().unwrap_or(0);
        let variant = new.into_variant(id, self.id, next, values, now, at)?;
        self.tell_apart(&variant).map_err(|field| Fault::Twice.at(place(field)))?;
        self.variants.push(variant);
        Ok(())
    }

    /// Says that the image at this address shows this variant.
    fn show(&mut self, url: String, variant: VariantId) {
        match self.images.iter_mut().find(|image| image.url == url && image.variant_id.is_none()) {
            Some(image) => image.variant_id = Some(variant),
            None => self.images.push(Image { url, alt: None, variant_id: Some(variant) }),
        }
    }

    /// Whether the variant can be told apart from the others.
    ///
    /// # Errors
    /// The field in which it cannot.
    fn tell_apart(&self, new: &Variant) -> Result<(), &'static str> {
        for other in self.variants.iter().filter(|other| other.id != new.id) {
            if self.options.is_empty() && other.title == new.title {
                return Err("title");
            }
            if !self.options.is_empty() && other.options == new.options {
                return Err("options");
            }
            if new.sku.is_some() && other.sku == new.sku {
                return Err("sku");
            }
            if new.barcode.is_some() && other.barcode == new.barcode {
                return Err("barcode");
            }
        }
        Ok(())
    }

    /// What must hold for the product itself and its parts together.
    fn check(&self) -> Result<(), Refusal> {
        let field = |name| move |fault: Fault| fault.at(Place::Field(name));
        slug::check(&self.slug).map_err(field("slug"))?;
        line(&self.title, LONGEST_TITLE).map_err(field("title"))?;
        prose(self.description.as_deref().unwrap_or(""), LONGEST_DESCRIPTION)
            .map_err(field("description"))?;
        for (name, text) in [("vendor", &self.vendor), ("type", &self.kind)] {
            text.as_deref().map_or(Ok(()), |text| line(text, LONGEST_TITLE)).map_err(field(name))?;
        }
        if self.tags.len() > MOST_TAGS {
            return Err(Fault::TooMany(MOST_TAGS).at(Place::Field("tags")));
        }
        if let Some(at) = twice(&self.tags) {
            return Err(Fault::Twice.at(Place::Tag(at)));
        }
        for (index, tag) in self.tags.iter().enumerate() {
            line(tag, LONGEST_TITLE).map_err(|fault| fault.at(Place::Tag(index)))?;
        }
        option::check(&self.options)?;
        let variants: Vec<VariantId> = self.variants.iter().map(|variant| variant.id).collect();
        image::check(&self.images, &variants)
    }
}

#[cfg(test)]
mod tests;
