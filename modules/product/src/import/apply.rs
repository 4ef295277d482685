//! How the products of an import get into the catalogue.

use std::collections::{HashMap, HashSet};

use platform::{Db, DbError, Tx, fault};
use product_api::{ProductCreated, ProductId, ProductUpdated, VariantId};

use super::shopify::ReadProduct;
use super::{Faults, Import, ImportStatus, RowFault, store};
use crate::catalogue::kept::Kept;
use crate::location::MAIN;
use crate::product::change::Recount;
use crate::product::{self, NewProduct, Product};
use crate::refusal::Refusal;
use crate::stock::{self, LevelChange, Movement, MovementKind};
use crate::variant::{self, Variant};

/// Products in one transaction at the most, and their variants: neither may a statement become too wide, nor may who
/// buys in the meantime wait for long.
const MOST_PRODUCTS: i64 = 100;
const MOST_VARIANTS: usize = 1000;

/// Applies imports.
#[derive(Clone)]
pub(super) struct Apply {
    db: Db,
    kept: Kept,
}

/// Why products could not be applied together.
#[derive(Debug, thiserror::Error)]
enum ApplyError {
    /// One of them cannot be like that any more.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// More is set aside than the file says is there.
    #[error("more of it is set aside for checkouts than the file says there is")]
    SetAside,
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Products ready to be stored.
#[derive(Default)]
struct Ready {
    products: Vec<Product>,
    /// Those of them that are new.
    created: Vec<ProductId>,
    /// Variants that are known.
    known: HashSet<VariantId>,
    /// Stock of known variants.
    recounts: Vec<Recount>,
}

impl Apply {
    pub(super) fn new(db: Db, kept: Kept) -> Self {
        Self { db, kept }
    }

    /// Notes what would keep these products out, the catalogue being as it is. Returns how many are known.
    pub(super) async fn try_out(&self, batch: &[ReadProduct], faults: &mut Faults) -> Result<u64, DbError> {
        let mut known = self.known(batch.iter().map(|read| &read.product)).await?;
        let updated = known.len() as u64;
        let clock = self.db.clock();
        let mut tried: Vec<(&ReadProduct, Product)> = Vec::with_capacity(batch.len());
        for read in batch {
            let slug = read.product.slug.clone().unwrap_or_default();
            let Some(mut product) = known.remove(&slug) else { continue };
            match product.take_over(read.product.clone(), || clock.id(), clock.now()) {
                Ok(_) => tried.push((read, product)),
                Err(refusal) => faults.error(read.fault(&refusal)),
            }
        }
        self.note_taken_codes(batch, &tried, faults).await?;
        Ok(updated)
    }

    /// Notes codes that variants of other products have.
    async fn note_taken_codes(
        &self,
        batch: &[ReadProduct],
        known: &[(&ReadProduct, Product)],
        faults: &mut Faults,
    ) -> Result<(), DbError> {
        let own: HashSet<VariantId> =
            known.iter().flat_map(|(_, product)| &product.variants).map(|variant| variant.id).collect();
        let mut skus = HashMap::new();
        let mut barcodes = HashMap::new();
        for read in batch {
            let rows = read.variant_rows.iter().zip(read.product.variants.iter().flatten());
            for (row, new) in rows {
                skus.extend(new.sku.clone().map(|sku| (sku, *row)));
                barcodes.extend(new.barcode.clone().map(|barcode| (barcode, *row)));
            }
        }
        let taken =
            variant::store::with_codes(&self.db, skus.keys().cloned(), barcodes.keys().cloned()).await?;
        for code in taken.into_iter().filter(|code| !own.contains(&code.id)) {
            let places = [
                ("sku_taken", "Variant SKU", code.sku.and_then(|sku| skus.get(&sku))),
                ("barcode_taken", "Variant Barcode", code.barcode.and_then(|barcode| barcodes.get(&barcode))),
            ];
            for (name, column, row) in places {
                let Some(row) = row else { continue };
                faults.error(RowFault {
                    row: *row,
                    column: column.to_owned(),
                    code: name.to_owned(),
                    detail: "a variant of another product has it".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Applies the next products of an import, or finishes it.
    pub(super) async fn next(&self, import: &Import) -> Result<(), DbError> {
        let mut next = store::products(&self.db, import.id, import.applied, MOST_PRODUCTS).await?;
        if next.is_empty() {
            return self.complete(import).await;
        }
        let mut variants = 0;
        let fits = next.iter().take_while(|(_, product)| {
            variants += product.variants.as_ref().map_or(1, Vec::len);
            variants <= MOST_VARIANTS
        });
        let fits = fits.count().max(1);
        next.truncate(fits);
        let products: Vec<NewProduct> = next.iter().map(|(_, product)| product.clone()).collect();
        match self.store(import.clone(), &products).await {
            Ok(()) => Ok(()),
            Err(ApplyError::Db(error)) if !is_at_fault(&error) => Err(error),
            // One of them is at fault. One at a time, so that it keeps none of the others out.
            Err(_) => self.one_at_a_time(import, &next).await,
        }
    }

    async fn one_at_a_time(&self, import: &Import, products: &[(u64, NewProduct)]) -> Result<(), DbError> {
        let mut import = import.clone();
        for (row, product) in products {
            match self.store(import.clone(), std::slice::from_ref(product)).await {
                Ok(()) => {}
                Err(ApplyError::Db(error)) if !is_at_fault(&error) => return Err(error),
                Err(error) => self.pass_over(import.clone(), *row, &error).await?,
            }
            match store::find(&self.db, import.id).await? {
                Some(moved) if moved.applied == import.applied + 1 => import = moved,
                // Somebody else goes on with it.
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    /// Stores products and moves the import past them, in one transaction.
    async fn store(&self, mut import: Import, products: &[NewProduct]) -> Result<(), ApplyError> {
        let ready = self.ready(products).await?;
        import.updated_at = self.db.clock().now();
        let to = import.applied + products.len() as i64;
        let mut tx = self.db.begin().await?;
        if !store::advance(&mut tx, &import, to).await? {
            tx.rollback().await?;
            return Ok(());
        }
        self.write(&mut tx, &import, &ready).await?;
        store::delete_products(&mut tx, import.id, to).await?;
        fault!("import.apply.before_commit", DbError::Busy);
        tx.commit().await?;
        fault!("import.apply.after_commit");
        Ok(())
    }

    async fn write(&self, tx: &mut Tx, import: &Import, ready: &Ready) -> Result<(), ApplyError> {
        let variants: Vec<&Variant> = ready.products.iter().flat_map(|product| &product.variants).collect();
        let new: Vec<&Variant> =
            variants.iter().copied().filter(|variant| !ready.known.contains(&variant.id)).collect();
        product::store::save(tx, &ready.products).await?;
        variant::store::save(tx, &variants).await?;
        variant::store::save_prices(tx, &variants).await?;
        stock::store::insert_levels(tx, &new).await?;
        let cause = import.id.to_string();
        let clock = self.db.clock();
        let (kind, effect) = (MovementKind::Imported, import.id.uuid());
        let arrived = variant::service::first_stock(clock, &new, kind, effect, &cause);
        stock::store::enter(tx, &arrived);
        self.recount(tx, import, &ready.recounts).await?;
        let ids = || ready.products.iter().map(|product| product.id);
        let created: Vec<ProductCreated> =
            ready.created.iter().map(|id| ProductCreated { product_id: *id }).collect();
        let updated: Vec<ProductUpdated> = ids()
            .filter(|id| !ready.created.contains(id))
            .map(|product_id| ProductUpdated { product_id })
            .collect();
        tx.publish_all(&created).await?;
        tx.publish_all(&updated).await?;
        self.kept.end_with(tx, ids());
        Ok(())
    }

    /// Sets the stock of known variants to what the file says.
    async fn recount(&self, tx: &mut Tx, import: &Import, recounts: &[Recount]) -> Result<(), ApplyError> {
        if recounts.is_empty() {
            return Ok(());
        }
        let wanted: HashMap<VariantId, i64> =
            recounts.iter().map(|recount| (recount.variant_id, recount.on_hand)).collect();
        let variants: Vec<VariantId> = wanted.keys().copied().collect();
        let levels = stock::store::lock(tx, &variants).await?;
        let clock = self.db.clock();
        let mut changes = Vec::new();
        let mut movements = Vec::new();
        for level in levels.iter().filter(|level| level.location_id == MAIN) {
            let delta = wanted.get(&level.variant_id).map_or(0, |on_hand| on_hand - level.on_hand);
            if delta == 0 {
                continue;
            }
            let (variant_id, location_id) = (level.variant_id, level.location_id);
            changes.push(LevelChange { variant_id, location_id, on_hand: delta, reserved: 0 });
            movements.push(Movement {
                id: clock.id(),
                effect_id: import.id.uuid(),
                variant_id,
                location_id,
                kind: MovementKind::Imported,
                delta,
                cause: import.id.to_string(),
                reason: None,
                created_at: import.updated_at,
            });
        }
        stock::store::enter(tx, &movements);
        match stock::change::apply(tx, &self.kept, &changes).await? {
            Some(_) => Ok(()),
            None => Err(ApplyError::SetAside),
        }
    }

    async fn ready(&self, products: &[NewProduct]) -> Result<Ready, ApplyError> {
        let clock = self.db.clock();
        let mut known = self.known(products.iter()).await?;
        let mut ready = Ready::default();
        for new in products {
            let slug = new.slug.clone().unwrap_or_default();
            let product = if let Some(mut product) = known.remove(&slug) {
                ready.known.extend(product.variants.iter().map(|variant| variant.id));
                ready.recounts.extend(product.take_over(new.clone(), || clock.id(), clock.now())?);
                product
            } else {
                let product = Product::new(clock.id(), slug, new.clone(), || clock.id(), clock.now())?;
                ready.created.push(product.id);
                product
            };
            ready.products.push(product);
        }
        Ok(ready)
    }

    /// The products that are known under these slugs.
    async fn known<'a>(
        &self,
        products: impl Iterator<Item = &'a NewProduct>,
    ) -> Result<HashMap<String, Product>, DbError> {
        let slugs: Vec<String> = products.filter_map(|product| product.slug.clone()).collect();
        let known = product::store::with_slugs(&self.db, &slugs).await?;
        if known.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<ProductId> = known.into_iter().map(|(id, _)| id).collect();
        let products = product::store::find_all(&self.db, &ids).await?;
        Ok(products.into_iter().map(|product| (product.slug.clone(), product)).collect())
    }

    /// Moves on without a product that could not be applied, and says so.
    async fn pass_over(&self, mut import: Import, row: u64, error: &ApplyError) -> Result<(), DbError> {
        let code = match error {
            ApplyError::Refused(refusal) => refusal.fault.code(),
            ApplyError::SetAside => "stock_set_aside",
            ApplyError::Db(_) => "taken",
        };
        import.faults.error(RowFault {
            row,
            column: "Handle".to_owned(),
            code: code.to_owned(),
            detail: format!("this product was left out: {error}"),
        });
        import.counts.failed += 1;
        import.updated_at = self.db.clock().now();
        let to = import.applied + 1;
        let mut tx = self.db.begin().await?;
        if store::advance(&mut tx, &import, to).await? {
            store::update(&mut tx, &import).await?;
            store::delete_products(&mut tx, import.id, to).await?;
        }
        tx.commit().await
    }

    async fn complete(&self, import: &Import) -> Result<(), DbError> {
        let mut import = import.clone();
        import.status = ImportStatus::Completed;
        import.updated_at = self.db.clock().now();
        let mut tx = self.db.begin().await?;
        store::update(&mut tx, &import).await?;
        fault!("import.complete.before_commit", DbError::Busy);
        tx.commit().await
    }
}

/// Whether a product is to blame and not the store.
fn is_at_fault(error: &DbError) -> bool {
    matches!(error, DbError::Unique(_) | DbError::Refused(_))
}
