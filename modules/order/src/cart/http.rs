//! How the storefront asks for carts.

use actix_web::web::Data;
use actix_web::{HttpRequest, delete, get, patch, post};
use kernel::{Address, Currency, Id, Moment, Money};
use order_api::{CartId, CartItemId, CartItemKind, CartKind, OrderId, ShippingOptionId};
use platform::http::{Answer, Caller, Command, PathId, PathIds, Problem, Routes};
use product_api::VariantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::service::{CartChange, CartError, Carts, NewItem};
use super::{CartRefusal, CartStatus, PricedCart, PricedLine, Requirement};
use crate::pricing::Totals;
use crate::shipping::http::ShippingOptionView;
use crate::token::{GuestToken, Visitor};

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(create)
        .service(read)
        .service(update)
        .service(add_item)
        .service(update_item)
        .service(remove_item)
        .service(shipping_options)
        .service(missing);
}

/// A new cart.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CartBody {
    /// What it will be paid in.
    pub currency: Currency,
    /// What goes in at once.
    #[serde(default)]
    pub items: Vec<CartItemBody>,
}

/// Something to put into a cart.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CartItemBody {
    /// What.
    pub variant_id: VariantId,
    /// How many.
    #[schema(minimum = 1, maximum = 1_000_000, example = 2)]
    pub quantity: i64,
}

impl From<CartItemBody> for NewItem {
    fn from(body: CartItemBody) -> Self {
        Self { variant_id: body.variant_id, quantity: body.quantity }
    }
}

/// How many of a line there are to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct QuantityBody {
    /// How many.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub quantity: i64,
}

/// Who, where and how. Absent keeps, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CartPatchBody {
    /// Where the confirmation goes.
    #[serde(default, deserialize_with = "platform::http::patch")]
    #[schema(value_type = Option<String>, example = "ada@example.com")]
    pub email: Option<Option<String>>,
    /// Where the parcel goes.
    #[serde(default, deserialize_with = "platform::http::patch")]
    #[schema(value_type = Option<Address>)]
    pub shipping_address: Option<Option<Address>>,
    /// Where the invoice goes; the shipping address when absent.
    #[serde(default, deserialize_with = "platform::http::patch")]
    #[schema(value_type = Option<Address>)]
    pub billing_address: Option<Option<Address>>,
    /// How it is shipped.
    #[serde(default, deserialize_with = "platform::http::patch")]
    #[schema(value_type = Option<ShippingOptionId>)]
    pub shipping_option_id: Option<Option<ShippingOptionId>>,
}

impl From<CartPatchBody> for CartChange {
    fn from(body: CartPatchBody) -> Self {
        Self {
            email: body.email,
            shipping_address: body.shipping_address,
            billing_address: body.billing_address,
            shipping_option_id: body.shipping_option_id,
        }
    }
}

/// A cart, with the shop's prices as they are now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CartView {
    /// Its id.
    pub id: CartId,
    /// Proves that it is yours: send it as `X-Cart-Token`. Shown once, when the cart is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Where it is in its life.
    pub status: CartStatus,
    /// What it will be paid in.
    pub currency: Currency,
    /// Where the confirmation goes.
    pub email: Option<String>,
    /// Where the parcel goes.
    pub shipping_address: Option<Address>,
    /// Where the invoice goes.
    pub billing_address: Option<Address>,
    /// How it is shipped.
    pub shipping_option_id: Option<ShippingOptionId>,
    /// Its lines.
    pub items: Vec<CartItemView>,
    /// What it comes to.
    pub totals: Totals,
    /// The order it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
}

/// A line of a cart.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CartItemView {
    /// Its id.
    pub id: CartItemId,
    /// What.
    pub variant_id: VariantId,
    /// The product's and the variant's title; absent when it is no longer sold.
    pub title: Option<String>,
    /// The stock keeping unit.
    pub sku: Option<String>,
    /// How many.
    pub quantity: i64,
    /// The price of one; absent when it is no longer sold.
    pub unit_price: Option<Money>,
    /// The line before tax.
    pub total: Option<Money>,
}

impl From<PricedLine> for CartItemView {
    fn from(line: PricedLine) -> Self {
        let item = line.item;
        let sold = line.sold.as_ref();
        Self {
            id: item.id,
            variant_id: item.variant_id,
            title: sold.map(|sold| format!("{}, {}", sold.variant.product_title, sold.variant.variant_title)),
            sku: sold.and_then(|sold| sold.variant.sku.clone()),
            quantity: item.quantity,
            unit_price: sold.map(|sold| sold.unit_price),
            total: sold.map(|sold| sold.total),
        }
    }
}

impl From<PricedCart> for CartView {
    fn from(priced: PricedCart) -> Self {
        let cart = priced.cart;
        Self {
            id: cart.id,
            token: None,
            status: cart.status,
            currency: cart.currency,
            email: cart.email,
            shipping_address: cart.shipping_address,
            billing_address: cart.billing_address,
            shipping_option_id: cart.shipping_option_id,
            items: priced.lines.into_iter().map(CartItemView::from).collect(),
            totals: priced.totals,
            order_id: cart.order_id,
            created_at: cart.created_at,
            updated_at: cart.updated_at,
        }
    }
}

/// A list that is never longer than one page.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WholeList<T> {
    /// All of it.
    pub data: Vec<T>,
}

/// A new cart
#[utoipa::path(tag = "carts", request_body = CartBody, responses((status = 201, body = CartView)))]
#[post("/v1/carts")]
async fn create(carts: Data<Carts>, command: Command<CartBody>) -> Result<Answer, Problem> {
    let service = carts.clone();
    let work = move |body: CartBody, effect: platform::Effect| async move {
        let items: Vec<NewItem> = body.items.into_iter().map(NewItem::from).collect();
        let id = Id::from_uuid(effect.id);
        let (token, salt) = GuestToken::new(effect.key.as_ref());
        let cart = service.create(&effect.call, id, body.currency, &items, &token).await?;
        // What is kept under the key is the salt; see `token.rs`.
        let view = CartView { token: Some(salt.clone()), ..cart.into() };
        Ok(Answer::created(format!("/v1/carts/{id}"), &view).salted(&salt))
    };
    carts.commands.run(command, work).await
}

/// A cart
#[utoipa::path(tag = "carts", extensions(("x-priority" = json!("checkout"))), params(("id" = CartId, Path)), responses((status = 200, body = CartView)))]
#[get("/v1/carts/{id}")]
async fn read(
    carts: Data<Carts>,
    PathId(id): PathId<CartKind>,
    caller: Caller,
    request: HttpRequest,
) -> Result<Answer, Problem> {
    let cart = carts.find(caller.call(), &visitor(&request, &caller), id).await?;
    Ok(Answer::ok(&CartView::from(cart)))
}

/// Say who, where and how
#[utoipa::path(
    tag = "carts", params(("id" = CartId, Path)), request_body = CartPatchBody,
    responses((status = 200, body = CartView))
)]
#[patch("/v1/carts/{id}")]
async fn update(
    carts: Data<Carts>,
    PathId(id): PathId<CartKind>,
    command: Command<CartPatchBody>,
    request: HttpRequest,
) -> Result<Answer, Problem> {
    let (service, visitor) = (carts.clone(), visitor(&request, &command.caller));
    let work = move |body: CartPatchBody, effect: platform::Effect| async move {
        let cart = service.update(&effect.call, &visitor, id, body.into()).await?;
        Ok(Answer::ok(&CartView::from(cart)))
    };
    carts.commands.run(command, work).await
}

/// Put something in
#[utoipa::path(
    tag = "carts", params(("id" = CartId, Path)), request_body = CartItemBody,
    responses((status = 200, body = CartView))
)]
#[post("/v1/carts/{id}/items")]
async fn add_item(
    carts: Data<Carts>,
    PathId(id): PathId<CartKind>,
    command: Command<CartItemBody>,
    request: HttpRequest,
) -> Result<Answer, Problem> {
    let (service, visitor) = (carts.clone(), visitor(&request, &command.caller));
    let work = move |body: CartItemBody, effect: platform::Effect| async move {
        let cart = service.add(&effect.call, &visitor, id, body.into()).await?;
        Ok(Answer::ok(&CartView::from(cart)))
    };
    carts.commands.run(command, work).await
}

/// Change how many
#[utoipa::path(
    tag = "carts", params(("id" = CartId, Path), ("itemId" = CartItemId, Path)), request_body = QuantityBody,
    responses((status = 200, body = CartView))
)]
#[patch("/v1/carts/{id}/items/{itemId}")]
async fn update_item(
    carts: Data<Carts>,
    PathIds(id, item): PathIds<CartKind, CartItemKind>,
    command: Command<QuantityBody>,
    request: HttpRequest,
) -> Result<Answer, Problem> {
    let (service, visitor) = (carts.clone(), visitor(&request, &command.caller));
    let work = move |body: QuantityBody, effect: platform::Effect| async move {
        let cart = service.set_quantity(&effect.call, &visitor, id, item, body.quantity).await?;
        Ok(Answer::ok(&CartView::from(cart)))
    };
    carts.commands.run(command, work).await
}

/// Take something out
#[utoipa::path(
    tag = "carts", params(("id" = CartId, Path), ("itemId" = CartItemId, Path)),
    responses((status = 200, body = CartView))
)]
#[delete("/v1/carts/{id}/items/{itemId}")]
async fn remove_item(
    carts: Data<Carts>,
    PathIds(id, item): PathIds<CartKind, CartItemKind>,
    command: Command<()>,
    request: HttpRequest,
) -> Result<Answer, Problem> {
    let (service, visitor) = (carts.clone(), visitor(&request, &command.caller));
    let work = move |(), effect: platform::Effect| async move {
        let cart = service.remove(&effect.call, &visitor, id, item).await?;
        Ok(Answer::ok(&CartView::from(cart)))
    };
    carts.commands.run(command, work).await
}

/// Ways of shipping to choose from
#[utoipa::path(
    tag = "carts", extensions(("x-priority" = json!("checkout"))), params(("id" = CartId, Path)), responses((status = 200, body = WholeList<ShippingOptionView>))
)]
#[get("/v1/carts/{id}/shipping-options")]
async fn shipping_options(
    carts: Data<Carts>,
    PathId(id): PathId<CartKind>,
    caller: Caller,
    request: HttpRequest,
) -> Result<Answer, Problem> {
    let options = carts.shipping_options(&visitor(&request, &caller), id).await?;
    Ok(Answer::ok(&WholeList { data: options.into_iter().map(ShippingOptionView::from).collect() }))
}

/// What is still missing before it can be completed; empty when it is ready
#[utoipa::path(
    tag = "carts", extensions(("x-priority" = json!("checkout"))), params(("id" = CartId, Path)), responses((status = 200, body = WholeList<Requirement>))
)]
#[get("/v1/carts/{id}/requirements")]
async fn missing(
    carts: Data<Carts>,
    PathId(id): PathId<CartKind>,
    caller: Caller,
    request: HttpRequest,
) -> Result<Answer, Problem> {
    let cart = carts.find(caller.call(), &visitor(&request, &caller), id).await?;
    Ok(Answer::ok(&WholeList { data: cart.requirements }))
}

/// Who comes: the signed-in customer, or whoever shows the cart's token.
pub(crate) fn visitor(request: &HttpRequest, caller: &Caller) -> Visitor {
    let token = request.headers().get("x-cart-token").and_then(|value| value.to_str().ok());
    Visitor { customer: super::service::customer(caller.call()), token: token.map(GuestToken::shown) }
}

impl From<CartError> for Problem {
    fn from(error: CartError) -> Self {
        let detail = error.to_string();
        match error {
            CartError::Refused(CartRefusal::Locked { .. }) => Self::conflict("cart_locked", detail),
            CartError::Refused(CartRefusal::NoSuchItem) => Self::not_found("cart item"),
            CartError::Refused(refusal) => {
                let pointer = if refusal == CartRefusal::InvalidQuantity { "/quantity" } else { "/items" };
                Self::unprocessable("invalid_cart_item", "The cart cannot hold that").field(
                    pointer,
                    "invalid_value",
                    detail,
                )
            }
            CartError::NotFound => Self::not_found("cart"),
            CartError::VariantUnavailable { index, .. } => Self::unprocessable(
                "variant_unavailable",
                detail.clone(),
            )
            .field(format!("/items/{index}/variantId"), "variant_unavailable", detail),
            CartError::Address { pointer, fault } => Self::unprocessable(fault.code, detail).field(
                format!("{pointer}/{}", fault.field),
                "invalid_value",
                fault.detail,
            ),
            CartError::InvalidEmail => {
                Self::unprocessable("invalid_email", detail.clone()).field("/email", "invalid_value", detail)
            }
            CartError::InvalidShippingOption => Self::unprocessable(
                "invalid_shipping_option",
                detail.clone(),
            )
            .field("/shippingOptionId", "invalid_value", detail),
            CartError::Contended => Self::conflict("cart_contended", detail).retryable(true),
            CartError::Money(_) => Self::unprocessable("amount_too_large", detail),
            CartError::Products(product_api::ProductsError::Failed(failure)) => failure.into(),
            CartError::Products(refusal) => Self::unprocessable("invalid_cart", refusal.to_string()),
            CartError::Db(error) => error.into(),
        }
    }
}
