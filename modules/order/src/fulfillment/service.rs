//! What one can do with parcels.

use order_api::{FulfillmentId, FulfillmentShipped, OrderId};
use platform::{Commands, Db, DbError, fault};

use super::{FulfilledItem, Fulfillment, FulfillmentRefusal, check, store};
use crate::order::{self, OrderStatus, fulfillment_status};

/// The parcels.
#[derive(Clone)]
pub(crate) struct Fulfillments {
    db: Db,
    pub(super) commands: Commands,
}

/// What goes into a parcel, and with whom.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    /// Its order.
    pub order_id: OrderId,
    /// Its lines.
    pub items: Vec<FulfilledItem>,
    /// The carrier's number.
    pub tracking_number: Option<String>,
    /// Where to follow it.
    pub tracking_url: Option<String>,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FulfillmentError {
    /// It cannot be shipped like that.
    #[error(transparent)]
    Refused(#[from] FulfillmentRefusal),
    /// There is no such order.
    #[error("there is no such order")]
    NoSuchOrder,
    /// Somebody else shipped or canceled at the same moment.
    #[error("the order was changed by somebody else in the meantime")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Fulfillments {
    /// The parcels in this database.
    pub(crate) fn new(db: Db, commands: Commands) -> Self {
        Self { db, commands }
    }

    /// The parcels of an order, oldest first.
    pub(crate) async fn list(&self, order: OrderId) -> Result<Vec<Fulfillment>, FulfillmentError> {
        Ok(store::list(&self.db, order).await?)
    }

    /// Ships lines of a placed order. With the last of them the order is completed.
    pub(crate) async fn ship(
        &self,
        id: FulfillmentId,
        parcel: Parcel,
    ) -> Result<Fulfillment, FulfillmentError> {
        let order =
            order::store::find(&self.db, parcel.order_id).await?.ok_or(FulfillmentError::NoSuchOrder)?;
        let known = store::list(&self.db, order.id).await?.into_iter().find(|known| known.id == id);
        if let Some(shipped_before) = known {
            return Ok(shipped_before);
        }
        check(&order, &parcel.items)?;
        let now = self.db.clock().now();
        let fulfillment = Fulfillment {
            id,
            order_id: order.id,
            tracking_number: parcel.tracking_number,
            tracking_url: parcel.tracking_url,
            items: parcel.items,
            created_at: now,
        };
        let mut after = order.clone();
        for item in &fulfillment.items {
            if let Some(line) = after.items.iter_mut().find(|line| line.id == item.order_item_id) {
                line.fulfilled += item.quantity;
            }
        }
        let done = after.items.iter().all(|line| line.open() == 0);
        let status = if done { OrderStatus::Completed } else { OrderStatus::Placed };

        let mut tx = self.db.begin().await?;
        if !order::store::update_shipping(&mut tx, &order, status, fulfillment_status(&after.items), now)
            .await?
        {
            return Err(FulfillmentError::Contended);
        }
        for item in &fulfillment.items {
            if !order::item::store::ship(&mut tx, order.id, item.order_item_id, item.quantity).await? {
                return Err(FulfillmentError::Contended);
            }
        }
        store::insert(&mut tx, &fulfillment).await?;
        tx.publish(&FulfillmentShipped { fulfillment_id: id, order_id: order.id }).await?;
        fault!("ship.before_commit", DbError::Busy);
        tx.commit().await?;
        fault!("ship.after_commit");
        Ok(fulfillment)
    }
}
