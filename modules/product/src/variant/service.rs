//! What one can do with variants.

use kernel::Clock;
use platform::{Commands, Db, DbError, Tx};
use product_api::{ProductId, ProductUpdated, VariantId};
use uuid::Uuid;

use super::{NewVariant, Variant, VariantChange, store};
use crate::catalogue::kept::Kept;
use crate::location::MAIN;
use crate::product::service::ProductError;
use crate::product::{self, Product};
use crate::refusal::Place;
use crate::stock::{self, Movement, MovementKind};

/// How often a variant is added again when somebody else changed its product meanwhile.
const TRIES: u32 = 5;

/// The variants.
#[derive(Clone)]
pub(crate) struct Variants {
    db: Db,
    kept: Kept,
    pub(super) commands: Commands,
}

impl Variants {
    /// The variants in this database.
    pub(crate) fn new(db: Db, kept: Kept, commands: Commands) -> Self {
        Self { db, kept, commands }
    }

    /// The product of a variant, with it.
    pub(crate) async fn find(&self, id: VariantId) -> Result<Product, ProductError> {
        let product = store::product_of(&self.db, id).await?.ok_or(ProductError::NotFound)?;
        product::store::find(&self.db, product).await?.ok_or(ProductError::NotFound)
    }

    /// Adds a variant to a product. The same id again is the same variant. `cause` is who brings its first stock.
    pub(crate) async fn add(
        &self,
        product: ProductId,
        id: VariantId,
        new: NewVariant,
        cause: &str,
    ) -> Result<Product, ProductError> {
        let mut tries = 1;
        loop {
            match self.try_add(product, id, new.clone(), cause).await {
                Err(ProductError::Changed | ProductError::Db(DbError::Unique(_))) if tries < TRIES => {
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    async fn try_add(
        &self,
        product: ProductId,
        id: VariantId,
        new: NewVariant,
        cause: &str,
    ) -> Result<Product, ProductError> {
        let clock = self.db.clock();
        let mut product = product::store::find(&self.db, product).await?.ok_or(ProductError::NotFound)?;
        if product.variants.iter().any(|variant| variant.id == id) {
            return Ok(product);
        }
        product.add(new, id, clock.now())?;
        let added: Vec<&Variant> = product.variants.iter().filter(|variant| variant.id == id).collect();
        let mut tx = self.db.begin().await?;
        if !product::store::update(&mut tx, &product).await? {
            return Err(ProductError::Changed);
        }
        if let Some((_, field)) = taken(&mut tx, &added).await? {
            return Err(ProductError::CodeTaken(Place::Field(field)));
        }
        store::save(&mut tx, &added).await?;
        store::save_prices(&mut tx, &added).await?;
        stock::store::insert_levels(&mut tx, &added).await?;
        let received = first_stock(clock, &added, MovementKind::Received, id.uuid(), cause);
        stock::store::enter(&mut tx, &received);
        tx.publish(&ProductUpdated { product_id: product.id }).await?;
        self.kept.end_with(&mut tx, [product.id]);
        tx.commit().await?;
        product.version += 1;
        Ok(product)
    }

    /// Changes a variant of a product as it was read, unless somebody else did so since.
    pub(crate) async fn update(
        &self,
        product: Product,
        id: VariantId,
        change: VariantChange,
    ) -> Result<Product, ProductError> {
        match self.try_update(product.clone(), id, change.clone()).await {
            // Somebody took a code between the look and the change; a second look says which.
            Err(ProductError::Db(DbError::Unique(_))) => self.try_update(product, id, change).await,
            other => other,
        }
    }

    async fn try_update(
        &self,
        mut product: Product,
        id: VariantId,
        change: VariantChange,
    ) -> Result<Product, ProductError> {
        product.change_variant(id, change, self.db.clock().now())?;
        let Some(variant) = product.variants.iter_mut().find(|variant| variant.id == id) else {
            return Err(ProductError::NotFound);
        };
        let mut tx = self.db.begin().await?;
        if let Some((_, field)) = taken(&mut tx, &[&*variant]).await? {
            return Err(ProductError::CodeTaken(Place::Field(field)));
        }
        if !store::update(&mut tx, variant).await? {
            return Err(ProductError::Changed);
        }
        store::delete_other_prices(&mut tx, variant).await?;
        store::save_prices(&mut tx, &[&*variant]).await?;
        variant.version += 1;
        if !product::store::update(&mut tx, &product).await? {
            return Err(ProductError::Changed);
        }
        tx.publish(&ProductUpdated { product_id: product.id }).await?;
        self.kept.end_with(&mut tx, [product.id]);
        tx.commit().await?;
        product.version += 1;
        Ok(product)
    }
}

/// The first of these variants one of whose codes is another variant's, and which code.
pub(crate) async fn taken(
    tx: &mut Tx,
    variants: &[&Variant],
) -> Result<Option<(usize, &'static str)>, DbError> {
    if variants.iter().all(|variant| variant.sku.is_none() && variant.barcode.is_none()) {
        return Ok(None);
    }
    let known = store::with_codes_of(tx, variants).await?;
    let clash = |variant: &&Variant| {
        known.iter().filter(|code| code.id != variant.id).find_map(|code| {
            if code.sku.is_some() && code.sku == variant.sku {
                Some("sku")
            } else if code.barcode.is_some() && code.barcode == variant.barcode {
                Some("barcode")
            } else {
                None
            }
        })
    };
    Ok(variants.iter().enumerate().find_map(|(index, variant)| Some((index, clash(variant)?))))
}

/// The movements that bring the first stock of new variants.
pub(crate) fn first_stock(
    clock: &Clock,
    variants: &[&Variant],
    kind: MovementKind,
    effect_id: Uuid,
    cause: &str,
) -> Vec<Movement> {
    let stocked = variants.iter().filter(|variant| variant.on_hand > 0);
    stocked
        .map(|variant| Movement {
            id: clock.id(),
            effect_id,
            variant_id: variant.id,
            location_id: MAIN,
            kind,
            delta: variant.on_hand,
            cause: cause.to_owned(),
            reason: None,
            created_at: variant.created_at,
        })
        .collect()
}
