//! What one can do with products.

use kernel::{Page, PageRequest};
use platform::{Commands, Db, DbError};
use product_api::{ProductCreated, ProductId, ProductUpdated};

use super::change::ProductChange;
use super::store::ProductFilter;
use super::{NewProduct, Product, store};
use crate::catalogue::kept::Kept;
use crate::refusal::{Place, Refusal};
use crate::slug;
use crate::stock::{self, MovementKind};
use crate::variant::{self, Variant};

/// How often a transaction is done again when somebody was faster with a slug or a code.
const TRIES: u32 = 5;

/// The products.
#[derive(Clone)]
pub(crate) struct Products {
    db: Db,
    kept: Kept,
    pub(super) commands: Commands,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum ProductError {
    /// It cannot be like that.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another product has this slug.
    #[error("another product has this slug")]
    SlugTaken,
    /// Another variant has this code.
    #[error("another variant has this code")]
    CodeTaken(Place),
    /// Somebody else changed it since it was read.
    #[error("it was changed since it was read")]
    Changed,
    /// There is none with this id.
    #[error("there is no such product")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Products {
    /// The products in this database.
    pub(crate) fn new(db: Db, kept: Kept, commands: Commands) -> Self {
        Self { db, kept, commands }
    }

    /// One product.
    pub(crate) async fn find(&self, id: ProductId) -> Result<Product, ProductError> {
        store::find(&self.db, id).await?.ok_or(ProductError::NotFound)
    }

    /// A page of products, newest first.
    pub(crate) async fn list(
        &self,
        filter: &ProductFilter,
        page: &PageRequest<ProductId>,
    ) -> Result<Page<Product>, ProductError> {
        Ok(store::list(&self.db, filter, page).await?)
    }

    /// Adds a product. The same id again is the same product. `cause` is who brings its first stock.
    pub(crate) async fn create(
        &self,
        id: ProductId,
        new: NewProduct,
        cause: &str,
    ) -> Result<Product, ProductError> {
        let mut tries = 1;
        loop {
            match self.try_create(id, new.clone(), cause, tries).await {
                Err(ProductError::Db(DbError::Unique(_))) if tries < TRIES => tries += 1,
                Err(ProductError::SlugTaken) if new.slug.is_none() && tries < TRIES => tries += 1,
                other => return other,
            }
        }
    }

    async fn try_create(
        &self,
        id: ProductId,
        new: NewProduct,
        cause: &str,
        tries: u32,
    ) -> Result<Product, ProductError> {
        let clock = self.db.clock();
        let slug = match &new.slug {
            Some(slug) => slug.clone(),
            // Many of one title at once: the end of an id is nobody else's.
            None if tries > 2 => slug::unique(&new.title, id),
            None => self.free_slug(id, &new.title).await?,
        };
        let product = Product::new(id, slug, new, || clock.id(), clock.now())?;
        let variants: Vec<&Variant> = product.variants.iter().collect();
        let mut tx = self.db.begin().await?;
        if !store::insert(&mut tx, &product).await? {
            tx.rollback().await?;
            return store::find(&self.db, id).await?.ok_or(ProductError::SlugTaken);
        }
        if let Some((index, field)) = variant::service::taken(&mut tx, &variants).await? {
            return Err(ProductError::CodeTaken(Place::Variant(index, field)));
        }
        variant::store::save(&mut tx, &variants).await?;
        variant::store::save_prices(&mut tx, &variants).await?;
        stock::store::insert_levels(&mut tx, &variants).await?;
        let received =
            variant::service::first_stock(clock, &variants, MovementKind::Received, id.uuid(), cause);
        stock::store::enter(&mut tx, &received);
        tx.publish(&ProductCreated { product_id: id }).await?;
        self.kept.end_with(&mut tx, [id]);
        tx.commit().await?;
        Ok(product)
    }

    /// Changes a product as it was read, unless somebody else did so since.
    pub(crate) async fn update(
        &self,
        mut product: Product,
        change: ProductChange,
    ) -> Result<Product, ProductError> {
        product.change(change, self.db.clock().now())?;
        let mut tx = self.db.begin().await?;
        match store::update(&mut tx, &product).await {
            Ok(true) => product.version += 1,
            Ok(false) => return Err(ProductError::Changed),
            Err(DbError::Unique(_)) => return Err(ProductError::SlugTaken),
            Err(error) => return Err(error.into()),
        }
        tx.publish(&ProductUpdated { product_id: product.id }).await?;
        self.kept.end_with(&mut tx, [product.id]);
        tx.commit().await?;
        Ok(product)
    }

    /// Takes a product off sale for good. It is kept, because orders speak of it.
    pub(crate) async fn archive(&self, id: ProductId) -> Result<(), ProductError> {
        let mut tx = self.db.begin().await?;
        if !store::archive(&mut tx, id, self.db.clock().now()).await? {
            tx.rollback().await?;
            return self.find(id).await.map(|_| ());
        }
        tx.publish(&ProductUpdated { product_id: id }).await?;
        self.kept.end_with(&mut tx, [id]);
        tx.commit().await?;
        Ok(())
    }

    async fn free_slug(&self, id: ProductId, title: &str) -> Result<String, DbError> {
        let candidates = slug::candidates(&slug::derive(title));
        let taken = store::with_slugs(&self.db, &candidates).await?;
        let taken: Vec<String> =
            taken.into_iter().filter(|(other, _)| *other != id).map(|(_, slug)| slug).collect();
        let free = candidates.into_iter().find(|slug| !taken.contains(slug));
        Ok(free.unwrap_or_else(|| slug::unique(title, id)))
    }
}
