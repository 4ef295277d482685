//! How staff ask for roles.

use actix_web::web::{Data, Path};
use actix_web::{delete, get, patch, post};
use platform::http::{Answer, Caller, Command, IfMatch, PageView, Problem, Routes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::service::{RoleError, Roles};
use super::{Role, RoleName, RoleRefusal};
use crate::permission::Permissions;

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(list).service(create).service(read).service(update).service(remove);
}

/// A new role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RoleBody {
    /// What it is called, for good.
    pub name: RoleName,
    /// What it grants.
    #[schema(example = json!(["orders:read", "orders:write"]))]
    pub permissions: Vec<String>,
}

/// What changes on a role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RolePatchBody {
    /// What it grants from now on, in place of what it did.
    #[schema(example = json!(["orders:read"]))]
    pub permissions: Vec<String>,
}

/// A role.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoleView {
    /// What it is called.
    pub name: RoleName,
    /// What it grants; `*` is everything.
    pub permissions: Vec<String>,
    /// Whether it has to stay as it is.
    pub built_in: bool,
}

impl From<Role> for RoleView {
    fn from(role: Role) -> Self {
        Self { name: role.name, permissions: role.permissions.keys().to_vec(), built_in: role.built_in }
    }
}

/// All roles
#[utoipa::path(tag = "roles", responses((status = 200, body = PageView<RoleView>)))]
#[get("/v1/admin/roles")]
async fn list(roles: Data<Roles>, caller: Caller) -> Result<Answer, Problem> {
    caller.require("roles:read")?;
    let page = roles.list().await?.map(RoleView::from);
    Ok(Answer::ok(&PageView::new("roles", page, |last| last.name.clone())?))
}

/// Make a role
#[utoipa::path(tag = "roles", request_body = RoleBody, responses((status = 201, body = RoleView)))]
#[post("/v1/admin/roles")]
async fn create(roles: Data<Roles>, command: Command<RoleBody>) -> Result<Answer, Problem> {
    command.caller.require("roles:write")?;
    let (service, holding) = (roles.clone(), Permissions::held_by(command.caller.principal()));
    let work = move |body: RoleBody, _| async move {
        let role = service.create(body.name, &body.permissions, &holding).await?;
        let (version, location) = (role.version, format!("/v1/admin/roles/{}", role.name.as_str()));
        Ok(Answer::created(location, &RoleView::from(role)).with_etag(version))
    };
    roles.commands.run(command, work).await
}

/// A role
#[utoipa::path(tag = "roles", params(("name" = String, Path)), responses((status = 200, body = RoleView)))]
#[get("/v1/admin/roles/{name}")]
async fn read(roles: Data<Roles>, name: Path<String>, caller: Caller) -> Result<Answer, Problem> {
    caller.require("roles:read")?;
    Ok(versioned(roles.find(&name).await?))
}

/// Give a role other permissions
#[utoipa::path(
    tag = "roles", params(("name" = String, Path), ("If-Match" = String, Header)), request_body = RolePatchBody,
    responses((status = 200, body = RoleView))
)]
#[patch("/v1/admin/roles/{name}")]
async fn update(
    roles: Data<Roles>,
    name: Path<String>,
    if_match: IfMatch,
    command: Command<RolePatchBody>,
) -> Result<Answer, Problem> {
    command.caller.require("roles:write")?;
    let (service, holding) = (roles.clone(), Permissions::held_by(command.caller.principal()));
    let work = move |body: RolePatchBody, _| async move {
        let role = service.find(&name).await?;
        if_match.check(role.version)?;
        Ok(versioned(service.grant(role, &body.permissions, &holding).await?))
    };
    roles.commands.run(command, work).await
}

/// Take a role away that nobody has
#[utoipa::path(tag = "roles", params(("name" = String, Path)), responses((status = 204)))]
#[delete("/v1/admin/roles/{name}")]
async fn remove(roles: Data<Roles>, name: Path<String>, command: Command<()>) -> Result<Answer, Problem> {
    command.caller.require("roles:write")?;
    let (service, holding) = (roles.clone(), Permissions::held_by(command.caller.principal()));
    let work = move |(), _| async move {
        service.delete(&name, &holding).await?;
        Ok(Answer::no_content())
    };
    roles.commands.run(command, work).await
}

fn versioned(role: Role) -> Answer {
    let version = role.version;
    Answer::ok(&RoleView::from(role)).with_etag(version)
}

/// 403: the caller would give or take what they do not have.
pub(crate) fn grant_exceeds_own(detail: String) -> Problem {
    Problem::new(actix_web::http::StatusCode::FORBIDDEN, "grant_exceeds_own", detail)
}

impl From<RoleError> for Problem {
    fn from(error: RoleError) -> Self {
        let detail = error.to_string();
        match error {
            RoleError::Refused(RoleRefusal::BuiltIn) => Self::conflict("role_built_in", detail),
            RoleError::Refused(RoleRefusal::UnknownPermission(unknown)) => Self::unprocessable(
                "unknown_permission",
                detail.clone(),
            )
            .field(format!("/permissions/{}", unknown.index), "unknown_permission", detail),
            RoleError::Refused(RoleRefusal::NotHeld) => grant_exceeds_own(detail),
            RoleError::NameTaken => {
                Self::conflict("role_taken", detail.clone()).field("/name", "taken", detail)
            }
            RoleError::TooMany => Self::conflict("too_many_roles", detail),
            RoleError::NotFound => Self::not_found("role"),
            RoleError::InUse => Self::conflict("role_in_use", detail),
            RoleError::Contended => Self::conflict("role_contended", detail).retryable(true),
            RoleError::Db(error) => error.into(),
        }
    }
}
