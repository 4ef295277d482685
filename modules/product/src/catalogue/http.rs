//! How customers ask for products.
//!
//! These are the shop's busiest routes, so they do not build an answer that is kept already: they look it up under
//! the path as it came and give its bytes.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, VARY};
use actix_web::web::Data;
use actix_web::{FromRequest as _, HttpRequest, HttpResponse, get};
use kernel::Currency;
use platform::http::{PageView, Params, PathId, Problem, Routes, if_none_match, page_request};
use product_api::{VariantId, VariantKind};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Name;
use super::kept::{Answer, Shows};
use super::service::{Catalogue, CatalogueError};
use super::view::ShownView;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Ask again each time: a price or a stock may have changed. The answer is nearly always 304.
const SHARED: HeaderValue = HeaderValue::from_static("public, no-cache");
const OWN: HeaderValue = HeaderValue::from_static("private, no-cache");
/// Whose the answer is, and the version of the API that the gateway may have put it into.
const BY_CALLER: HeaderValue = HeaderValue::from_static("authorization, api-version");

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(list).service(read).service(availability);
}

/// Which products, and in which currency.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CatalogueParams {
    /// The currency of the prices; the shop's own when left out.
    pub currency: Option<Currency>,
    /// How many items, 1 to 100; 25 when left out.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The `nextCursor` of the page before.
    pub after: Option<String>,
}

/// In which currency.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CurrencyParams {
    /// The currency of the prices; the shop's own when left out.
    pub currency: Option<Currency>,
}

/// Nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParams {}

/// How many of a variant could be bought now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AvailabilityView {
    /// The variant.
    pub variant_id: VariantId,
    /// How many; only putting it into an order decides.
    pub available: i64,
}

/// Products on sale, newest first
#[utoipa::path(
    tag = "products", params(CatalogueParams), responses((status = 200, body = PageView<ShownView>), (status = 304))
)]
#[get("/v1/products")]
async fn list(catalogue: Data<Catalogue>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    if let Some(answer) = catalogue.kept(path_of(&request)) {
        return Ok(give(&request, answer));
    }
    let Params(params) = Params::<CatalogueParams>::extract(&request).await?;
    let page = page_request("products", params.limit, params.after.as_deref())?;
    let currency = params.currency.unwrap_or(catalogue.currency());
    let make = || async {
        let products = catalogue.list(currency, &page).await?.map(ShownView::from);
        let view = PageView::new("products", products, |last| last.id)?;
        Ok::<_, Problem>((bytes(&view)?, Shows::List))
    };
    Ok(give(&request, catalogue.keep(path_of(&request), make).await?))
}

/// A product on sale, by its id or slug
#[utoipa::path(
    tag = "products", params(("id" = String, Path, description = "Its id or slug"), CurrencyParams),
    responses((status = 200, body = ShownView), (status = 304))
)]
#[get("/v1/products/{id}")]
async fn read(catalogue: Data<Catalogue>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    if let Some(answer) = catalogue.kept(path_of(&request)) {
        return Ok(give(&request, answer));
    }
    let Params(params) = Params::<CurrencyParams>::extract(&request).await?;
    let named = request.match_info().get("id").and_then(Name::read);
    let name = named.ok_or(CatalogueError::NotFound)?;
    let currency = params.currency.unwrap_or(catalogue.currency());
    let make = || async {
        let product = catalogue.find(currency, name).await?;
        let shows = Shows::Product(product.id);
        Ok::<_, Problem>((bytes(&ShownView::from(product))?, shows))
    };
    Ok(give(&request, catalogue.keep(path_of(&request), make).await?))
}

/// How many of a variant could be bought now
#[utoipa::path(
    tag = "products", params(("id" = VariantId, Path)),
    responses((status = 200, body = AvailabilityView), (status = 304))
)]
#[get("/v1/variants/{id}/availability")]
async fn availability(catalogue: Data<Catalogue>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    if let Some(answer) = catalogue.kept(path_of(&request)) {
        return Ok(give(&request, answer));
    }
    let PathId(variant_id) = PathId::<VariantKind>::extract(&request).await?;
    Params::<NoParams>::extract(&request).await?;
    let make = || async {
        let (product, available) = catalogue.available(variant_id).await?;
        let view = AvailabilityView { variant_id, available };
        Ok::<_, Problem>((bytes(&view)?, Shows::Product(product)))
    };
    Ok(give(&request, catalogue.keep(path_of(&request), make).await?))
}

fn path_of(request: &HttpRequest) -> &str {
    request.uri().path_and_query().map_or("/", |path| path.as_str())
}

fn bytes<T: Serialize>(view: &T) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(view).map_err(|error| Problem::caused_by(&error))
}

fn give(request: &HttpRequest, answer: Answer) -> HttpResponse {
    let known = answer.etag.to_str().is_ok_and(|etag| if_none_match(request, etag));
    let mut response = if known {
        HttpResponse::new(StatusCode::NOT_MODIFIED)
    } else {
        HttpResponse::with_body(StatusCode::OK, BoxBody::new(answer.body))
    };
    let headers = response.headers_mut();
    if !known {
        headers.insert(CONTENT_TYPE, JSON);
    }
    headers.insert(ETAG, answer.etag);
    headers.insert(VARY, BY_CALLER);
    let signed_in = request.headers().contains_key(AUTHORIZATION);
    headers.insert(CACHE_CONTROL, if signed_in { OWN } else { SHARED });
    response
}

impl From<CatalogueError> for Problem {
    fn from(error: CatalogueError) -> Self {
        match error {
            CatalogueError::NotFound => Self::not_found("product"),
            CatalogueError::TooMany => Self::caused_by(&error),
            CatalogueError::Db(error) => error.into(),
        }
    }
}
