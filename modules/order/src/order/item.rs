//! What was bought: the lines of an order.

pub(crate) mod store;

use order_api::OrderItemId;
use uuid::Uuid;

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderItem {
    /// Its id.
    pub id: OrderItemId,
    /// What, as the catalogue named it.
    pub variant_id: Uuid,
    /// Its product, as the catalogue named it.
    pub product_id: Uuid,
    /// The stock keeping unit at the time.
    pub sku: Option<String>,
    /// The product's title at the time.
    pub title: String,
    /// The variant's title at the time.
    pub variant_title: String,
    /// Whether it has to be shipped.
    pub requires_shipping: bool,
    /// How many were bought.
    pub quantity: i64,
    /// How many were shipped.
    pub fulfilled: i64,
    /// How many were canceled.
    pub canceled: i64,
    /// The price of one.
    pub unit_price: i64,
    /// The line before tax.
    pub total: i64,
    /// Its part of the tax.
    pub tax: i64,
}

impl OrderItem {
    /// How many are neither shipped nor canceled.
    pub(crate) fn open(&self) -> i64 {
        self.quantity - self.fulfilled - self.canceled
    }
}
