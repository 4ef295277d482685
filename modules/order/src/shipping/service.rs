//! What one can do with ways of shipping.

use kernel::{Money, Page};
use order_api::ShippingOptionId;
use platform::{Commands, Db, DbError};

use super::{ShippingOption, ShippingRefusal, store};

/// The ways of shipping.
#[derive(Clone)]
pub(crate) struct Shipping {
    db: Db,
    pub(super) commands: Commands,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShippingError {
    /// It cannot be offered like that.
    #[error(transparent)]
    Refused(#[from] ShippingRefusal),
    /// There is none with this id.
    #[error("there is no such shipping option")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Shipping {
    /// The ways of shipping in this database.
    pub(crate) fn new(db: Db, commands: Commands) -> Self {
        Self { db, commands }
    }

    /// All that are offered.
    pub(crate) async fn list(&self) -> Result<Page<ShippingOption>, ShippingError> {
        Ok(Page { data: store::list(&self.db).await?, has_more: false })
    }

    /// Offers a new one. The same id again is the same option.
    pub(crate) async fn create(
        &self,
        id: ShippingOptionId,
        name: String,
        price: Money,
    ) -> Result<ShippingOption, ShippingError> {
        let option = ShippingOption::new(id, name, price, self.db.clock().now())?;
        let mut tx = self.db.begin().await?;
        store::insert(&mut tx, &option).await?;
        tx.commit().await?;
        Ok(option)
    }

    /// Offers it no longer. Orders that chose it keep their copy.
    pub(crate) async fn delete(&self, id: ShippingOptionId) -> Result<(), ShippingError> {
        let mut tx = self.db.begin().await?;
        let deleted = store::delete(&mut tx, id).await?;
        tx.commit().await?;
        if deleted { Ok(()) } else { Err(ShippingError::NotFound) }
    }
}
