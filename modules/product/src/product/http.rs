//! How staff ask for products.

use actix_web::web::Data;
use actix_web::{delete, get, patch, post};
use kernel::Id;
use platform::http::{
    Answer, Caller, Command, IfMatch, PageView, Params, PathId, Problem, Routes, page_request,
};
use product_api::{ProductId, ProductKind};
use serde::Deserialize;
use utoipa::IntoParams;

use super::ProductStatus;
use super::body::{ProductBody, ProductPatchBody};
use super::service::{ProductError, Products};
use super::store::ProductFilter;
use super::view::ProductView;
use crate::stock::http::refused;

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(list).service(create).service(read).service(update).service(archive);
}

/// Which products.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProductParams {
    /// Only with this status.
    pub status: Option<ProductStatus>,
    /// Only the one with exactly this slug, or with a variant of exactly this stock keeping unit.
    pub q: Option<String>,
    /// How many items, 1 to 100; 25 when left out.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The `nextCursor` of the page before.
    pub after: Option<String>,
}

/// All products, newest first
#[utoipa::path(tag = "products", params(ProductParams), responses((status = 200, body = PageView<ProductView>)))]
#[get("/v1/admin/products")]
async fn list(
    products: Data<Products>,
    caller: Caller,
    Params(params): Params<ProductParams>,
) -> Result<Answer, Problem> {
    caller.require("products:read")?;
    let status = params.status.map_or("", ProductStatus::as_str);
    let scope = format!("products?status={status}&q={}", params.q.as_deref().unwrap_or(""));
    let page = page_request(&scope, params.limit, params.after.as_deref())?;
    let filter = ProductFilter { status: params.status, code: params.q };
    let products = products.list(&filter, &page).await?.map(ProductView::from);
    Ok(Answer::ok(&PageView::new(&scope, products, |last| last.id)?))
}

/// Add a product
#[utoipa::path(tag = "products", request_body = ProductBody, responses((status = 201, body = ProductView)))]
#[post("/v1/admin/products")]
async fn create(products: Data<Products>, command: Command<ProductBody>) -> Result<Answer, Problem> {
    command.caller.require("products:write")?;
    let who = command.caller.principal().scope();
    let service = products.clone();
    let work = move |body: ProductBody, effect: platform::Effect| async move {
        let product = service.create(Id::from_uuid(effect.id), body.into(), &who).await?;
        let (location, version) = (format!("/v1/admin/products/{}", product.id), product.version);
        Ok(Answer::created(location, &ProductView::from(product)).with_etag(version))
    };
    products.commands.run(command, work).await
}

/// A product
#[utoipa::path(
    tag = "products", params(("id" = ProductId, Path)), responses((status = 200, body = ProductView))
)]
#[get("/v1/admin/products/{id}")]
async fn read(
    products: Data<Products>,
    PathId(id): PathId<ProductKind>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("products:read")?;
    let product = products.find(id).await?;
    let version = product.version;
    Ok(Answer::ok(&ProductView::from(product)).with_etag(version))
}

/// Change a product
#[utoipa::path(
    tag = "products", params(("id" = ProductId, Path), ("If-Match" = String, Header)),
    request_body = ProductPatchBody, responses((status = 200, body = ProductView))
)]
#[patch("/v1/admin/products/{id}")]
async fn update(
    products: Data<Products>,
    PathId(id): PathId<ProductKind>,
    if_match: IfMatch,
    command: Command<ProductPatchBody>,
) -> Result<Answer, Problem> {
    command.caller.require("products:write")?;
    let service = products.clone();
    let work = move |body: ProductPatchBody, _| async move {
        let product = service.find(id).await?;
        if_match.check(product.version)?;
        let product = service.update(product, body.into()).await?;
        let version = product.version;
        Ok(Answer::ok(&ProductView::from(product)).with_etag(version))
    };
    products.commands.run(command, work).await
}

/// Take a product off sale for good
#[utoipa::path(tag = "products", params(("id" = ProductId, Path)), responses((status = 204)))]
#[delete("/v1/admin/products/{id}")]
async fn archive(
    products: Data<Products>,
    PathId(id): PathId<ProductKind>,
    command: Command<()>,
) -> Result<Answer, Problem> {
    command.caller.require("products:write")?;
    let service = products.clone();
    let work = move |(), _| async move {
        service.archive(id).await?;
        Ok(Answer::no_content())
    };
    products.commands.run(command, work).await
}

impl From<ProductError> for Problem {
    fn from(error: ProductError) -> Self {
        let detail = error.to_string();
        match error {
            ProductError::Refused(refusal) => {
                refused("invalid_product", "It cannot be a product like that", &refusal)
            }
            ProductError::SlugTaken => {
                Self::conflict("slug_taken", detail).field("/slug", "taken", "Choose another slug")
            }
            ProductError::CodeTaken(place) => {
                let pointer = place.to_string();
                let code = if pointer.ends_with("/barcode") { "barcode_taken" } else { "sku_taken" };
                Self::conflict(code, detail).field(pointer, "taken", "Another variant has it")
            }
            ProductError::Changed => Self::new(
                actix_web::http::StatusCode::PRECONDITION_FAILED,
                "precondition_failed",
                "It was changed since; read it again and repeat the change",
            ),
            ProductError::NotFound => Self::not_found("product"),
            ProductError::Db(error) => error.into(),
        }
    }
}
