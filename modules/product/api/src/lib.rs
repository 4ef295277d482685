//! What others may know of the product module: the contract, its types, its events, its error.

#![deny(missing_docs)]

#[cfg(feature = "fake")]
pub mod fake;

use kernel::{CallFailure, Currency, Moment, Money, contract, events, ids};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

ids! {
    /// A product.
    ProductId = ProductKind("prod");
    /// A variant: what is bought.
    VariantId = VariantKind("var");
    /// A place where stock lies.
    LocationId = LocationKind("loc");
    /// Stock set aside for a checkout.
    ReservationId = ReservationKind("res");
    /// A change of stock.
    MovementId = MovementKind("mov");
    /// A file of products on its way into the catalogue.
    ImportId = ImportKind("imp");
}

/// Variants in one quote or reservation at the most.
pub const BATCH: usize = 1500;

contract! {
    /// The catalogue and its stock, as a checkout needs them.
    pub trait Products = "products.v1", ProductsClient, ProductsServer, ProductsError {
        /// Prices and names of variants, from the database, as they are at this moment. Unknown variants, and
        /// those of products that are not on sale, are left out.
        Read fn quote(QuoteVariants) -> Quote;
        /// Sets stock aside until the lease ends. Repeated with the same key while it is held: prolongs the lease
        /// and answers the same reservation. After its release: refused with `reservation_ended`.
        Keyed fn reserve(ReserveStock) -> Reservation;
        /// Gives a reservation's stock back. Repeated, or without such a reservation: does nothing.
        Keyed fn release(ReleaseStock) -> Released;
    }
}

/// Asks what variants cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuoteVariants {
    /// The variants; at most [`BATCH`].
    pub variant_ids: Vec<VariantId>,
    /// The currency to be paid in. Prices are set per currency; nothing is converted.
    pub currency: Currency,
}

/// What variants cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quote {
    /// One line for each variant that is on sale, in no particular order.
    pub variants: Vec<QuotedVariant>,
}

/// A variant as it is sold at this moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuotedVariant {
    /// The variant.
    pub variant_id: VariantId,
    /// Its product.
    pub product_id: ProductId,
    /// The product's title.
    pub product_title: String,
    /// The variant's own title, such as `Blue / M`.
    pub variant_title: String,
    /// The stock keeping unit, if it has one.
    pub sku: Option<String>,
    /// The price of one, before tax; absent when it is not sold in that currency.
    pub unit_price: Option<Money>,
    /// Whether it has to be shipped.
    pub requires_shipping: bool,
    /// Whether tax is due on it.
    pub taxable: bool,
    /// How many could be bought now. A hint: only a reservation decides.
    pub available: i64,
}

/// Asks for stock to be set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReserveStock {
    /// The identity of the reservation, chosen by the caller before the first attempt.
    pub key: Uuid,
    /// What, each variant once; at most [`BATCH`].
    pub items: Vec<ReservedItem>,
    /// How long the lease runs from now, in seconds.
    pub lease_seconds: u32,
}

/// So many of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReservedItem {
    /// The variant.
    pub variant_id: VariantId,
    /// How many; at least 1.
    pub quantity: i64,
}

/// Stock that is set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// The key it was asked for with.
    pub key: Uuid,
    /// When the lease ends by itself.
    pub expires_at: Moment,
}

/// Asks for a reservation's stock to be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseStock {
    /// The reservation's key.
    pub key: Uuid,
}

/// The stock is given back, now or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Released {}

/// Why the catalogue refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum ProductsError {
    /// Not enough stock; nothing was set aside.
    #[error("there is not enough stock")]
    OutOfStock {
        /// The variants that fall short, with what is left of each.
        short: Vec<ShortItem>,
    },
    /// The reservation of this key was released, consumed or has expired.
    #[error("the reservation has ended")]
    ReservationEnded,
    /// More items at once than a batch may have.
    #[error("at most {limit} items at once")]
    TooMany {
        /// The limit.
        limit: u32,
    },
    /// A quantity below 1, or a variant twice.
    #[error("each variant may be asked for once, with a quantity of at least 1")]
    InvalidItems,
    /// No answer.
    #[error(transparent)]
    Failed(#[from] CallFailure),
}

/// A variant of which there is not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShortItem {
    /// The variant.
    pub variant_id: VariantId,
    /// How many are left.
    pub available: i64,
}

events! {
    /// A product was added.
    ProductCreated = "product.created" about product_id {
        /// The product.
        product_id: ProductId,
    }
    /// A product, its variants or its prices changed.
    ProductUpdated = "product.updated" about product_id {
        /// The product.
        product_id: ProductId,
    }
    /// The last available unit of a variant is taken.
    StockOut = "stock.out" about variant_id {
        /// The variant.
        variant_id: VariantId,
    }
    /// A variant of which there was none is available again.
    StockBack = "stock.back" about variant_id {
        /// The variant.
        variant_id: VariantId,
        /// How many.
        available: i64,
    }
    /// A reservation's lease ended and its stock is free again.
    ReservationExpired = "reservation.expired" about key {
        /// The key it was asked for with.
        key: Uuid,
    }
}
