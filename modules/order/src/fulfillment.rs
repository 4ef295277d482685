//! Parcels: which lines of an order left the house, and with whom.

pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;

use kernel::Moment;
use order_api::{FulfillmentId, OrderId, OrderItemId};

use crate::order::{Order, OrderStatus};

/// A parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fulfillment {
    /// Its id.
    pub id: FulfillmentId,
    /// Its order.
    pub order_id: OrderId,
    /// The carrier's number.
    pub tracking_number: Option<String>,
    /// Where to follow it.
    pub tracking_url: Option<String>,
    /// What is in it.
    pub items: Vec<FulfilledItem>,
    /// When it left.
    pub created_at: Moment,
}

/// So many of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FulfilledItem {
    /// The line.
    pub order_item_id: OrderItemId,
    /// How many.
    pub quantity: i64,
}

/// Why it cannot be shipped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FulfillmentRefusal {
    /// The order is not placed, or is canceled.
    #[error("an order that is {} cannot be shipped", .status.as_str())]
    WrongStatus {
        /// The order's status.
        status: OrderStatus,
    },
    /// Nothing is in the parcel, a line is in it twice, or a quantity is below 1.
    #[error("a parcel holds each line once, with a quantity of at least 1")]
    InvalidItems,
    /// A line is not of this order.
    #[error("the order has no such line")]
    NoSuchItem {
        /// Its place in the request.
        index: usize,
    },
    /// More than is still to be shipped.
    #[error("only {open} of that line are still to be shipped")]
    TooMany {
        /// Its place in the request.
        index: usize,
        /// What is still to be shipped.
        open: i64,
    },
}

/// Whether these lines can leave now.
///
/// # Errors
/// The first reason why not.
pub(crate) fn check(order: &Order, items: &[FulfilledItem]) -> Result<(), FulfillmentRefusal> {
    if order.status != OrderStatus::Placed {
        return Err(FulfillmentRefusal::WrongStatus { status: order.status });
    }
    let twice =
        |index: usize| items[..index].iter().any(|item| item.order_item_id == items[index].order_item_id);
    if items.is_empty() || items.iter().any(|item| item.quantity < 1) || (0..items.len()).any(twice) {
        return Err(FulfillmentRefusal::InvalidItems);
    }
    for (index, item) in items.iter().enumerate() {
        let line = order.items.iter().find(|line| line.id == item.order_item_id);
        let open = line.ok_or(FulfillmentRefusal::NoSuchItem { index })?.open();
        if item.quantity > open {
            return Err(FulfillmentRefusal::TooMany { index, open });
        }
    }
    Ok(())
}
