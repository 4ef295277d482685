//! An order: a copy of everything that was agreed, and where it stands.

pub(crate) mod http;
pub(crate) mod item;
pub(crate) mod service;
pub(crate) mod store;

use kernel::{Address, Currency, Moment, Money};
use order_api::{CartId, OrderId, OrderItemId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::pricing::Totals;

pub(crate) use item::OrderItem;

/// An order. Nothing in it points back at the catalogue: prices and names may change, what was bought does not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    /// Its id.
    pub id: OrderId,
    /// The number that people use; given when it is placed.
    pub number: Option<String>,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// How its payment stands, as computed by [`payment_status`].
    pub payment_status: PaymentStatus,
    /// How its shipping stands, as computed by [`fulfillment_status`].
    pub fulfillment_status: FulfillmentStatus,
    /// The cart it was made of.
    pub cart_id: CartId,
    /// The customer, unless it was a guest.
    pub customer_id: Option<Uuid>,
    /// SHA-256 of the token by which a guest may see it.
    pub token_hash: Vec<u8>,
    /// Where the confirmation goes.
    pub email: String,
    /// What it is paid in.
    pub currency: Currency,
    /// What it comes to.
    pub totals: Totals,
    /// Where the parcel goes.
    pub shipping_address: Option<Address>,
    /// Where the invoice goes.
    pub billing_address: Option<Address>,
    /// What it is shipped by: the option's name at the time.
    pub shipping_name: Option<String>,
    /// The tax rate at the time, in hundredths of a percent.
    pub tax_basis_points: i64,
    /// How the money stands.
    pub paid: Paid,
    /// The identity of its payment.
    pub payment_key: Uuid,
    /// The identity of its stock reservation.
    pub reservation_key: Uuid,
    /// Why it was canceled.
    pub cancel_reason: Option<String>,
    /// When it was placed.
    pub placed_at: Option<Moment>,
    /// When it was canceled.
    pub canceled_at: Option<Moment>,
    /// Rises with every change.
    pub version: i64,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
    /// What was bought.
    pub items: Vec<OrderItem>,
}

/// How an order's money stands, in minor units of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Paid {
    /// Promised and not captured.
    pub authorized: i64,
    /// Taken.
    pub captured: i64,
    /// Given back.
    pub refunded: i64,
}

macro_rules! status {
    ($(#[$doc:meta])* $Status:ident { $( $(#[$variant_doc:meta])* $Variant:ident = $text:literal, )+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub(crate) enum $Status { $( $(#[$variant_doc])* $Variant, )+ }

        impl $Status {
            /// All of them.
            pub(crate) const ALL: &[Self] = &[$( Self::$Variant ),+];

            /// As it is stored and shown.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $( Self::$Variant => $text, )+ }
            }
        }

        impl std::str::FromStr for $Status {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|status| status.as_str() == text).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|status| status.as_str()).collect();
                    format!("expected one of {}", known.join(", "))
                })
            }
        }

        impl TryFrom<String> for $Status {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }
    };
}

status! {
    /// Where an order is in its life.
    OrderStatus {
        /// Waits for its payment.
        PendingPayment = "pendingPayment",
        /// Agreed: from here on it is fulfilled or canceled.
        Placed = "placed",
        /// All of it is shipped.
        Completed = "completed",
        /// It is not to be.
        Canceled = "canceled",
    }
}

status! {
    /// How an order's payment stands.
    PaymentStatus {
        /// Nothing is due.
        None = "none",
        /// Something is due and nothing is promised.
        Pending = "pending",
        /// Promised.
        Authorized = "authorized",
        /// Taken in part.
        PartiallyPaid = "partiallyPaid",
        /// Taken.
        Paid = "paid",
        /// More was taken than is due.
        Overpaid = "overpaid",
        /// Given back in part.
        PartiallyRefunded = "partiallyRefunded",
        /// Given back.
        Refunded = "refunded",
        /// Given up before it was taken.
        Voided = "voided",
    }
}

status! {
    /// How an order's shipping stands.
    FulfillmentStatus {
        /// Nothing is shipped.
        Unfulfilled = "unfulfilled",
        /// Some of it is.
        PartiallyFulfilled = "partiallyFulfilled",
        /// All of it is.
        Fulfilled = "fulfilled",
        /// All of it was canceled first.
        Canceled = "canceled",
        /// Nothing has to be.
        NotRequired = "notRequired",
    }
}

/// From where an order may go where: the table behind every transition.
pub(crate) const TRANSITIONS: &[(OrderStatus, OrderStatus)] = &[
    (OrderStatus::PendingPayment, OrderStatus::Placed),
    (OrderStatus::PendingPayment, OrderStatus::Canceled),
    (OrderStatus::Placed, OrderStatus::Completed),
    (OrderStatus::Placed, OrderStatus::Canceled),
];

/// How the payment stands, from what is due and what was moved.
pub(crate) fn payment_status(total: Money, paid: Paid, canceled: bool) -> PaymentStatus {
    match paid {
        Paid { captured, refunded, .. } if captured > 0 && refunded >= captured => PaymentStatus::Refunded,
        Paid { refunded, .. } if refunded > 0 => PaymentStatus::PartiallyRefunded,
        Paid { captured, .. } if captured > total.amount => PaymentStatus::Overpaid,
        Paid { captured, .. } if captured > 0 && captured == total.amount => PaymentStatus::Paid,
        Paid { captured, .. } if captured > 0 => PaymentStatus::PartiallyPaid,
        Paid { authorized, .. } if authorized > 0 => PaymentStatus::Authorized,
        _ if canceled => PaymentStatus::Voided,
        _ if total.amount == 0 => PaymentStatus::None,
        _ => PaymentStatus::Pending,
    }
}

/// How the shipping stands, from the lines.
pub(crate) fn fulfillment_status(items: &[OrderItem]) -> FulfillmentStatus {
    let ships: Vec<&OrderItem> = items.iter().filter(|item| item.requires_shipping).collect();
    if ships.is_empty() {
        return FulfillmentStatus::NotRequired;
    }
    let fulfilled: i64 = ships.iter().map(|item| item.fulfilled).sum();
    let open: i64 = ships.iter().map(|item| item.open()).sum();
    match (fulfilled, open) {
        (0, 0) => FulfillmentStatus::Canceled,
        (0, _) => FulfillmentStatus::Unfulfilled,
        (_, 0) => FulfillmentStatus::Fulfilled,
        (_, _) => FulfillmentStatus::PartiallyFulfilled,
    }
}

/// What so many of each line cost, tax included: what goes back when they are canceled. Shipping goes back with the
/// last of it.
pub(crate) fn worth(order: &Order, canceled: &[(OrderItemId, i64)]) -> Money {
    let mut amount = 0;
    for (id, quantity) in canceled {
        if let Some(item) = order.items.iter().find(|item| item.id == *id) {
            // The part before and after, so that several part-cancels add up to the line exactly.
            let share = |count: i64| {
                i128::from(item.total + item.tax) * i128::from(count) / i128::from(item.quantity.max(1))
            };
            amount += (share(item.canceled + quantity) - share(item.canceled)) as i64;
        }
    }
    Money::new(amount, order.currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(amount: i64) -> Money {
        Money::new(amount, "USD".parse().unwrap())
    }

    fn item(quantity: i64, fulfilled: i64, canceled: i64) -> OrderItem {
        OrderItem {
            id: kernel::Id::from_uuid(Uuid::nil()),
            variant_id: Uuid::nil(),
            product_id: Uuid::nil(),
            sku: None,
            title: "Tea".into(),
            variant_title: "Tin".into(),
            requires_shipping: true,
            quantity,
            fulfilled,
            canceled,
            unit_price: 100,
            total: 100 * quantity,
            tax: 0,
        }
    }

    #[test]
    fn the_payment_status_follows_the_amounts() {
        let status = |authorized, captured, refunded| {
            payment_status(usd(100), Paid { authorized, captured, refunded }, false)
        };
        assert_eq!(status(0, 0, 0), PaymentStatus::Pending);
        assert_eq!(status(100, 0, 0), PaymentStatus::Authorized);
        assert_eq!(status(60, 40, 0), PaymentStatus::PartiallyPaid);
        assert_eq!(status(0, 100, 0), PaymentStatus::Paid);
        assert_eq!(status(0, 101, 0), PaymentStatus::Overpaid);
        assert_eq!(status(0, 100, 30), PaymentStatus::PartiallyRefunded);
        assert_eq!(status(0, 100, 100), PaymentStatus::Refunded);
        assert_eq!(payment_status(usd(100), Paid::default(), true), PaymentStatus::Voided);
        assert_eq!(payment_status(usd(0), Paid::default(), false), PaymentStatus::None);
    }

    #[test]
    fn the_fulfillment_status_follows_the_lines() {
        let status = |items: &[OrderItem]| fulfillment_status(items);
        assert_eq!(status(&[item(2, 0, 0)]), FulfillmentStatus::Unfulfilled);
        assert_eq!(status(&[item(2, 1, 0)]), FulfillmentStatus::PartiallyFulfilled);
        assert_eq!(status(&[item(2, 1, 1), item(1, 0, 1)]), FulfillmentStatus::Fulfilled);
        assert_eq!(status(&[item(2, 0, 2)]), FulfillmentStatus::Canceled);
        assert_eq!(
            status(&[OrderItem { requires_shipping: false, ..item(1, 0, 0) }]),
            FulfillmentStatus::NotRequired
        );
    }

    #[test]
    fn no_order_leaves_a_final_status() {
        for last in [OrderStatus::Completed, OrderStatus::Canceled] {
            assert!(TRANSITIONS.iter().all(|(from, _)| *from != last), "{last:?}");
        }
    }

    #[test]
    fn statuses_survive_their_text() {
        for status in OrderStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert!("shipped".parse::<OrderStatus>().is_err());
    }
}
