//! What others may know of the payment module: the contract, its types, its events, its error.

#![deny(missing_docs)]

#[cfg(feature = "fake")]
pub mod fake;

use kernel::{CallFailure, Money, contract, ids};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

ids! {
    /// A payment intent: what is to be paid for one order.
    IntentId = IntentKind("pi");
    /// One send to a provider.
    AttemptId = AttemptKind("att");
    /// Money on its way back.
    RefundId = RefundKind("rfd");
    /// A transfer between two accounts of the ledger.
    TransferId = TransferKind("txn");
}

contract! {
    /// Taking money for orders and giving it back.
    pub trait Payments = "payments.v1", PaymentsClient, PaymentsServer, PaymentsError {
        /// Pays for an order. Repeated with the same key: resumes or answers how it stands; never charges twice.
        Keyed fn pay(PayOrder) -> Payment;
        /// How a payment stands. Asks the provider when the outcome is unknown.
        Keyed fn resolve(ResolvePayment) -> Payment;
        /// Ends a payment that is no longer wanted: voids what is authorised, refunds what is captured. Repeated:
        /// answers how it stands. While the outcome is unknown nothing is ended and the answer says so.
        Keyed fn cancel(CancelPayment) -> Payment;
        /// The payments of these orders, each order's oldest first; orders without one are left out. For whoever
        /// composes answers of several modules.
        Read fn payments(FindPayments) -> PaymentSummaries;
    }
}

/// Asks for an order to be paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayOrder {
    /// The identity of this payment, chosen by the caller before the first attempt.
    pub key: Uuid,
    /// The order, as its module names it: `ord_…`.
    pub order_id: String,
    /// The account of the customer, if there is one.
    pub customer_id: Option<Uuid>,
    /// What is due.
    pub amount: Money,
    /// When the money is taken.
    pub capture: CaptureMethod,
    /// Whom to ask: `test`.
    pub provider: String,
    /// The provider's token for the payer's means of payment. Never a card number.
    pub token: String,
}

/// When authorised money is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum CaptureMethod {
    /// Together with the authorisation.
    Automatic,
    /// Later, by staff.
    Manual,
}

/// Asks how a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResolvePayment {
    /// The key it was asked for with.
    pub key: Uuid,
}

/// Asks for a payment to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CancelPayment {
    /// The key it was asked for with.
    pub key: Uuid,
}

/// A payment as its order sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// The intent.
    pub intent_id: IntentId,
    /// How it stands.
    pub outcome: PaymentOutcome,
}

/// How a payment stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "status", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PaymentOutcome {
    /// The money is promised and can be captured.
    Authorized,
    /// The money is taken.
    Captured,
    /// The payer has to do something first.
    RequiresAction {
        /// Where the payer goes on, such as the bank's page.
        url: String,
    },
    /// The provider or the bank refused; nothing is charged.
    Declined {
        /// Why, as one of the unified codes: `card_declined`, `insufficient_funds`, `expired_card`, ….
        // The schema's macro does not know `rename_all_fields`, so the name stands here, too.
        #[serde(rename = "declineCode")]
        decline_code: String,
    },
    /// It was sent and no clear answer came. It is asked about, not sent again.
    Unknown,
    /// It was ended; nothing is charged or everything is on its way back.
    Canceled,
}

/// Asks for the payments of orders; a request for more than 100 is not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindPayments {
    /// The orders, as their module names them: `ord_…`.
    pub order_ids: Vec<String>,
}

/// Payments that were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentSummaries {
    /// The payments.
    pub payments: Vec<PaymentSummary>,
}

/// A payment as other modules see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentSummary {
    /// The intent.
    pub id: IntentId,
    /// The order it pays for.
    pub order_id: String,
    /// The intent's status.
    pub status: String,
    /// What is due.
    pub amount: Money,
    /// Promised and neither captured nor given up.
    pub authorized: Money,
    /// Taken.
    pub captured: Money,
    /// Given back.
    pub refunded: Money,
}

/// Why payments refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum PaymentsError {
    /// There is no such provider, or it is switched off.
    #[error("there is no payment provider `{provider}`")]
    UnknownProvider {
        /// The name that was given.
        provider: String,
    },
    /// The token is not one of this provider's.
    #[error("the payment token is not one this provider knows")]
    InvalidToken,
    /// The amount is zero or negative.
    #[error("an amount to pay is larger than zero")]
    InvalidAmount,
    /// The key belongs to a payment of another order or amount.
    #[error("the key was used for another payment")]
    KeyReused,
    /// There is no payment with this key; nothing was ever sent for it.
    #[error("there is no such payment")]
    NotFound,
    /// No answer.
    #[error(transparent)]
    Failed(#[from] CallFailure),
}

macro_rules! payment_events {
    ($( $(#[$doc:meta])* $Event:ident = $kind:literal )+) => {
        kernel::events! {
            $( $(#[$doc])* $Event = $kind about intent_id {
                /// The intent.
                intent_id: IntentId,
                /// The key the order's checkout chose.
                key: Uuid,
                /// The order.
                order_id: String,
                /// This time.
                amount: Money,
                /// All that is authorised and neither captured nor voided, in minor units.
                authorized: i64,
                /// All that was captured, in minor units.
                captured: i64,
                /// All that was refunded, in minor units.
                refunded: i64,
            } )+
        }
    };
}

payment_events! {
    /// Money is promised.
    PaymentAuthorized = "payment.authorized"
    /// Money is taken.
    PaymentCaptured = "payment.captured"
    /// An attempt was refused.
    PaymentDeclined = "payment.declined"
    /// An attempt was sent and no clear answer came.
    PaymentUnknown = "payment.unknown"
    /// What was authorised is given up.
    PaymentVoided = "payment.voided"
    /// Money went back.
    RefundSucceeded = "refund.succeeded"
    /// A refund did not go through.
    RefundFailed = "refund.failed"
    /// A payer disputes a charge at their bank; the provider has taken the money back until that is decided.
    DisputeOpened = "dispute.opened"
    /// A dispute was decided for the shop; the money is back.
    DisputeWon = "dispute.won"
}
