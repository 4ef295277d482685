//! What others may know of the order module: its ids, its events, and a contract for composed answers.

#![deny(missing_docs)]

use kernel::{CallFailure, Moment, Money, contract, events, ids};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

ids! {
    /// An order.
    OrderId = OrderKind("ord");
    /// A line of an order.
    OrderItemId = OrderItemKind("oit");
    /// A cart.
    CartId = CartKind("cart");
    /// A line of a cart.
    CartItemId = CartItemKind("item");
    /// A checkout on its way from cart to order.
    CheckoutId = CheckoutKind("chk");
    /// A parcel.
    FulfillmentId = FulfillmentKind("ful");
    /// A way of shipping.
    ShippingOptionId = ShippingOptionKind("ship");
}

contract! {
    /// Orders, for whoever composes answers of several modules.
    pub trait Orders = "orders.v1", OrdersClient, OrdersServer, OrdersError {
        /// The orders with these ids, in no particular order; unknown ids are left out.
        Read fn orders(FindOrders) -> OrderSummaries;
    }
}

/// Asks for orders by id; at most 100 at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindOrders {
    /// The ids.
    pub ids: Vec<OrderId>,
}

/// Orders that were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderSummaries {
    /// The orders.
    pub orders: Vec<OrderSummary>,
}

/// An order as other modules see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderSummary {
    /// The order.
    pub id: OrderId,
    /// The number that people use, once it is placed.
    pub number: Option<String>,
    /// The order's status.
    pub status: String,
    /// What it comes to.
    pub total: Money,
}

/// Why a question about orders was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum OrdersError {
    /// More ids at once than a batch may have.
    #[error("at most {limit} ids at once")]
    TooMany {
        /// The limit.
        limit: u32,
    },
    /// No answer.
    #[error(transparent)]
    Failed(#[from] CallFailure),
}

events! {
    /// An order was made and waits for its payment.
    OrderCreated = "order.created" about order_id {
        /// The order.
        order_id: OrderId,
        /// The customer's account, `usr_…`; null for a guest.
        user_id: Option<String>,
        /// What it comes to.
        total_amount: Money,
        /// When, as in RFC 3339.
        timestamp: Moment,
    }
    /// An order is placed: from here on it is fulfilled or canceled, never forgotten.
    OrderPlaced = "order.placed" about order_id {
        /// The order.
        order_id: OrderId,
        /// The number that people use.
        number: String,
        /// The key of the reservation whose stock is now sold.
        reservation_key: Uuid,
    }
    /// An order is canceled.
    OrderCanceled = "order.canceled" about order_id {
        /// The order.
        order_id: OrderId,
        /// The key of its payment, if it was to be paid.
        payment_key: Option<Uuid>,
        /// Whether the money goes back.
        refund: bool,
        /// Stock that goes back on the shelf; empty when it was never sold or is not resellable.
        restock: Vec<RestockedItem>,
        /// Why.
        reason: String,
    }
    /// A part of an order is canceled; the rest of it stands.
    OrderItemsCanceled = "order.itemsCanceled" about order_id {
        /// The order.
        order_id: OrderId,
        /// The identity of this cancellation.
        cancellation_id: Uuid,
        /// The key of its payment.
        payment_key: Uuid,
        /// The money that goes back, if it does.
        refund: Option<Money>,
        /// Stock that goes back on the shelf.
        restock: Vec<RestockedItem>,
        /// Why.
        reason: String,
    }
    /// A parcel left the house.
    FulfillmentShipped = "fulfillment.shipped" about order_id {
        /// The parcel.
        fulfillment_id: FulfillmentId,
        /// Its order.
        order_id: OrderId,
    }
}

/// So many of a variant, back on the shelf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestockedItem {
    /// The variant, as the product module names it: `var_…`.
    pub variant_id: String,
    /// How many.
    pub quantity: i64,
}
