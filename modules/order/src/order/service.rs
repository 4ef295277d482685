//! What one can do with an order.

use kernel::{Page, PageRequest};
use order_api::{OrderCanceled, OrderId, OrderItemId, OrderItemsCanceled, RestockedItem};
use platform::{Commands, Db, DbError, fault};
use product_api::VariantId;
use uuid::Uuid;

use super::store::{self, OrderFilter};
use super::{Order, OrderItem, OrderStatus, fulfillment_status, item, payment_status, worth};
use crate::token::Visitor;

/// The orders.
#[derive(Clone)]
pub(crate) struct Orders {
    db: Db,
    pub(super) commands: Commands,
}

/// How an order is to be canceled.
#[derive(Debug, Clone)]
pub(crate) struct Cancellation {
    /// Its identity, so that a repetition is recognised.
    pub id: Uuid,
    /// Which lines, and how many of each; all that is open when empty.
    pub items: Vec<(OrderItemId, i64)>,
    /// Whether the goods go back on the shelf.
    pub restock: bool,
    /// Whether the money goes back.
    pub refund: bool,
    /// Why.
    pub reason: String,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrderError {
    /// There is no such order, or it is somebody else's: both look the same.
    #[error("there is no such order")]
    NotFound,
    /// It is in a status from which that is not possible.
    #[error("an order that is {} cannot be {wanted}; possible now: {}", .from.as_str(), possible(*.from))]
    InvalidTransition {
        /// Where it is.
        from: OrderStatus,
        /// Where it was to go.
        wanted: &'static str,
    },
    /// Something of it was shipped, so that only the rest can be canceled, line by line.
    #[error("part of the order was shipped; cancel the open items instead")]
    PartlyShipped,
    /// A line is not of this order, or there is not so much of it left.
    #[error("the order has not so many of that line left to cancel")]
    InvalidItem {
        /// Its place in the request.
        index: usize,
    },
    /// Somebody else changed it in the meantime.
    #[error("the order was changed by somebody else in the meantime")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

fn possible(from: OrderStatus) -> String {
    let next: Vec<_> =
        super::TRANSITIONS.iter().filter(|(status, _)| *status == from).map(|(_, to)| to.as_str()).collect();
    if next.is_empty() { "nothing".into() } else { next.join(", ") }
}

impl Orders {
    /// The orders in this database.
    pub(crate) fn new(db: Db, commands: Commands) -> Self {
        Self { db, commands }
    }

    /// Any order, for staff.
    pub(crate) async fn find(&self, id: OrderId) -> Result<Order, OrderError> {
        store::find(&self.db, id).await?.ok_or(OrderError::NotFound)
    }

    /// A visitor's own order.
    pub(crate) async fn own(&self, visitor: &Visitor, id: OrderId) -> Result<Order, OrderError> {
        let order = self.find(id).await?;
        if visitor.owns(order.customer_id, &order.token_hash) { Ok(order) } else { Err(OrderError::NotFound) }
    }

    /// A page of orders, newest first.
    pub(crate) async fn list(
        &self,
        filter: &OrderFilter,
        page: &PageRequest<Uuid>,
    ) -> Result<Page<Order>, OrderError> {
        Ok(store::list(&self.db, filter, page).await?)
    }

    /// Cancels a placed order, whole or in part. What follows, money and stock, happens by its event.
    ///
    /// A whole cancellation that is repeated answers the canceled order.
    pub(crate) async fn cancel(&self, id: OrderId, cancellation: Cancellation) -> Result<Order, OrderError> {
        let order = self.find(id).await?;
        match order.status {
            OrderStatus::Placed => {}
            OrderStatus::Canceled if cancellation.items.is_empty() => return Ok(order),
            from => return Err(OrderError::InvalidTransition { from, wanted: "canceled" }),
        }
        let shipped = order.items.iter().any(|item| item.fulfilled > 0);
        let lines = lines(&order, &cancellation)?;
        let everything = !shipped
            && order.items.iter().all(|item| {
                lines.iter().find(|(line, _)| line.id == item.id).map_or(0, |(_, count)| *count)
                    == item.open()
            });
        if cancellation.items.is_empty() && shipped {
            return Err(OrderError::PartlyShipped);
        }
        if everything {
            self.cancel_whole(&order, &lines, &cancellation).await?;
        } else {
            self.cancel_part(&order, &lines, &cancellation).await?;
        }
        self.find(id).await
    }

    async fn cancel_whole(
        &self,
        order: &Order,
        lines: &[(&OrderItem, i64)],
        cancellation: &Cancellation,
    ) -> Result<(), OrderError> {
        let now = self.db.clock().now();
        let mut tx = self.db.begin().await?;
        let status = payment_status(order.totals.total, order.paid, order.paid.captured == 0);
        if !store::cancel(&mut tx, order.id, OrderStatus::Placed, status, &cancellation.reason, now).await? {
            return Err(OrderError::Contended);
        }
        cancel_lines(&mut tx, order, lines).await?;
        tx.publish(&OrderCanceled {
            order_id: order.id,
            payment_key: Some(order.payment_key),
            refund: cancellation.refund,
            restock: restock(lines, cancellation),
            reason: cancellation.reason.clone(),
        })
        .await?;
        fault!("order.cancel.before_commit", DbError::Busy);
        tx.commit().await?;
        fault!("order.cancel.after_commit");
        Ok(())
    }

    async fn cancel_part(
        &self,
        order: &Order,
        lines: &[(&OrderItem, i64)],
        cancellation: &Cancellation,
    ) -> Result<(), OrderError> {
        let counts: Vec<_> = lines.iter().map(|(item, count)| (item.id, *count)).collect();
        let amount = worth(order, &counts);
        let mut after = order.clone();
        for (id, count) in &counts {
            if let Some(item) = after.items.iter_mut().find(|item| item.id == *id) {
                item.canceled += count;
            }
        }
        let done = after.items.iter().all(|item| item.open() == 0);
        let status = if done { OrderStatus::Completed } else { OrderStatus::Placed };

        let mut tx = self.db.begin().await?;
        let shipping = fulfillment_status(&after.items);
        if !store::update_shipping(&mut tx, order, status, shipping, self.db.clock().now()).await? {
            return Err(OrderError::Contended);
        }
        cancel_lines(&mut tx, order, lines).await?;
        tx.publish(&OrderItemsCanceled {
            order_id: order.id,
            cancellation_id: cancellation.id,
            payment_key: order.payment_key,
            refund: (cancellation.refund && amount.amount > 0).then_some(amount),
            restock: restock(lines, cancellation),
            reason: cancellation.reason.clone(),
        })
        .await?;
        fault!("order.cancel_items.before_commit", DbError::Busy);
        tx.commit().await?;
        fault!("order.cancel_items.after_commit");
        Ok(())
    }
}

/// The lines that are meant: those that are named, or all that is open.
fn lines<'o>(order: &'o Order, cancellation: &Cancellation) -> Result<Vec<(&'o OrderItem, i64)>, OrderError> {
    if cancellation.items.is_empty() {
        return Ok(order
            .items
            .iter()
            .filter(|item| item.open() > 0)
            .map(|item| (item, item.open()))
            .collect());
    }
    let mut lines: Vec<(&OrderItem, i64)> = Vec::with_capacity(cancellation.items.len());
    for (index, (id, count)) in cancellation.items.iter().enumerate() {
        let twice = lines.iter().any(|(item, _)| item.id == *id);
        let item = order.items.iter().find(|item| item.id == *id && !twice);
        match item {
            Some(item) if (1..=item.open()).contains(count) => lines.push((item, *count)),
            _ => return Err(OrderError::InvalidItem { index }),
        }
    }
    Ok(lines)
}

async fn cancel_lines(
    tx: &mut platform::Tx,
    order: &Order,
    lines: &[(&OrderItem, i64)],
) -> Result<(), OrderError> {
    for (item, count) in lines {
        if !item::store::cancel(tx, order.id, item.id, *count).await? {
            return Err(OrderError::Contended);
        }
    }
    Ok(())
}

fn restock(lines: &[(&OrderItem, i64)], cancellation: &Cancellation) -> Vec<RestockedItem> {
    if !cancellation.restock {
        return Vec::new();
    }
    lines
        .iter()
        .map(|(item, quantity)| RestockedItem {
            variant_id: VariantId::from_uuid(item.variant_id).to_string(),
            quantity: *quantity,
        })
        .collect()
}
