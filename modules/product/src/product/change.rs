//! How a product that is known becomes different: by a change of some fields, or by being handed in once more.

use kernel::Moment;
use product_api::VariantId;

use super::{MOST_VARIANTS, NewProduct, Product, ProductStatus};
use crate::image::Image;
use crate::option::{self, Axis};
use crate::refusal::{Fault, Place, Refusal};
use crate::variant::{NewVariant, VariantChange};

/// What is to be different about a product. Absent keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ProductChange {
    /// What the customer reads.
    pub title: Option<String>,
    /// What it is called in addresses.
    pub slug: Option<String>,
    /// What there is to say about it.
    pub description: Option<Option<String>>,
    /// Who makes it.
    pub vendor: Option<Option<String>>,
    /// What kind of thing it is.
    pub kind: Option<Option<String>>,
    /// All its tags.
    pub tags: Option<Vec<String>>,
    /// Whether it is sold.
    pub status: Option<ProductStatus>,
    /// All its images.
    pub images: Option<Vec<Image>>,
}

/// What became of a variant when its product was handed in once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recount {
    /// The variant.
    pub variant_id: VariantId,
    /// How many there are now.
    pub on_hand: i64,
}

impl Product {
    /// Changes what is to be different.
    ///
    /// # Errors
    /// It could not be like that.
    pub(crate) fn change(&mut self, change: ProductChange, now: Moment) -> Result<(), Refusal> {
        let ProductChange { title, slug, description, vendor, kind, tags, status, images } = change;
        self.title = title.unwrap_or(std::mem::take(&mut self.title));
        self.slug = slug.unwrap_or(std::mem::take(&mut self.slug));
        self.description = description.unwrap_or(self.description.take());
        self.vendor = vendor.unwrap_or(self.vendor.take());
        self.kind = kind.unwrap_or(self.kind.take());
        self.tags = tags.unwrap_or(std::mem::take(&mut self.tags));
        self.status = status.unwrap_or(self.status);
        self.images = images.unwrap_or(std::mem::take(&mut self.images));
        self.updated_at = now;
        self.check()
    }

    /// Changes one of its variants.
    ///
    /// # Errors
    /// It could not be like that, or could not be told apart from another.
    pub(crate) fn change_variant(
        &mut self,
        id: VariantId,
        change: VariantChange,
        now: Moment,
    ) -> Result<(), Refusal> {
        let Some(variant) = self.variants.iter_mut().find(|variant| variant.id == id) else { return Ok(()) };
        variant.change(change, now)?;
        let changed = variant.clone();
        self.updated_at = now;
        self.tell_apart(&changed).map_err(|field| Fault::Twice.at(Place::Field(field)))
    }

    /// Takes over everything of a product that is handed in once more, such as in a file. Variants are recognised by
    /// their option values; those that are not mentioned stay as they are, since orders may speak of them.
    ///
    /// Returns the variants that are known and whose stock is told.
    ///
    /// # Errors
    /// It has other axes, or could not be like that.
    pub(crate) fn take_over(
        &mut self,
        new: NewProduct,
        mut next_id: impl FnMut() -> VariantId,
        now: Moment,
    ) -> Result<Vec<Recount>, Refusal> {
        let names = |axes: &[Axis]| axes.iter().map(|axis| axis.name.clone()).collect::<Vec<_>>();
        let variants = new.variants.unwrap_or_default();
        // Without options only a lone variant can be recognised.
        let ambiguous = self.options.is_empty() && self.variants.len() > 1;
        if ambiguous || names(&self.options) != names(&new.options) {
            return Err(Fault::OtherOptions.at(Place::Field("options")));
        }
        self.change(
            ProductChange {
                title: Some(new.title),
                slug: None,
                description: Some(new.description),
                vendor: Some(new.vendor),
                kind: Some(new.kind),
                tags: Some(new.tags),
                status: Some(new.status),
                images: Some(new.images),
            },
            now,
        )?;
        let mut recounts = Vec::new();
        for (index, variant) in variants.into_iter().enumerate() {
            recounts.extend(self.take_over_variant(variant, &mut next_id, now, index)?);
        }
        if self.variants.len() > MOST_VARIANTS {
            return Err(Fault::TooMany(MOST_VARIANTS).at(Place::Field("variants")));
        }
        self.check()?;
        Ok(recounts)
    }

    fn take_over_variant(
        &mut self,
        mut new: NewVariant,
        next_id: &mut impl FnMut() -> VariantId,
        now: Moment,
        index: usize,
    ) -> Result<Option<Recount>, Refusal> {
        let values = option::resolve(&self.options, new.options.clone())
            .map_err(|fault| fault.at(Place::Variant(index, "options")))?;
        let Some(known) = self.variants.iter().position(|variant| variant.options == values) else {
            self.put(new, next_id(), now, Some(index))?;
            return Ok(None);
        };
        let stock = new.stock;
        if let Some(url) = new.image.take() {
            self.show(url, self.variants[known].id);
        }
        let old = &self.variants[known];
        let (title, version, place) = (old.title.clone(), old.version, old.place);
        let (id, created_at) = (old.id, old.created_at);
        let (on_hand, reserved) = (old.on_hand, old.reserved);
        // A file knows prices in one currency; those in others stay.
        let mut prices = new.prices.clone();
        prices.extend(
            old.prices.iter().filter(|price| !new.prices.iter().any(|p| p.currency() == price.currency())),
        );
        new.prices = prices;
        new.title.get_or_insert(title);
        let mut variant = new.into_variant(id, self.id, place, values, now, Some(index))?;
        variant.version = version;
        variant.created_at = created_at;
        variant.on_hand = on_hand;
        variant.reserved = reserved;
        self.tell_apart(&variant).map_err(|field| Fault::Twice.at(Place::Variant(index, field)))?;
        self.variants[known] = variant;
        Ok(stock.map(|on_hand| Recount { variant_id: id, on_hand }))
    }
}
