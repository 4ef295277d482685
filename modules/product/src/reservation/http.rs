//! How staff ask for reservations. Checkouts make them through the contract.

use actix_web::get;
use actix_web::web::Data;
use kernel::{Id, Moment};
use platform::http::{Answer, Caller, PageView, Params, Problem, Routes, page_request};
use product_api::{LocationId, ReservationId, VariantId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::service::{ReservationError, Reservations};
use super::store::ReservationPlace;
use super::{Held, ReservationStatus};

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(list);
}

/// Stock that is or was set aside.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReservationView {
    /// Its id.
    pub id: ReservationId,
    /// Where it is in its life.
    pub status: ReservationStatus,
    /// What, and where it lies.
    pub items: Vec<ReservationItemView>,
    /// When the lease ends.
    pub expires_at: Moment,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
}

/// So many of a variant at a location.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReservationItemView {
    /// The variant.
    pub variant_id: VariantId,
    /// Where it lies.
    pub location_id: LocationId,
    /// How many.
    pub quantity: i64,
}

impl From<Held> for ReservationView {
    fn from(held: Held) -> Self {
        let item = |line: crate::stock::Line| ReservationItemView {
            variant_id: line.variant_id,
            location_id: line.location_id,
            quantity: line.quantity,
        };
        Self {
            id: Id::from_uuid(held.key),
            status: held.status,
            items: held.lines.into_iter().map(item).collect(),
            expires_at: held.expires_at,
            created_at: held.created_at,
            updated_at: held.updated_at,
        }
    }
}

/// Which reservations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReservationParams {
    /// Only with this status.
    pub status: Option<ReservationStatus>,
    /// How many items, 1 to 100; 25 when left out.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The `nextCursor` of the page before.
    pub after: Option<String>,
}

/// Stock set aside, newest first
#[utoipa::path(
    tag = "stock", params(ReservationParams), responses((status = 200, body = PageView<ReservationView>))
)]
#[get("/v1/admin/reservations")]
async fn list(
    reservations: Data<Reservations>,
    caller: Caller,
    Params(params): Params<ReservationParams>,
) -> Result<Answer, Problem> {
    caller.require("stock:read")?;
    let scope = params
        .status
        .map_or("reservations".to_owned(), |status| format!("reservations?status={}", status.as_str()));
    let page = page_request(&scope, params.limit, params.after.as_deref())?;
    let held = reservations.list(params.status, &page).await?.map(ReservationView::from);
    let place =
        |last: &ReservationView| ReservationPlace { created_at: last.created_at, key: last.id.uuid() };
    Ok(Answer::ok(&PageView::new(&scope, held, place)?))
}

impl From<ReservationError> for Problem {
    fn from(error: ReservationError) -> Self {
        match error {
            ReservationError::Db(error) => error.into(),
            // The rest is said through the contract, which no route of ours asks.
            other => Self::caused_by(&other),
        }
    }
}
