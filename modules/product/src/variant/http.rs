//! How staff ask for variants.

use actix_web::web::Data;
use actix_web::{get, patch, post};
use kernel::Id;
use platform::http::{Answer, Caller, Command, IfMatch, PathId, Problem, Routes};
use product_api::{ProductId, ProductKind, VariantId, VariantKind};

use super::Variant;
use super::body::{VariantBody, VariantPatchBody};
use super::service::Variants;
use super::view::VariantView;
use crate::product::Product;
use crate::product::service::ProductError;

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(create).service(read).service(update);
}

/// Add a variant to a product
#[utoipa::path(
    tag = "products", params(("id" = ProductId, Path)), request_body = VariantBody,
    responses((status = 201, body = VariantView))
)]
#[post("/v1/admin/products/{id}/variants")]
async fn create(
    variants: Data<Variants>,
    PathId(product): PathId<ProductKind>,
    command: Command<VariantBody>,
) -> Result<Answer, Problem> {
    command.caller.require("products:write")?;
    let who = command.caller.principal().scope();
    let service = variants.clone();
    let work = move |body: VariantBody, effect: platform::Effect| async move {
        let id = Id::from_uuid(effect.id);
        let (product, variant) = of(service.add(product, id, body.into(), &who).await?, id)?;
        let version = variant.version;
        let view = VariantView::of(&product.options, variant);
        Ok(Answer::created(format!("/v1/admin/variants/{id}"), &view).with_etag(version))
    };
    variants.commands.run(command, work).await
}

/// A variant
#[utoipa::path(
    tag = "products", params(("id" = VariantId, Path)), responses((status = 200, body = VariantView))
)]
#[get("/v1/admin/variants/{id}")]
async fn read(
    variants: Data<Variants>,
    PathId(id): PathId<VariantKind>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("products:read")?;
    let (product, variant) = of(variants.find(id).await?, id)?;
    let version = variant.version;
    Ok(Answer::ok(&VariantView::of(&product.options, variant)).with_etag(version))
}

/// Change a variant, its codes or its prices
#[utoipa::path(
    tag = "products", params(("id" = VariantId, Path), ("If-Match" = String, Header)),
    request_body = VariantPatchBody, responses((status = 200, body = VariantView))
)]
#[patch("/v1/admin/variants/{id}")]
async fn update(
    variants: Data<Variants>,
    PathId(id): PathId<VariantKind>,
    if_match: IfMatch,
    command: Command<VariantPatchBody>,
) -> Result<Answer, Problem> {
    command.caller.require("products:write")?;
    let service = variants.clone();
    let work = move |body: VariantPatchBody, _| async move {
        let (product, variant) = of(service.find(id).await?, id)?;
        if_match.check(variant.version)?;
        let (product, variant) = of(service.update(product, id, body.into()).await?, id)?;
        let version = variant.version;
        Ok(Answer::ok(&VariantView::of(&product.options, variant)).with_etag(version))
    };
    variants.commands.run(command, work).await
}

/// A product and one of its variants.
fn of(product: Product, id: VariantId) -> Result<(Product, Variant), ProductError> {
    let variant = product.variants.iter().find(|variant| variant.id == id).cloned();
    variant.map(|variant| (product, variant)).ok_or(ProductError::NotFound)
}
