//! How staff ask for staff.

use actix_web::web::Data;
use actix_web::{get, patch, post};
use kernel::Moment;
use platform::http::{
    Answer, Caller, Command, PageParams, PageView, Params, PathId, Problem, Routes, page_request,
};
use serde::{Deserialize, Serialize};
use user_api::{AccountId, AccountKind as AccountEntity};
use utoipa::ToSchema;

use super::service::{Staff, StaffError};
use super::{MemberChange, NewMember};
use crate::account::http::{AccountView, email_taken, password_too_short};
use crate::account::{Account, AccountStatus, Name};
use crate::email::Email;
use crate::password::Password;
use crate::permission::Permissions;
use crate::role::RoleName;
use crate::role::http::grant_exceeds_own;

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(list).service(create).service(read).service(update).service(issue_setup_token);
}

/// Somebody who is to join the staff.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StaffBody {
    /// What they sign in with.
    #[schema(value_type = String, format = Email, example = "clerk@example.com")]
    pub email: Email,
    /// The name they go by.
    #[schema(value_type = String, example = "Kim Clerk")]
    pub name: Name,
    /// The name of their role.
    pub role: RoleName,
    /// Their password. Better left out: then the answer holds a token with which they choose it themselves.
    #[schema(value_type = Option<String>, format = Password)]
    pub password: Option<Password>,
}

/// What changes on a member of staff. Absent keeps.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StaffPatchBody {
    /// The name they go by.
    #[schema(value_type = Option<String>)]
    pub name: Option<Name>,
    /// The name of their role.
    pub role: Option<RoleName>,
    /// Whether the account can be used. Disabling it ends its sessions.
    pub status: Option<AccountStatus>,
}

/// A member of staff who has just joined.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewStaffView {
    /// The account.
    #[serde(flatten)]
    pub account: AccountView,
    /// With this they choose their password; absent when they have one. Shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setup_token: Option<String>,
}

/// A token with which somebody chooses their password.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetupTokenView {
    /// The token. Shown once.
    pub setup_token: String,
    /// Until when it is good.
    pub expires_at: Moment,
}

/// Everybody on the staff, newest first
#[utoipa::path(tag = "staff", params(PageParams), responses((status = 200, body = PageView<AccountView>)))]
#[get("/v1/admin/staff")]
async fn list(
    staff: Data<Staff>,
    Params(params): Params<PageParams>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("staff:read")?;
    let page = page_request("staff", params.limit, params.after.as_deref())?;
    let page = staff.list(&page).await?.map(AccountView::from);
    Ok(Answer::ok(&PageView::new("staff", page, |last| last.id.uuid())?))
}

/// Take somebody on
// Not replayed by an `Idempotency-Key`, for the password's and the token's sake; see `session/http.rs`.
#[utoipa::path(tag = "staff", request_body = StaffBody, responses((status = 201, body = NewStaffView)))]
#[post("/v1/admin/staff")]
async fn create(staff: Data<Staff>, command: Command<StaffBody>) -> Result<Answer, Problem> {
    command.caller.require("staff:write")?;
    let (service, holding) = (staff.clone(), Permissions::held_by(command.caller.principal()));
    let body = command.body;
    let new = NewMember { email: body.email, name: body.name, role: body.role, password: body.password };
    let work = async move {
        let (account, token) = service.create(new, &holding).await?;
        let (version, location) = (account.version, format!("/v1/admin/staff/{}", account.id));
        let setup_token = token.map(|token| token.reveal().to_owned());
        let view = NewStaffView { account: AccountView::from(account), setup_token };
        Ok(Answer::created(location, &view).with_etag(version))
    };
    staff.commands.supervise(command.caller.traceparent().cloned(), work).await
}

/// Somebody on the staff
#[utoipa::path(tag = "staff", params(("id" = AccountId, Path)), responses((status = 200, body = AccountView)))]
#[get("/v1/admin/staff/{id}")]
async fn read(
    staff: Data<Staff>,
    PathId(id): PathId<AccountEntity>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("staff:read")?;
    Ok(versioned(staff.find(id).await?))
}

/// Change a member of staff
#[utoipa::path(
    tag = "staff", params(("id" = AccountId, Path)), request_body = StaffPatchBody,
    responses((status = 200, body = AccountView))
)]
#[patch("/v1/admin/staff/{id}")]
async fn update(
    staff: Data<Staff>,
    PathId(id): PathId<AccountEntity>,
    command: Command<StaffPatchBody>,
) -> Result<Answer, Problem> {
    command.caller.require("staff:write")?;
    let (service, holding) = (staff.clone(), Permissions::held_by(command.caller.principal()));
    let work = move |body: StaffPatchBody, _| async move {
        let change = MemberChange { name: body.name, role: body.role, status: body.status };
        Ok(versioned(service.update(id, &change, &holding).await?))
    };
    staff.commands.run(command, work).await
}

/// A new set-up token, for somebody who lost theirs or their password
#[utoipa::path(tag = "staff", params(("id" = AccountId, Path)), responses((status = 201, body = SetupTokenView)))]
#[post("/v1/admin/staff/{id}/setup-token")]
async fn issue_setup_token(
    staff: Data<Staff>,
    PathId(id): PathId<AccountEntity>,
    command: Command<()>,
) -> Result<Answer, Problem> {
    command.caller.require("staff:write")?;
    let (service, holding) = (staff.clone(), Permissions::held_by(command.caller.principal()));
    let work = async move {
        let (token, expires_at) = service.issue_setup_token(id, &holding).await?;
        let view = SetupTokenView { setup_token: token.reveal().to_owned(), expires_at };
        Ok(Answer::created(format!("/v1/admin/staff/{id}"), &view))
    };
    staff.commands.supervise(command.caller.traceparent().cloned(), work).await
}

fn versioned(account: Account) -> Answer {
    let version = account.version;
    Answer::ok(&AccountView::from(account)).with_etag(version)
}

impl From<StaffError> for Problem {
    fn from(error: StaffError) -> Self {
        let detail = error.to_string();
        match error {
            StaffError::UnknownRole => {
                Self::unprocessable("unknown_role", detail.clone()).field("/role", "unknown_role", detail)
            }
            StaffError::NotHeld => grant_exceeds_own(detail),
            StaffError::EmailTaken => email_taken(detail),
            StaffError::LastOwner => Self::conflict("last_owner", detail),
            StaffError::NotFound => Self::not_found("member of staff"),
            StaffError::Contended => Self::conflict("account_contended", detail).retryable(true),
            StaffError::Password(_) => password_too_short(detail),
            StaffError::Hash(error) => error.into(),
            StaffError::Db(error) => error.into(),
        }
    }
}
