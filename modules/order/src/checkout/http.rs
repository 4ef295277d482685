//! How the storefront checks out, and how operators look after it.

use actix_web::web::Data;
use actix_web::{HttpRequest, get, post};
use kernel::{Address, Currency, Moment, Money};
use order_api::{CartId, CartKind, CheckoutId, CheckoutKind, OrderId, ShippingOptionId};
use payment_api::CaptureMethod;
use platform::http::{
    Answer, Caller, Command, PageView, Params, PathId, Problem, RequiredKey, Routes, page_request,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

use super::State;
use super::answer::{CheckoutView, PlacedView};
use super::begin::Purchase;
use super::service::{CheckoutError, Checkouts, NewCart};
use super::store::{Checkout, LogEntry, PaymentChoice};
use crate::cart::http::{CartItemBody, visitor};
use crate::cart::service::CartChange;

/// A checkout talks to two other modules and to the payment provider: it is given longer than other writes.
const PATIENCE: Duration = Duration::from_secs(12);

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(complete).service(buy_now).service(list).service(read).service(retry).service(end);
}

/// How it is paid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PaymentBody {
    /// Whom to ask.
    #[schema(example = "test")]
    pub provider: String,
    /// The provider's token for the payer's means of payment. Never a card number.
    #[schema(example = "approve")]
    pub token: String,
    /// When the money is taken: `automatic` (default) or `manual`, by staff.
    #[serde(default)]
    pub capture: Option<CaptureMethod>,
}

impl From<PaymentBody> for PaymentChoice {
    fn from(body: PaymentBody) -> Self {
        Self {
            provider: body.provider,
            token: body.token,
            capture: body.capture.unwrap_or(CaptureMethod::Automatic),
            guest_salt: None,
        }
    }
}

/// Turns a cart into an order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CompleteBody {
    /// How it is paid.
    pub payment: PaymentBody,
    /// What the customer was shown. With another total nothing is charged and the answer is 409 `cart_changed`.
    #[serde(default)]
    pub expected_total: Option<Money>,
}

/// Buys in one go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CheckoutBody {
    /// What it is paid in.
    pub currency: Currency,
    /// What is bought.
    pub items: Vec<CartItemBody>,
    /// Where the confirmation goes.
    #[serde(default)]
    pub email: Option<String>,
    /// Where the parcel goes.
    #[serde(default)]
    pub shipping_address: Option<Address>,
    /// Where the invoice goes; the shipping address when absent.
    #[serde(default)]
    pub billing_address: Option<Address>,
    /// How it is shipped.
    #[serde(default)]
    pub shipping_option_id: Option<ShippingOptionId>,
    /// How it is paid.
    pub payment: PaymentBody,
    /// What the customer was shown.
    #[serde(default)]
    pub expected_total: Option<Money>,
}

/// A checkout, as operators see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessView {
    /// The checkout.
    pub id: CheckoutId,
    /// Always `checkout`.
    pub kind: &'static str,
    /// Where it is.
    pub state: &'static str,
    /// The cart it began with.
    pub cart_id: CartId,
    /// The order it is to become.
    pub order_id: OrderId,
    /// When it goes on by itself; never when absent.
    pub wake_at: Option<Moment>,
    /// How it got there.
    pub log: Vec<LogEntry>,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
}

impl From<Checkout> for ProcessView {
    fn from(checkout: Checkout) -> Self {
        Self {
            id: checkout.id,
            kind: "checkout",
            state: checkout.state.name(),
            cart_id: checkout.cart_id,
            order_id: checkout.order_id,
            wake_at: checkout.wake_at,
            log: checkout.log,
            created_at: checkout.created_at,
            updated_at: checkout.updated_at,
        }
    }
}

/// Which processes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProcessesParams {
    /// Processes on the page, 1 to 100.
    limit: Option<u32>,
    /// The `nextCursor` of the page before.
    after: Option<String>,
    /// Only in this state; without it those that have not come to their end.
    state: Option<String>,
}

/// Why an operator steps in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct InterventionBody {
    /// Why; kept in the process's log.
    #[schema(example = "the provider confirmed by telephone")]
    pub reason: String,
}

/// Turn a cart into an order
#[utoipa::path(
    tag = "checkout", params(("id" = CartId, Path), RequiredKey), request_body = CompleteBody,
    responses(
        (status = 201, description = "Placed", body = PlacedView),
        (status = 202, description = "Still running, or the payer has to act", body = CheckoutView),
        (status = 402, description = "Declined", body = Problem),
        (status = 409, description = "`cart_changed`, `out_of_stock`, `cart_locked`", body = Problem),
    )
)]
#[post("/v1/carts/{id}/complete")]
async fn complete(
    checkouts: Data<Checkouts>,
    PathId(id): PathId<CartKind>,
    command: Command<CompleteBody>,
    request: HttpRequest,
) -> Result<Answer, Problem> {
    let key = command.require_key()?.clone();
    let (service, visitor) = (checkouts.clone(), visitor(&request, &command.caller));
    let call = command.caller.call_until(PATIENCE);
    let body = command.body;
    let purchase = Purchase { payment: body.payment.into(), expected_total: body.expected_total, key };
    let work = async move { service.complete(&call, &visitor, id, purchase).await };
    checkouts.commands.supervise(command.caller.traceparent().cloned(), work).await
}

/// Buy in one go: cart, addresses, shipping and payment
#[utoipa::path(
    tag = "checkout", params(RequiredKey), request_body = CheckoutBody,
    responses(
        (status = 201, description = "Placed", body = PlacedView),
        (status = 202, description = "Still running, or the payer has to act", body = CheckoutView),
        (status = 402, description = "Declined", body = Problem),
        (status = 409, description = "`cart_changed`, `out_of_stock`", body = Problem),
    )
)]
#[post("/v1/checkout")]
async fn buy_now(checkouts: Data<Checkouts>, command: Command<CheckoutBody>) -> Result<Answer, Problem> {
    let key = command.require_key()?.clone();
    let service = checkouts.clone();
    let call = command.caller.call_until(PATIENCE);
    let body = command.body;
    let new = NewCart {
        currency: body.currency,
        items: body.items.into_iter().map(Into::into).collect(),
        change: CartChange {
            email: Some(body.email),
            shipping_address: Some(body.shipping_address),
            billing_address: Some(body.billing_address),
            shipping_option_id: Some(body.shipping_option_id),
        },
    };
    let purchase = Purchase { payment: body.payment.into(), expected_total: body.expected_total, key };
    let work = async move { service.buy_now(&call, new, purchase).await };
    checkouts.commands.supervise(command.caller.traceparent().cloned(), work).await
}

/// Processes that have not come to their end, or those in one state
#[utoipa::path(tag = "processes", params(ProcessesParams), responses((status = 200, body = PageView<ProcessView>)))]
#[get("/v1/admin/processes")]
async fn list(
    checkouts: Data<Checkouts>,
    Params(params): Params<ProcessesParams>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("processes:read")?;
    if params.state.as_deref().is_some_and(|state| !State::NAMES.contains(&state)) {
        return Err(Problem::bad_request("invalid_parameter", "A query parameter is not what this takes")
            .field("/state", "invalid_value", format!("Expected one of {}", State::NAMES.join(", "))));
    }
    let scope = format!("processes?state={:?}", params.state);
    let page = page_request(&scope, params.limit, params.after.as_deref())?;
    let page = checkouts.list(params.state.as_deref(), &page).await?.map(ProcessView::from);
    Ok(Answer::ok(&PageView::new(&scope, page, |last| last.id.uuid())?))
}

/// A process, with the log of how it got where it is
#[utoipa::path(tag = "processes", params(("id" = CheckoutId, Path)), responses((status = 200, body = ProcessView)))]
#[get("/v1/admin/processes/{id}")]
async fn read(
    checkouts: Data<Checkouts>,
    PathId(id): PathId<CheckoutKind>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("processes:read")?;
    Ok(Answer::ok(&ProcessView::from(checkouts.find(id).await?)))
}

/// Let a process go on at once
#[utoipa::path(
    tag = "processes", params(("id" = CheckoutId, Path)), request_body = InterventionBody,
    responses((status = 200, body = ProcessView))
)]
#[post("/v1/admin/processes/{id}/retry")]
async fn retry(
    checkouts: Data<Checkouts>,
    PathId(id): PathId<CheckoutKind>,
    command: Command<InterventionBody>,
) -> Result<Answer, Problem> {
    let staff = command.caller.require("processes:write")?;
    let service = checkouts.clone();
    let work = move |body: InterventionBody, _| async move {
        let checkout = service.retry(id, &staff.to_string(), &body.reason).await?;
        Ok(Answer::ok(&ProcessView::from(checkout)))
    };
    checkouts.commands.run(command, work).await
}

/// End a process: what it did is undone
#[utoipa::path(
    tag = "processes", params(("id" = CheckoutId, Path)), request_body = InterventionBody,
    responses((status = 200, body = ProcessView))
)]
#[post("/v1/admin/processes/{id}/end")]
async fn end(
    checkouts: Data<Checkouts>,
    PathId(id): PathId<CheckoutKind>,
    command: Command<InterventionBody>,
) -> Result<Answer, Problem> {
    let staff = command.caller.require("processes:write")?;
    let service = checkouts.clone();
    let work = move |body: InterventionBody, _| async move {
        let checkout = service.end(id, &staff.to_string(), &body.reason).await?;
        Ok(Answer::ok(&ProcessView::from(checkout)))
    };
    checkouts.commands.run(command, work).await
}

impl From<CheckoutError> for Problem {
    fn from(error: CheckoutError) -> Self {
        let detail = error.to_string();
        match error {
            CheckoutError::NotFound => Self::not_found("process"),
            CheckoutError::Ended { .. } => Self::conflict("process_ended", detail),
            CheckoutError::Db(error) => error.into(),
        }
    }
}
