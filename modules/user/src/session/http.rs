//! How the world signs in and out.
//!
//! None of these is replayed by an `Idempotency-Key`: a key is kept with a quick digest of the body and a copy of the
//! answer, and here one holds a password and the other the tokens. A refresh is safe to repeat by itself.

use actix_web::http::header::USER_AGENT;
use actix_web::web::Data;
use actix_web::{HttpRequest, post};
use platform::http::{Answer, Command, Problem, Routes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::service::{SessionError, Sessions, SignIn, Tokens};
use super::{RefreshToken, SessionRefusal};
use crate::email::Email;
use crate::password::Password;
use crate::tokens::keys::KeyError;

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(login).service(refresh).service(logout);
}

/// What somebody signs in with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LoginBody {
    /// The address; upper and lower case are the same.
    #[schema(value_type = String, format = Email, example = "ada@example.com")]
    pub email: Email,
    /// The password.
    #[schema(value_type = String, format = Password, example = "correct horse battery")]
    pub password: Password,
}

/// The token that keeps somebody signed in. It has no `Debug`, so that it is not printed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RefreshBody {
    /// The newest refresh token.
    pub refresh_token: String,
}

/// What somebody who is signed in holds.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokensView {
    /// To be sent as `Authorization: Bearer …`.
    pub access_token: String,
    /// To be exchanged for the next pair before the access token expires. Good for one exchange.
    pub refresh_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds for which the access token is good.
    pub expires_in: u64,
}

impl From<Tokens> for TokensView {
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access.token,
            refresh_token: tokens.refresh.reveal(),
            token_type: "Bearer",
            expires_in: tokens.access.lifetime.as_secs(),
        }
    }
}

/// Sign in, as a customer or as staff
#[utoipa::path(tag = "auth", request_body = LoginBody, responses((status = 200, body = TokensView)))]
#[post("/v1/auth/login")]
async fn login(
    sessions: Data<Sessions>,
    command: Command<LoginBody>,
    request: HttpRequest,
) -> Result<Answer, Problem> {
    let user_agent =
        request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (service, body) = (sessions.clone(), command.body);
    let work = async move {
        let request = SignIn { email: body.email, password: body.password, user_agent };
        let tokens = service.sign_in(request).await?;
        Ok(Answer::ok(&TokensView::from(tokens)))
    };
    sessions.commands.supervise(command.caller.traceparent().cloned(), work).await
}

/// Stay signed in
#[utoipa::path(tag = "auth", request_body = RefreshBody, responses((status = 200, body = TokensView)))]
#[post("/v1/auth/refresh")]
async fn refresh(sessions: Data<Sessions>, command: Command<RefreshBody>) -> Result<Answer, Problem> {
    let token = RefreshToken::shown(&command.body.refresh_token);
    let token = token.ok_or(SessionError::Refused(SessionRefusal::Invalid))?;
    let service = sessions.clone();
    let work = async move {
        let tokens = service.refresh(&token).await?;
        Ok(Answer::ok(&TokensView::from(tokens)))
    };
    sessions.commands.supervise(command.caller.traceparent().cloned(), work).await
}

/// Sign out
#[utoipa::path(tag = "auth", request_body = RefreshBody, responses((status = 204)))]
#[post("/v1/auth/logout")]
async fn logout(sessions: Data<Sessions>, command: Command<RefreshBody>) -> Result<Answer, Problem> {
    // What is no token keeps nobody signed in, so there is nothing to refuse.
    let Some(token) = RefreshToken::shown(&command.body.refresh_token) else {
        return Ok(Answer::no_content());
    };
    let service = sessions.clone();
    let work = async move {
        service.sign_out(&token).await?;
        Ok(Answer::no_content())
    };
    sessions.commands.supervise(command.caller.traceparent().cloned(), work).await
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        let detail = error.to_string();
        match error {
            SessionError::InvalidCredentials => Self::unauthorized("invalid_credentials", detail),
            SessionError::Disabled => {
                Self::new(actix_web::http::StatusCode::FORBIDDEN, "account_disabled", detail)
            }
            SessionError::Refused(SessionRefusal::Invalid) => {
                Self::unauthorized("invalid_refresh_token", detail)
            }
            SessionError::Refused(SessionRefusal::Reused) => {
                Self::unauthorized("refresh_token_reused", detail)
            }
            SessionError::Contended => Self::conflict("refresh_token_contended", detail).retryable(true),
            SessionError::Hash(error) => error.into(),
            SessionError::Key(KeyError::Db(error)) | SessionError::Db(error) => error.into(),
            SessionError::Key(KeyError::Broken) => Self::caused_by(&error),
        }
    }
}
