//! What one can do with locations.

use kernel::Page;
use platform::{Commands, Db, DbError};
use product_api::LocationId;

use super::{Location, store};
use crate::refusal::Refusal;

/// The locations.
#[derive(Clone)]
pub(crate) struct Locations {
    db: Db,
    pub(super) commands: Commands,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// It cannot be called so.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another one is called so.
    #[error("another location has this name")]
    NameTaken,
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Locations {
    /// The locations in this database.
    pub(crate) fn new(db: Db, commands: Commands) -> Self {
        Self { db, commands }
    }

    /// All of them.
    pub(crate) async fn list(&self) -> Result<Page<Location>, LocationError> {
        Ok(Page { data: store::list(&self.db).await?, has_more: false })
    }

    /// Adds one. The same id again is the same location.
    pub(crate) async fn create(&self, id: LocationId, name: String) -> Result<Location, LocationError> {
        let location = Location::new(id, name, self.db.clock().now())?;
        let mut tx = self.db.begin().await?;
        let there = store::insert(&mut tx, &location).await?;
        tx.commit().await?;
        if there { Ok(location) } else { Err(LocationError::NameTaken) }
    }
}
