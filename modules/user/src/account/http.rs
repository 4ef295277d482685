//! How people ask for their own account, and staff for those of customers.

use actix_web::web::Data;
use actix_web::{get, patch, post};
use kernel::{Id, Moment};
use platform::http::{Answer, Caller, Command, PageView, Params, PathId, Problem, Routes, page_request};
use serde::{Deserialize, Serialize};
use user_api::{AccountId, AccountKind as AccountEntity};
use utoipa::ToSchema;

use super::service::{AccountError, Accounts, NewCustomer};
use super::{Account, AccountKind, AccountStatus, Name};
use crate::email::Email;
use crate::password::Password;
use crate::password::hashing::HashError;

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(register)
        .service(read_own)
        .service(update_own)
        .service(list_customers)
        .service(read_customer)
        .service(update_customer);
}

/// Somebody who wants to be a customer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RegisterBody {
    /// What they sign in with; upper and lower case are the same.
    #[schema(value_type = String, format = Email, example = "ada@example.com")]
    pub email: Email,
    /// At least eight characters, unless the shop asks for more.
    #[schema(value_type = String, format = Password, example = "correct horse battery")]
    pub password: Password,
    /// The name they go by.
    #[schema(value_type = String, example = "Ada Lovelace")]
    pub name: Name,
}

/// What changes on one's own account. Absent keeps.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AccountPatchBody {
    /// The name to go by.
    #[schema(value_type = Option<String>, example = "Ada King")]
    pub name: Option<Name>,
}

/// What changes on a customer. Absent keeps.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CustomerPatchBody {
    /// Whether the account can be used. Disabling it ends its sessions.
    pub status: Option<AccountStatus>,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountView {
    /// Its id.
    pub id: AccountId,
    /// Customer or staff.
    pub kind: AccountKind,
    /// The name it goes by.
    pub name: String,
    /// The address it signs in with.
    pub email: String,
    /// Whether it can be used.
    pub status: AccountStatus,
    /// The role, of staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            kind: account.kind,
            name: account.name,
            email: account.email,
            status: account.status,
            role: account.role,
            created_at: account.created_at,
            updated_at: account.updated_at,
        }
    }
}

/// Which customers.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CustomersParams {
    /// Customers on the page, 1 to 100.
    limit: Option<u32>,
    /// The `nextCursor` of the page before.
    after: Option<String>,
    /// Only the one with this address, in whatever spelling.
    email: Option<String>,
}

/// Become a customer
// Not replayed by an `Idempotency-Key`: a key is kept with a quick digest of the body, and this body holds a password.
// The address does instead, a second attempt finds it taken.
#[utoipa::path(tag = "auth", request_body = RegisterBody, responses((status = 201, body = AccountView)))]
#[post("/v1/auth/register")]
async fn register(accounts: Data<Accounts>, command: Command<RegisterBody>) -> Result<Answer, Problem> {
    let (service, body) = (accounts.clone(), command.body);
    let work = async move {
        let new = NewCustomer { email: body.email, password: body.password, name: body.name };
        let account = service.register(new).await?;
        Ok(answer("/v1/account", account))
    };
    accounts.commands.supervise(command.caller.traceparent().cloned(), work).await
}

/// One's own account
#[utoipa::path(tag = "account", responses((status = 200, body = AccountView)))]
#[get("/v1/account")]
async fn read_own(accounts: Data<Accounts>, caller: Caller) -> Result<Answer, Problem> {
    let account = accounts.own(Id::from_uuid(caller.signed_in()?)).await?;
    Ok(versioned(account))
}

/// Change one's own account
#[utoipa::path(tag = "account", request_body = AccountPatchBody, responses((status = 200, body = AccountView)))]
#[patch("/v1/account")]
async fn update_own(accounts: Data<Accounts>, command: Command<AccountPatchBody>) -> Result<Answer, Problem> {
    let id = Id::from_uuid(command.caller.signed_in()?);
    let service = accounts.clone();
    let work = move |body: AccountPatchBody, _| async move {
        let account = match body.name {
            Some(name) => service.rename(id, &name).await?,
            None => service.own(id).await?,
        };
        Ok(versioned(account))
    };
    accounts.commands.run(command, work).await
}

/// Customers, newest first
#[utoipa::path(tag = "customers", params(CustomersParams), responses((status = 200, body = PageView<AccountView>)))]
#[get("/v1/admin/customers")]
async fn list_customers(
    accounts: Data<Accounts>,
    Params(params): Params<CustomersParams>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("customers:read")?;
    let email = params.email.map(Email::try_from).transpose().map_err(|error| {
        Problem::bad_request("invalid_parameter", "`email` is not valid").field(
            "/email",
            "invalid_value",
            error.to_string(),
        )
    })?;
    let scope = format!("customers?email={:?}", email.as_ref().map(Email::folded));
    let page = page_request(&scope, params.limit, params.after.as_deref())?;
    let page = accounts.customers(email.as_ref(), &page).await?.map(AccountView::from);
    Ok(Answer::ok(&PageView::new(&scope, page, |last| last.id.uuid())?))
}

/// A customer
#[utoipa::path(tag = "customers", params(("id" = AccountId, Path)), responses((status = 200, body = AccountView)))]
#[get("/v1/admin/customers/{id}")]
async fn read_customer(
    accounts: Data<Accounts>,
    PathId(id): PathId<AccountEntity>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("customers:read")?;
    Ok(versioned(accounts.customer(id).await?))
}

/// Change a customer
#[utoipa::path(
    tag = "customers", params(("id" = AccountId, Path)), request_body = CustomerPatchBody,
    responses((status = 200, body = AccountView))
)]
#[patch("/v1/admin/customers/{id}")]
async fn update_customer(
    accounts: Data<Accounts>,
    PathId(id): PathId<AccountEntity>,
    command: Command<CustomerPatchBody>,
) -> Result<Answer, Problem> {
    command.caller.require("customers:write")?;
    let service = accounts.clone();
    let work = move |body: CustomerPatchBody, _| async move {
        let account = match body.status {
            Some(status) => service.set_customer_status(id, status).await?,
            None => service.customer(id).await?,
        };
        Ok(versioned(account))
    };
    accounts.commands.run(command, work).await
}

fn versioned(account: Account) -> Answer {
    let version = account.version;
    Answer::ok(&AccountView::from(account)).with_etag(version)
}

/// 201 with a new account.
pub(crate) fn answer(location: &str, account: Account) -> Answer {
    let version = account.version;
    Answer::created(location, &AccountView::from(account)).with_etag(version)
}

/// Somebody whose token is good and whose account is not is asked to sign in, and then told why they cannot.
pub(crate) fn signed_out() -> Problem {
    Problem::unauthorized("invalid_token", "The account behind this token cannot be used")
}

/// 422 that names the password.
pub(crate) fn password_too_short(detail: String) -> Problem {
    Problem::unprocessable("password_too_short", "The password is too easy to guess").field(
        "/password",
        "too_short",
        detail,
    )
}

/// 409 that names the address.
pub(crate) fn email_taken(detail: String) -> Problem {
    Problem::conflict("email_taken", detail.clone()).field("/email", "taken", detail)
}

impl From<HashError> for Problem {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => {
                Self::unavailable("sign_in_busy", "Too many people sign in right now; try again", 1)
            }
            HashError::Broken => Self::caused_by(&error),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let detail = error.to_string();
        match error {
            AccountError::EmailTaken => email_taken(detail),
            AccountError::Password(_) => password_too_short(detail),
            AccountError::Hash(error) => error.into(),
            AccountError::NotFound => Self::not_found("customer"),
            AccountError::Disabled => signed_out(),
            AccountError::Db(error) => error.into(),
        }
    }
}
