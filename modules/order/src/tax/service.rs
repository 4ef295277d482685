//! What one can do with tax rates.

use kernel::Page;
use platform::{Commands, Db, DbError};

use super::{TaxRefusal, TaxRegion, TaxRegionId, store};

/// The tax rates.
#[derive(Clone)]
pub(crate) struct Taxes {
    db: Db,
    pub(super) commands: Commands,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TaxError {
    /// It cannot be a rate like that.
    #[error(transparent)]
    Refused(#[from] TaxRefusal),
    /// There is none with this id.
    #[error("there is no such tax region")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Taxes {
    /// The tax rates in this database.
    pub(crate) fn new(db: Db, commands: Commands) -> Self {
        Self { db, commands }
    }

    /// All rates.
    pub(crate) async fn list(&self) -> Result<Page<TaxRegion>, TaxError> {
        Ok(Page { data: store::list(&self.db).await?, has_more: false })
    }

    /// Sets a rate for a region that has none.
    pub(crate) async fn create(
        &self,
        id: TaxRegionId,
        country: String,
        region: Option<String>,
        basis_points: i64,
    ) -> Result<TaxRegion, TaxError> {
        let tax = TaxRegion::new(id, country, region, basis_points, self.db.clock().now())?;
        let mut tx = self.db.begin().await?;
        if !store::insert(&mut tx, &tax).await? {
            return Err(TaxRefusal::Exists.into());
        }
        tx.commit().await?;
        Ok(tax)
    }

    /// Takes a rate away. Orders keep the tax they were placed with.
    pub(crate) async fn delete(&self, id: TaxRegionId) -> Result<(), TaxError> {
        let mut tx = self.db.begin().await?;
        let deleted = store::delete(&mut tx, id).await?;
        tx.commit().await?;
        if deleted { Ok(()) } else { Err(TaxError::NotFound) }
    }
}
