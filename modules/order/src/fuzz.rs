//! What is read from outside here, whatever it is: see `platform::fuzz`.

use order_api::{FindOrders, OrderSummaries};
use platform::fuzz::{self, Target};

use crate::{cart, checkout, fulfillment, order, shipping, tax};

/// Those of this module.
pub const TARGETS: &[Target] =
    &[("order_bodies", order_bodies), ("order_calls", order_calls), ("order_queries", order_queries)];

/// The body of every operation.
pub fn order_bodies(bytes: &[u8]) {
    let bodies: [fn(&[u8]); 11] = [
        |bytes| _ = fuzz::body::<cart::http::CartBody>(bytes),
        |bytes| _ = fuzz::body::<cart::http::CartItemBody>(bytes),
        |bytes| _ = fuzz::body::<cart::http::QuantityBody>(bytes),
        |bytes| _ = fuzz::body::<cart::http::CartPatchBody>(bytes),
        |bytes| _ = fuzz::body::<checkout::http::CompleteBody>(bytes),
        |bytes| _ = fuzz::body::<checkout::http::CheckoutBody>(bytes),
        |bytes| _ = fuzz::body::<checkout::http::InterventionBody>(bytes),
        |bytes| _ = fuzz::body::<order::http::CancelBody>(bytes),
        |bytes| _ = fuzz::body::<fulfillment::http::FulfillmentBody>(bytes),
        |bytes| _ = fuzz::body::<shipping::http::ShippingOptionBody>(bytes),
        |bytes| _ = fuzz::body::<tax::http::TaxRegionBody>(bytes),
    ];
    if let Some((body, rest)) = fuzz::one_of(&bodies, bytes) {
        body(rest);
    }
}

/// The parameters of every list.
pub fn order_queries(bytes: &[u8]) {
    let queries: [fn(&[u8]); 4] = [
        |bytes| _ = fuzz::parameters::<order::http::OwnOrdersParams>(bytes),
        |bytes| _ = fuzz::parameters::<order::http::OrdersParams>(bytes),
        |bytes| _ = fuzz::parameters::<fulfillment::http::FulfillmentsParams>(bytes),
        |bytes| _ = fuzz::parameters::<checkout::http::ProcessesParams>(bytes),
    ];
    if let Some((query, rest)) = fuzz::one_of(&queries, bytes) {
        query(rest);
    }
}

/// What the gateway asks, and what is answered.
pub fn order_calls(bytes: &[u8]) {
    fuzz::frame::<FindOrders>(bytes);
    fuzz::frame::<OrderSummaries>(bytes);
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_seed_is_taken_as_it_must_be() {
        platform::fuzz::run_through("order", super::TARGETS);
    }
}
