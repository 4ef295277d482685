//! How somebody with a set-up token chooses a password.

use actix_web::post;
use actix_web::web::Data;
use platform::http::{Answer, Command, Problem, Routes};
use serde::Deserialize;
use utoipa::ToSchema;

use super::SetupToken;
use super::service::{Chosen, Setup, SetupError};
use crate::account::Name;
use crate::account::http::{AccountView, answer, email_taken, password_too_short};
use crate::email::Email;
use crate::password::Password;

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(complete);
}

/// A password for a set-up token. It has no `Debug`, so that the token is not printed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SetupBody {
    /// The token: from the link that the first start prints, or from a colleague who may add staff.
    pub token: String,
    /// The password to sign in with from now on.
    #[schema(value_type = String, format = Password, example = "correct horse battery")]
    pub password: Password,
    /// The first owner's address. Left out by all others.
    #[schema(value_type = Option<String>, format = Email, example = "owner@example.com")]
    pub email: Option<Email>,
    /// The first owner's name. Left out by all others.
    #[schema(value_type = Option<String>, example = "Grace Hopper")]
    pub name: Option<Name>,
}

/// Choose a password with a set-up token
// Not replayed by an `Idempotency-Key`, for the password's sake; see `session/http.rs`. The token works once.
#[utoipa::path(tag = "auth", request_body = SetupBody, responses((status = 201, body = AccountView)))]
#[post("/v1/auth/setup")]
async fn complete(setup: Data<Setup>, command: Command<SetupBody>) -> Result<Answer, Problem> {
    let (service, body) = (setup.clone(), command.body);
    let owner = match (body.email, body.name) {
        (Some(email), Some(name)) => Some((email, name)),
        (None, None) => None,
        (Some(_), None) => return Err(missing("/name")),
        (None, Some(_)) => return Err(missing("/email")),
    };
    let (token, password) = (SetupToken::shown(body.token), body.password);
    let work = async move {
        let account = service.complete(&token, Chosen { password, owner }).await?;
        Ok(answer("/v1/account", account))
    };
    setup.commands.supervise(command.caller.traceparent().cloned(), work).await
}

fn missing(pointer: &str) -> Problem {
    Problem::unprocessable("invalid_body", "The first owner says their e-mail address and name").field(
        pointer,
        "missing_field",
        "This field is required",
    )
}

impl From<SetupError> for Problem {
    fn from(error: SetupError) -> Self {
        let detail = error.to_string();
        match error {
            SetupError::InvalidToken => Self::bad_request("invalid_setup_token", detail),
            SetupError::OwnerUnknown => {
                missing("/email").field("/name", "missing_field", "This field is required")
            }
            SetupError::OwnerKnown => Self::unprocessable("invalid_body", detail)
                .field("/email", "not_expected", "Leave this out")
                .field("/name", "not_expected", "Leave this out"),
            SetupError::Password(_) => password_too_short(detail),
            SetupError::EmailTaken => email_taken(detail),
            SetupError::Hash(error) => error.into(),
            SetupError::Db(error) => error.into(),
        }
    }
}
