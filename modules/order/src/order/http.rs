//! How customers and staff ask for orders.

use actix_web::web::Data;
use actix_web::{HttpRequest, get, post};
use kernel::{Address, Currency, Id, Moment, Money};
use order_api::{OrderId, OrderItemId, OrderKind};
use platform::http::{Answer, Caller, Command, PageView, Params, PathId, Problem, Routes, page_request};
use product_api::{ProductId, VariantId};
use serde::{Deserialize, Serialize};
use user_api::AccountId;
use utoipa::{IntoParams, ToSchema};

use super::service::{Cancellation, OrderError, Orders};
use super::store::OrderFilter;
use super::{FulfillmentStatus, Order, OrderItem, OrderStatus, PaymentStatus};
use crate::cart::http::visitor;
use crate::pricing::Totals;

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(list_own).service(read_own).service(list).service(read).service(cancel);
}

/// An order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderView {
    /// Its id.
    pub id: OrderId,
    /// The number that people use; given when it is placed.
    pub number: Option<String>,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// How its payment stands.
    pub payment_status: PaymentStatus,
    /// How its shipping stands.
    pub fulfillment_status: FulfillmentStatus,
    /// The customer; absent for a guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<AccountId>,
    /// Where the confirmation goes.
    pub email: String,
    /// What it is paid in.
    pub currency: Currency,
    /// What was bought.
    pub items: Vec<OrderItemView>,
    /// What it comes to.
    pub totals: Totals,
    /// How the money stands.
    pub amounts: AmountsView,
    /// Where the parcel goes.
    pub shipping_address: Option<Address>,
    /// Where the invoice goes.
    pub billing_address: Option<Address>,
    /// What it is shipped by.
    pub shipping_name: Option<String>,
    /// Why it was canceled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<String>,
    /// When it was placed.
    pub placed_at: Option<Moment>,
    /// When it was canceled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canceled_at: Option<Moment>,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
}

/// A line of an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderItemView {
    /// Its id.
    pub id: OrderItemId,
    /// What.
    pub variant_id: VariantId,
    /// Its product.
    pub product_id: ProductId,
    /// The stock keeping unit at the time.
    pub sku: Option<String>,
    /// The product's title at the time.
    pub title: String,
    /// The variant's title at the time.
    pub variant_title: String,
    /// How many were bought.
    pub quantity: i64,
    /// How many were shipped.
    pub fulfilled_quantity: i64,
    /// How many were canceled.
    pub canceled_quantity: i64,
    /// The price of one.
    pub unit_price: Money,
    /// The line before tax.
    pub total: Money,
    /// Its part of the tax.
    pub tax: Money,
}

/// How an order's money stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AmountsView {
    /// Promised and not captured.
    pub authorized: Money,
    /// Taken.
    pub captured: Money,
    /// Given back.
    pub refunded: Money,
}

impl From<Order> for OrderView {
    fn from(order: Order) -> Self {
        let money = |amount| Money::new(amount, order.currency);
        let item = |item: OrderItem| OrderItemView {
            id: item.id,
            variant_id: Id::from_uuid(item.variant_id),
            product_id: Id::from_uuid(item.product_id),
            sku: item.sku,
            title: item.title,
            variant_title: item.variant_title,
            quantity: item.quantity,
            fulfilled_quantity: item.fulfilled,
            canceled_quantity: item.canceled,
            unit_price: money(item.unit_price),
            total: money(item.total),
            tax: money(item.tax),
        };
        Self {
            id: order.id,
            number: order.number,
            status: order.status,
            payment_status: order.payment_status,
            fulfillment_status: order.fulfillment_status,
            customer_id: order.customer_id.map(Id::from_uuid),
            email: order.email,
            currency: order.currency,
            items: order.items.into_iter().map(item).collect(),
            totals: order.totals,
            amounts: AmountsView {
                authorized: money(order.paid.authorized),
                captured: money(order.paid.captured),
                refunded: money(order.paid.refunded),
            },
            shipping_address: order.shipping_address,
            billing_address: order.billing_address,
            shipping_name: order.shipping_name,
            cancel_reason: order.cancel_reason,
            placed_at: order.placed_at,
            canceled_at: order.canceled_at,
            created_at: order.created_at,
            updated_at: order.updated_at,
        }
    }
}

/// Which page of one's own orders.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OwnOrdersParams {
    /// Orders on the page, 1 to 100.
    limit: Option<u32>,
    /// The `nextCursor` of the page before.
    after: Option<String>,
}

/// Which orders. Several values are separated by commas.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OrdersParams {
    /// Orders on the page, 1 to 100.
    limit: Option<u32>,
    /// The `nextCursor` of the page before.
    after: Option<String>,
    /// Only with one of these statuses.
    #[param(example = "placed,completed")]
    status: Option<String>,
    /// Only with one of these payment statuses.
    #[param(example = "paid")]
    payment_status: Option<String>,
    /// Only with one of these fulfillment statuses.
    fulfillment_status: Option<String>,
    /// Only of this customer.
    customer_id: Option<AccountId>,
}

/// How an order is to be canceled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CancelBody {
    /// Why.
    #[serde(default)]
    #[schema(example = "customer changed their mind")]
    pub reason: Option<String>,
    /// Which lines, and how many of each; all that is open when absent.
    #[serde(default)]
    pub items: Vec<CancelItemBody>,
    /// Whether the goods go back on the shelf.
    #[serde(default = "yes")]
    pub restock: bool,
    /// Whether the money goes back.
    #[serde(default = "yes")]
    pub refund: bool,
}

/// So many of a line.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CancelItemBody {
    /// The line.
    pub order_item_id: OrderItemId,
    /// How many.
    #[schema(minimum = 1)]
    pub quantity: i64,
}

fn yes() -> bool {
    true
}

/// One's own orders, newest first
#[utoipa::path(tag = "orders", params(OwnOrdersParams), responses((status = 200, body = PageView<OrderView>)))]
#[get("/v1/orders")]
async fn list_own(
    orders: Data<Orders>,
    Params(params): Params<OwnOrdersParams>,
    caller: Caller,
) -> Result<Answer, Problem> {
    let customer = caller.customer()?;
    let filter = OrderFilter { customer_id: Some(customer), ..OrderFilter::default() };
    let scope = format!("orders?customer={customer}");
    let page = page_request(&scope, params.limit, params.after.as_deref())?;
    let page = orders.list(&filter, &page).await?.map(OrderView::from);
    Ok(Answer::ok(&PageView::new(&scope, page, |last| last.id.uuid())?))
}

/// One's own order; a guest shows the cart's token
#[utoipa::path(tag = "orders", params(("id" = OrderId, Path)), responses((status = 200, body = OrderView)))]
#[get("/v1/orders/{id}")]
async fn read_own(
    orders: Data<Orders>,
    PathId(id): PathId<OrderKind>,
    caller: Caller,
    request: HttpRequest,
) -> Result<Answer, Problem> {
    let order = orders.own(&visitor(&request, &caller), id).await?;
    let version = order.version;
    Ok(Answer::ok(&OrderView::from(order)).with_etag(version))
}

/// Orders, newest first
#[utoipa::path(tag = "orders", params(OrdersParams), responses((status = 200, body = PageView<OrderView>)))]
#[get("/v1/admin/orders")]
async fn list(
    orders: Data<Orders>,
    Params(params): Params<OrdersParams>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("orders:read")?;
    let filter = OrderFilter {
        customer_id: params.customer_id.map(Id::uuid),
        statuses: statuses("status", params.status.as_deref())?,
        payment_statuses: statuses("paymentStatus", params.payment_status.as_deref())?,
        fulfillment_statuses: statuses("fulfillmentStatus", params.fulfillment_status.as_deref())?,
    };
    let scope = format!("admin/orders?{filter:?}");
    let page = page_request(&scope, params.limit, params.after.as_deref())?;
    let page = orders.list(&filter, &page).await?.map(OrderView::from);
    Ok(Answer::ok(&PageView::new(&scope, page, |last| last.id.uuid())?))
}

/// An order
#[utoipa::path(tag = "orders", params(("id" = OrderId, Path)), responses((status = 200, body = OrderView)))]
#[get("/v1/admin/orders/{id}")]
async fn read(
    orders: Data<Orders>,
    PathId(id): PathId<OrderKind>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("orders:read")?;
    let order = orders.find(id).await?;
    let version = order.version;
    Ok(Answer::ok(&OrderView::from(order)).with_etag(version))
}

/// Cancel an order, whole or in part
#[utoipa::path(
    tag = "orders", params(("id" = OrderId, Path)), request_body = CancelBody,
    responses((status = 200, body = OrderView))
)]
#[post("/v1/admin/orders/{id}/cancel")]
async fn cancel(
    orders: Data<Orders>,
    PathId(id): PathId<OrderKind>,
    command: Command<CancelBody>,
) -> Result<Answer, Problem> {
    command.caller.require("orders:write")?;
    let service = orders.clone();
    let work = move |body: CancelBody, effect: platform::Effect| async move {
        let cancellation = Cancellation {
            id: effect.id,
            items: body.items.into_iter().map(|item| (item.order_item_id, item.quantity)).collect(),
            restock: body.restock,
            refund: body.refund,
            reason: body.reason.unwrap_or_else(|| "canceled by staff".into()),
        };
        let order = service.cancel(id, cancellation).await?;
        let version = order.version;
        Ok(Answer::ok(&OrderView::from(order)).with_etag(version))
    };
    orders.commands.run(command, work).await
}

/// A list of statuses in a query parameter.
fn statuses<S: std::str::FromStr<Err = String>>(name: &str, text: Option<&str>) -> Result<Vec<S>, Problem> {
    let invalid = |detail: String| {
        Problem::bad_request("invalid_parameter", format!("`{name}` is not valid")).field(
            format!("/{name}"),
            "invalid_value",
            detail,
        )
    };
    text.map_or(Ok(Vec::new()), |text| text.split(',').map(|part| part.parse().map_err(invalid)).collect())
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        let detail = error.to_string();
        match error {
            OrderError::NotFound => Self::not_found("order"),
            OrderError::InvalidTransition { .. } => Self::conflict("invalid_transition", detail),
            OrderError::PartlyShipped => Self::conflict("order_partly_shipped", detail),
            OrderError::InvalidItem { index } => Self::unprocessable("invalid_order_item", detail.clone())
                .field(format!("/items/{index}"), "invalid_value", detail),
            OrderError::Contended => Self::conflict("order_contended", detail).retryable(true),
            OrderError::Db(error) => error.into(),
        }
    }
}
