//! What whoever checks out is told.

use actix_web::http::StatusCode;
use order_api::{CheckoutId, OrderId};
use platform::http::{Answer, Problem};
use serde::Serialize;
use utoipa::ToSchema;

use super::Reason;
use crate::order::Order;
use crate::order::http::OrderView;

/// A checkout that is still on its way, or waits for the payer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckoutView {
    /// The checkout.
    pub id: CheckoutId,
    /// The order it is to become.
    pub order_id: OrderId,
    /// `processing`, or `requiresAction`.
    pub status: &'static str,
    /// What the payer has to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_action: Option<NextAction>,
}

/// What the payer has to do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NextAction {
    /// Always `redirect`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Where to.
    pub url: String,
}

/// An order that was just placed, as the answer to its checkout.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlacedView {
    #[serde(flatten)]
    order: OrderView,
    /// Lets a guest look at the order: send it as `X-Cart-Token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// 201: the order is placed. The salt of a guest's token stands where the token will.
pub(crate) fn placed(order: Order, salt: Option<&str>) -> Answer {
    let (id, version) = (order.id, order.version);
    let view = PlacedView { order: order.into(), token: salt.map(str::to_owned) };
    let answer = Answer::created(format!("/v1/orders/{id}"), &view).with_etag(version);
    match salt {
        Some(salt) => answer.salted(salt),
        None => answer,
    }
}

/// 202: it goes on without whoever asked.
pub(crate) fn processing(id: CheckoutId, order_id: OrderId) -> Answer {
    let view = CheckoutView { id, order_id, status: "processing", next_action: None };
    Answer::accepted(format!("/v1/orders/{order_id}"), &view)
}

/// 202: the payer has to do something first.
pub(crate) fn requires_action(id: CheckoutId, order_id: OrderId, url: String) -> Answer {
    let next_action = Some(NextAction { kind: "redirect", url });
    let view = CheckoutView { id, order_id, status: "requiresAction", next_action };
    Answer::accepted(format!("/v1/orders/{order_id}"), &view)
}

/// It came to nothing, and why.
pub(crate) fn failed(reason: &Reason) -> Problem {
    match reason {
        Reason::PaymentDeclined { decline_code } => Problem::new(
            StatusCode::PAYMENT_REQUIRED,
            "payment_declined",
            "The payment was declined; nothing was charged",
        )
        .extend("declineCode", decline_code.clone().into()),
        Reason::PaymentRefused { error } => Problem::unprocessable(
            "payment_refused",
            "The payment could not be asked for",
        )
        .field("/payment", "payment_refused", error.clone()),
        Reason::OutOfStock => {
            Problem::conflict("out_of_stock", "There is not enough stock; nothing was charged")
        }
        Reason::PaymentAbandoned => Problem::new(
            StatusCode::PAYMENT_REQUIRED,
            "payment_abandoned",
            "The payer did not confirm the payment in time",
        ),
        Reason::PaymentCanceled => Problem::new(
            StatusCode::PAYMENT_REQUIRED,
            "payment_canceled",
            "The payment was canceled; nothing was charged",
        ),
        Reason::EndedByOperator => {
            Problem::conflict("checkout_ended", "The checkout was ended by the shop; nothing was charged")
        }
    }
}
