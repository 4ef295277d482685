//! How staff ask for ways of shipping. Customers see them through their carts.

use actix_web::web::Data;
use actix_web::{delete, get, post};
use kernel::{Id, Moment, Money};
use order_api::{ShippingOptionId, ShippingOptionKind};
use platform::http::{Answer, Caller, Command, PageView, PathId, Problem, Routes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::service::{Shipping, ShippingError};
use super::{ShippingOption, ShippingRefusal};

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(list).service(create).service(remove);
}

/// A new way of shipping.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ShippingOptionBody {
    /// What the customer reads.
    #[schema(example = "Standard, 3 to 5 days")]
    pub name: String,
    /// What it costs, before tax; it is offered to carts in this currency.
    pub price: Money,
}

/// A way of shipping.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShippingOptionView {
    /// Its id.
    pub id: ShippingOptionId,
    /// What the customer reads.
    pub name: String,
    /// What it costs, before tax.
    pub price: Money,
    /// Since when.
    pub created_at: Moment,
}

impl From<ShippingOption> for ShippingOptionView {
    fn from(option: ShippingOption) -> Self {
        Self { id: option.id, name: option.name, price: option.price, created_at: option.created_at }
    }
}

/// All ways of shipping
#[utoipa::path(tag = "shipping", responses((status = 200, body = PageView<ShippingOptionView>)))]
#[get("/v1/admin/shipping-options")]
async fn list(shipping: Data<Shipping>, caller: Caller) -> Result<Answer, Problem> {
    caller.require("shipping:read")?;
    let page = shipping.list().await?.map(ShippingOptionView::from);
    Ok(Answer::ok(&PageView::new("shipping-options", page, |last| last.id)?))
}

/// Offer a new way of shipping
#[utoipa::path(tag = "shipping", request_body = ShippingOptionBody, responses((status = 201, body = ShippingOptionView)))]
#[post("/v1/admin/shipping-options")]
async fn create(shipping: Data<Shipping>, command: Command<ShippingOptionBody>) -> Result<Answer, Problem> {
    command.caller.require("shipping:write")?;
    let service = shipping.clone();
    let work = move |body: ShippingOptionBody, effect: platform::Effect| async move {
        let option = service.create(Id::from_uuid(effect.id), body.name, body.price).await?;
        Ok(Answer::created("/v1/admin/shipping-options", &ShippingOptionView::from(option)))
    };
    shipping.commands.run(command, work).await
}

/// Offer it no longer
#[utoipa::path(tag = "shipping", params(("id" = ShippingOptionId, Path)), responses((status = 204)))]
#[delete("/v1/admin/shipping-options/{id}")]
async fn remove(
    shipping: Data<Shipping>,
    PathId(id): PathId<ShippingOptionKind>,
    command: Command<()>,
) -> Result<Answer, Problem> {
    command.caller.require("shipping:write")?;
    let service = shipping.clone();
    let work = move |(), _| async move {
        service.delete(id).await?;
        Ok(Answer::no_content())
    };
    shipping.commands.run(command, work).await
}

impl From<ShippingError> for Problem {
    fn from(error: ShippingError) -> Self {
        let detail = error.to_string();
        match error {
            ShippingError::Refused(refusal) => {
                let pointer = match refusal {
                    ShippingRefusal::InvalidName => "/name",
                    ShippingRefusal::NegativePrice => "/price/amount",
                };
                Self::unprocessable("invalid_shipping_option", "It cannot be offered like that").field(
                    pointer,
                    "invalid_value",
                    detail,
                )
            }
            ShippingError::NotFound => Self::not_found("shipping option"),
            ShippingError::Db(error) => error.into(),
        }
    }
}
