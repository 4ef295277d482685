//! What others may know of the order module: its ids and its events. Nobody calls it.

#![deny(missing_docs)]

use kernel::event::EventData;
use kernel::{CallFailure, Moment, Money, contract, ids};
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

/// An order was made and waits for its payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderCreated {
    /// The order.
    pub order_id: OrderId,
    /// The customer's account, `usr_…`; null for a guest.
    pub user_id: Option<String>,
    /// What it comes to.
    pub total_amount: Money,
    /// When, as in RFC 3339.
    pub timestamp: Moment,
}

impl EventData for OrderCreated {
    const TYPE: &'static str = "order.created";
    fn subject(&self) -> String {
        self.order_id.to_string()
    }
}

/// An order is placed: from here on it is fulfilled or canceled, never forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderPlaced {
    /// The order.
    pub order_id: OrderId,
    /// The number that people use.
    pub number: String,
    /// The key of the reservation whose stock is now sold.
    pub reservation_key: Uuid,
}

impl EventData for OrderPlaced {
    const TYPE: &'static str = "order.placed";
    fn subject(&self) -> String {
        self.order_id.to_string()
    }
}

/// An order is canceled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderCanceled {
    /// The order.
    pub order_id: OrderId,
    /// The key of its payment, if it was to be paid.
    pub payment_key: Option<Uuid>,
    /// Whether the money goes back.
    pub refund: bool,
    /// Stock that goes back on the shelf; empty when it was never sold or is not resellable.
    pub restock: Vec<RestockedItem>,
    /// Why.
    pub reason: String,
}

impl EventData for OrderCanceled {
    const TYPE: &'static str = "order.canceled";
    fn subject(&self) -> String {
        self.order_id.to_string()
    }
}

/// A part of an order is canceled; the rest of it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderItemsCanceled {
    /// The order.
    pub order_id: OrderId,
    /// The identity of this cancellation.
    pub cancellation_id: Uuid,
    /// The key of its payment.
    pub payment_key: Uuid,
    /// The money that goes back, if it does.
    pub refund: Option<Money>,
    /// Stock that goes back on the shelf.
    pub restock: Vec<RestockedItem>,
    /// Why.
    pub reason: String,
}

impl EventData for OrderItemsCanceled {
    const TYPE: &'static str = "order.itemsCanceled";
    fn subject(&self) -> String {
        self.order_id.to_string()
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

/// A parcel left the house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FulfillmentShipped {
    /// The parcel.
    pub fulfillment_id: FulfillmentId,
    /// Its order.
    pub order_id: OrderId,
}

impl EventData for FulfillmentShipped {
    const TYPE: &'static str = "fulfillment.shipped";
    fn subject(&self) -> String {
        self.order_id.to_string()
    }
}
