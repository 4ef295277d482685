//! How staff ask for tax rates.

use actix_web::web::Data;
use actix_web::{delete, get, post};
use kernel::{Id, Moment};
use platform::http::{Answer, Caller, Command, PageView, PathId, Problem, Routes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::service::{TaxError, Taxes};
use super::{TaxRefusal, TaxRegion, TaxRegionId, TaxRegionKind};

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(list).service(create).service(remove);
}

/// A new tax rate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TaxRegionBody {
    /// ISO 3166-1 alpha-2.
    #[schema(example = "US")]
    pub country: String,
    /// A part of the country, as addresses write it; the whole country when absent.
    #[serde(default)]
    #[schema(example = "CA")]
    pub region: Option<String>,
    /// The rate in hundredths of a percent: 725 is 7.25 %.
    #[schema(example = 725)]
    pub basis_points: i64,
}

/// A region with its tax rate.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaxRegionView {
    /// Its id.
    pub id: TaxRegionId,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// A part of the country; the whole country when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The rate in hundredths of a percent.
    pub basis_points: i64,
    /// Since when.
    pub created_at: Moment,
}

impl From<TaxRegion> for TaxRegionView {
    fn from(tax: TaxRegion) -> Self {
        Self {
            id: tax.id,
            country: tax.country,
            region: tax.region,
            basis_points: tax.basis_points,
            created_at: tax.created_at,
        }
    }
}

/// All tax rates
#[utoipa::path(tag = "tax", responses((status = 200, body = PageView<TaxRegionView>)))]
#[get("/v1/admin/tax-regions")]
async fn list(taxes: Data<Taxes>, caller: Caller) -> Result<Answer, Problem> {
    caller.require("tax:read")?;
    let page = taxes.list().await?.map(TaxRegionView::from);
    Ok(Answer::ok(&PageView::new("tax-regions", page, |last| last.id)?))
}

/// Set a tax rate
#[utoipa::path(tag = "tax", request_body = TaxRegionBody, responses((status = 201, body = TaxRegionView)))]
#[post("/v1/admin/tax-regions")]
async fn create(taxes: Data<Taxes>, command: Command<TaxRegionBody>) -> Result<Answer, Problem> {
    command.caller.require("tax:write")?;
    let service = taxes.clone();
    let work = move |body: TaxRegionBody, effect: platform::Effect| async move {
        let tax =
            service.create(Id::from_uuid(effect.id), body.country, body.region, body.basis_points).await?;
        Ok(Answer::created("/v1/admin/tax-regions", &TaxRegionView::from(tax)))
    };
    taxes.commands.run(command, work).await
}

/// Take a tax rate away
#[utoipa::path(tag = "tax", params(("id" = TaxRegionId, Path)), responses((status = 204)))]
#[delete("/v1/admin/tax-regions/{id}")]
async fn remove(
    taxes: Data<Taxes>,
    PathId(id): PathId<TaxRegionKind>,
    command: Command<()>,
) -> Result<Answer, Problem> {
    command.caller.require("tax:write")?;
    let service = taxes.clone();
    let work = move |(), _| async move {
        service.delete(id).await?;
        Ok(Answer::no_content())
    };
    taxes.commands.run(command, work).await
}

impl From<TaxError> for Problem {
    fn from(error: TaxError) -> Self {
        let detail = error.to_string();
        match error {
            TaxError::Refused(TaxRefusal::Exists) => Self::conflict("tax_region_exists", detail),
            TaxError::Refused(refusal) => {
                let pointer = if refusal == TaxRefusal::InvalidRate { "/basisPoints" } else { "/country" };
                Self::unprocessable("invalid_tax_region", "It cannot be a tax region like that").field(
                    pointer,
                    "invalid_value",
                    detail,
                )
            }
            TaxError::NotFound => Self::not_found("tax region"),
            TaxError::Db(error) => error.into(),
        }
    }
}
