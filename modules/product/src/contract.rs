//! The contract: what the catalogue and its stock do for a checkout.

use std::time::Duration;

use kernel::{Call, CallFailure};
use product_api::{
    BATCH, Products, ProductsError, Quote, QuoteVariants, ReleaseStock, Released, Reservation, ReserveStock,
};

use crate::catalogue::service::{Catalogue, CatalogueError};
use crate::reservation::Unreservable;
use crate::reservation::service::{ReservationError, Reservations};

/// Serves the contract.
pub(crate) struct Contract {
    catalogue: Catalogue,
    reservations: Reservations,
}

impl Contract {
    /// The contract over these services.
    pub(crate) fn new(catalogue: Catalogue, reservations: Reservations) -> Self {
        Self { catalogue, reservations }
    }
}

#[kernel::macros::async_trait]
impl Products for Contract {
    async fn quote(&self, _: &Call, request: QuoteVariants) -> Result<Quote, ProductsError> {
        let variants = self.catalogue.quote(request.currency, &request.variant_ids).await?;
        Ok(Quote { variants })
    }

    async fn reserve(&self, _: &Call, request: ReserveStock) -> Result<Reservation, ProductsError> {
        let lease = Duration::from_secs(u64::from(request.lease_seconds));
        let expires_at = self.reservations.reserve(request.key, &request.items, lease).await?;
        Ok(Reservation { key: request.key, expires_at })
    }

    async fn release(&self, _: &Call, request: ReleaseStock) -> Result<Released, ProductsError> {
        self.reservations.release(request.key).await?;
        Ok(Released {})
    }
}

fn too_many() -> ProductsError {
    ProductsError::TooMany { limit: BATCH as u32 }
}

impl From<CatalogueError> for ProductsError {
    fn from(error: CatalogueError) -> Self {
        match error {
            CatalogueError::TooMany => too_many(),
            CatalogueError::Db(error) => error.to_caller().into(),
            CatalogueError::NotFound => CallFailure::internal().into(),
        }
    }
}

impl From<ReservationError> for ProductsError {
    fn from(error: ReservationError) -> Self {
        match error {
            ReservationError::Unreservable(Unreservable::TooMany) => too_many(),
            ReservationError::Unreservable(Unreservable::Invalid) => Self::InvalidItems,
            ReservationError::Short(short) => Self::OutOfStock { short },
            ReservationError::Ended => Self::ReservationEnded,
            ReservationError::Db(error) => error.to_caller().into(),
        }
    }
}
