//! How staff ask for locations.

use actix_web::web::Data;
use actix_web::{get, post};
use kernel::{Id, Moment};
use platform::http::{Answer, Caller, Command, PageView, Problem, Routes};
use product_api::LocationId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Location;
use super::service::{LocationError, Locations};
use crate::stock::http::refused;

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(list).service(create);
}

/// A new location.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LocationBody {
    /// What staff call it.
    #[schema(example = "Warehouse north")]
    pub name: String,
}

/// A location.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LocationView {
    /// Its id.
    pub id: LocationId,
    /// What staff call it.
    pub name: String,
    /// Since when.
    pub created_at: Moment,
}

impl From<Location> for LocationView {
    fn from(location: Location) -> Self {
        Self { id: location.id, name: location.name, created_at: location.created_at }
    }
}

/// All locations
#[utoipa::path(tag = "stock", responses((status = 200, body = PageView<LocationView>)))]
#[get("/v1/admin/stock-locations")]
async fn list(locations: Data<Locations>, caller: Caller) -> Result<Answer, Problem> {
    caller.require("stock:read")?;
    let page = locations.list().await?.map(LocationView::from);
    Ok(Answer::ok(&PageView::new("stock-locations", page, |last| last.id)?))
}

/// Add a location
#[utoipa::path(tag = "stock", request_body = LocationBody, responses((status = 201, body = LocationView)))]
#[post("/v1/admin/stock-locations")]
async fn create(locations: Data<Locations>, command: Command<LocationBody>) -> Result<Answer, Problem> {
    command.caller.require("stock:write")?;
    let service = locations.clone();
    let work = move |body: LocationBody, effect: platform::Effect| async move {
        let location = service.create(Id::from_uuid(effect.id), body.name).await?;
        Ok(Answer::created("/v1/admin/stock-locations", &LocationView::from(location)))
    };
    locations.commands.run(command, work).await
}

impl From<LocationError> for Problem {
    fn from(error: LocationError) -> Self {
        let detail = error.to_string();
        match error {
            LocationError::Refused(refusal) => {
                refused("invalid_stock_location", "It cannot be a location like that", &refusal)
            }
            LocationError::NameTaken => {
                Self::conflict("stock_location_exists", detail).field("/name", "taken", "Choose another name")
            }
            LocationError::Db(error) => error.into(),
        }
    }
}
