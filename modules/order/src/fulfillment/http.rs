//! How staff ask for parcels.

use actix_web::web::Data;
use actix_web::{get, post};
use kernel::{Id, Moment};
use order_api::{FulfillmentId, OrderId, OrderItemId};
use platform::http::{Answer, Caller, Command, Params, Problem, Routes};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::service::{FulfillmentError, Fulfillments, Parcel};
use super::{FulfilledItem, Fulfillment, FulfillmentRefusal};
use crate::cart::http::WholeList;

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(list).service(create);
}

/// A parcel that leaves the house.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FulfillmentBody {
    /// Its order.
    pub order_id: OrderId,
    /// Its lines.
    pub items: Vec<FulfillmentItemBody>,
    /// The carrier's number.
    #[serde(default)]
    pub tracking_number: Option<String>,
    /// Where to follow it.
    #[serde(default)]
    pub tracking_url: Option<String>,
}

/// So many of a line.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FulfillmentItemBody {
    /// The line.
    pub order_item_id: OrderItemId,
    /// How many.
    #[schema(minimum = 1)]
    pub quantity: i64,
}

impl From<FulfillmentBody> for Parcel {
    fn from(body: FulfillmentBody) -> Self {
        let item = |item: FulfillmentItemBody| FulfilledItem {
            order_item_id: item.order_item_id,
            quantity: item.quantity,
        };
        Self {
            order_id: body.order_id,
            items: body.items.into_iter().map(item).collect(),
            tracking_number: body.tracking_number,
            tracking_url: body.tracking_url,
        }
    }
}

/// A parcel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FulfillmentView {
    /// Its id.
    pub id: FulfillmentId,
    /// Its order.
    pub order_id: OrderId,
    /// Its lines.
    pub items: Vec<FulfillmentItemView>,
    /// The carrier's number.
    pub tracking_number: Option<String>,
    /// Where to follow it.
    pub tracking_url: Option<String>,
    /// When it left.
    pub created_at: Moment,
}

/// So many of a line.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FulfillmentItemView {
    /// The line.
    pub order_item_id: OrderItemId,
    /// How many.
    pub quantity: i64,
}

impl From<Fulfillment> for FulfillmentView {
    fn from(parcel: Fulfillment) -> Self {
        let item = |item: FulfilledItem| FulfillmentItemView {
            order_item_id: item.order_item_id,
            quantity: item.quantity,
        };
        Self {
            id: parcel.id,
            order_id: parcel.order_id,
            items: parcel.items.into_iter().map(item).collect(),
            tracking_number: parcel.tracking_number,
            tracking_url: parcel.tracking_url,
            created_at: parcel.created_at,
        }
    }
}

/// Of which order.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FulfillmentsParams {
    /// The order.
    order_id: OrderId,
}

/// The parcels of an order
#[utoipa::path(
    tag = "fulfillments", params(FulfillmentsParams), responses((status = 200, body = WholeList<FulfillmentView>))
)]
#[get("/v1/admin/fulfillments")]
async fn list(
    fulfillments: Data<Fulfillments>,
    Params(params): Params<FulfillmentsParams>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("fulfillments:read")?;
    let parcels = fulfillments.list(params.order_id).await?;
    Ok(Answer::ok(&WholeList { data: parcels.into_iter().map(FulfillmentView::from).collect() }))
}

/// Ship lines of an order
#[utoipa::path(
    tag = "fulfillments", request_body = FulfillmentBody, responses((status = 201, body = FulfillmentView))
)]
#[post("/v1/admin/fulfillments")]
async fn create(
    fulfillments: Data<Fulfillments>,
    command: Command<FulfillmentBody>,
) -> Result<Answer, Problem> {
    command.caller.require("fulfillments:write")?;
    let service = fulfillments.clone();
    let work = move |body: FulfillmentBody, effect: platform::Effect| async move {
        let parcel = service.ship(Id::from_uuid(effect.id), body.into()).await?;
        let location = format!("/v1/admin/fulfillments?orderId={}", parcel.order_id);
        Ok(Answer::created(location, &FulfillmentView::from(parcel)))
    };
    fulfillments.commands.run(command, work).await
}

impl From<FulfillmentError> for Problem {
    fn from(error: FulfillmentError) -> Self {
        let detail = error.to_string();
        let invalid = |pointer: String| {
            Self::unprocessable("invalid_fulfillment", "It cannot be shipped like that").field(
                pointer,
                "invalid_value",
                error.to_string(),
            )
        };
        match error {
            FulfillmentError::Refused(FulfillmentRefusal::WrongStatus { .. }) => {
                Self::conflict("invalid_transition", detail)
            }
            FulfillmentError::Refused(FulfillmentRefusal::InvalidItems) => invalid("/items".into()),
            FulfillmentError::Refused(
                FulfillmentRefusal::NoSuchItem { index } | FulfillmentRefusal::TooMany { index, .. },
            ) => invalid(format!("/items/{index}")),
            FulfillmentError::NoSuchOrder => invalid("/orderId".into()),
            FulfillmentError::Contended => Self::conflict("order_contended", detail).retryable(true),
            FulfillmentError::Db(error) => error.into(),
        }
    }
}
