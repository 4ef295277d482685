//! What one can do with the catalogue: read it, mostly from memory.

use kernel::{Currency, Page, PageRequest};
use platform::{Db, DbError};
use product_api::{BATCH, ProductId, QuotedVariant, VariantId};

use super::kept::{Answer, Kept, Shows};
use super::{Name, Shown, store};

/// The catalogue.
#[derive(Clone)]
pub(crate) struct Catalogue {
    db: Db,
    kept: Kept,
    currency: Currency,
}

/// Why it was not read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// There is none on sale with this name.
    #[error("there is no such product on sale")]
    NotFound,
    /// More at once than a batch.
    #[error("at most {BATCH} variants at once")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Catalogue {
    /// The catalogue of this database. Prices are in `currency` unless somebody asks for another.
    pub(crate) fn new(db: Db, kept: Kept, currency: Currency) -> Self {
        Self { db, kept, currency }
    }

    /// The currency of prices when nobody asks for another.
    pub(crate) fn currency(&self) -> Currency {
        self.currency
    }

    /// The answer that is kept for this path and query.
    pub(crate) fn kept(&self, path: &str) -> Option<Answer> {
        self.kept.get(path)
    }

    /// Makes an answer and keeps it under this path and query. Who comes while it is being made waits for it.
    pub(crate) async fn keep<E, Fut>(&self, path: &str, make: impl FnOnce() -> Fut) -> Result<Answer, E>
    where
        Fut: Future<Output = Result<(Vec<u8>, Shows), E>>,
    {
        let _lane = self.kept.lane(path).await;
        if let Some(answer) = self.kept.get(path) {
            return Ok(answer);
        }
        let began = self.kept.begin();
        let (body, shows) = make().await?;
        Ok(self.kept.put(path, body, shows, began))
    }

    /// A page of products on sale, newest first.
    pub(crate) async fn list(
        &self,
        currency: Currency,
        page: &PageRequest<ProductId>,
    ) -> Result<Page<Shown>, CatalogueError> {
        Ok(store::list(&self.db, currency, page).await?)
    }

    /// One product on sale.
    pub(crate) async fn find(&self, currency: Currency, name: Name) -> Result<Shown, CatalogueError> {
        store::find(&self.db, currency, name).await?.ok_or(CatalogueError::NotFound)
    }

    /// How many of a variant on sale could be bought, and its product.
    pub(crate) async fn available(&self, variant: VariantId) -> Result<(ProductId, i64), CatalogueError> {
        store::available(&self.db, variant).await?.ok_or(CatalogueError::NotFound)
    }

    /// What variants cost. Never from memory: this is what a customer pays.
    pub(crate) async fn quote(
        &self,
        currency: Currency,
        variants: &[VariantId],
    ) -> Result<Vec<QuotedVariant>, CatalogueError> {
        if variants.len() > BATCH {
            return Err(CatalogueError::TooMany);
        }
        if variants.is_empty() {
            return Ok(Vec::new());
        }
        Ok(store::quote(&self.db, currency, variants).await?)
    }
}
