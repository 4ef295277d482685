//! How staff look after payments.

use actix_web::web::Data;
use actix_web::{get, post};
use kernel::Money;
use payment_api::{IntentId, IntentKind};
use platform::http::{
    Answer, Caller, Command, PageView, Params, PathId, Problem, RequiredKey, Routes, page_request,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::IntentStatus;
use super::service::{IntentError, Intents};
use super::view::{AttemptView, IntentView};
use crate::attempt::service::AttemptError;

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(list).service(read).service(capture).service(cancel);
}

/// Which intents.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct IntentsParams {
    /// Intents on the page, 1 to 100.
    limit: Option<u32>,
    /// The `nextCursor` of the page before.
    after: Option<String>,
    /// Only of this order.
    order_id: Option<String>,
    /// Only with this status.
    status: Option<IntentStatus>,
}

/// How much is to be captured.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CaptureBody {
    /// How much; all that is left when absent.
    #[serde(default)]
    pub(crate) amount: Option<Money>,
}

/// Payment intents, newest first
#[utoipa::path(tag = "payments", params(IntentsParams), responses((status = 200, body = PageView<IntentView>)))]
#[get("/v1/admin/payment-intents")]
async fn list(
    intents: Data<Intents>,
    Params(params): Params<IntentsParams>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("payments:read")?;
    let scope = format!("payment-intents?order={:?}&status={:?}", params.order_id, params.status);
    let page = page_request(&scope, params.limit, params.after.as_deref())?;
    let page = intents.list(params.order_id.as_deref(), params.status, &page).await?.map(IntentView::from);
    Ok(Answer::ok(&PageView::new(&scope, page, |last| last.id.uuid())?))
}

/// A payment intent with its attempts
#[utoipa::path(tag = "payments", params(("id" = IntentId, Path)), responses((status = 200, body = IntentView)))]
#[get("/v1/admin/payment-intents/{id}")]
async fn read(
    intents: Data<Intents>,
    PathId(id): PathId<IntentKind>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("payments:read")?;
    let found = intents.find(id).await?;
    let version = found.intent.version;
    let attempts = found.attempts.into_iter().map(AttemptView::from).collect();
    Ok(Answer::ok(&IntentView { attempts, ..found.intent.into() }).with_etag(version))
}

/// Take authorised money, all or a part
#[utoipa::path(
    tag = "payments", extensions(("x-priority" = json!("payment"))), params(("id" = IntentId, Path), RequiredKey), request_body = CaptureBody,
    responses((status = 200, body = IntentView), (status = 409, description = "`capture_exceeds_authorized`", body = Problem))
)]
#[post("/v1/admin/payment-intents/{id}/capture")]
async fn capture(
    intents: Data<Intents>,
    PathId(id): PathId<IntentKind>,
    command: Command<CaptureBody>,
) -> Result<Answer, Problem> {
    command.caller.require("payments:write")?;
    command.require_key()?;
    let service = intents.clone();
    let work = move |body: CaptureBody, effect: platform::Effect| async move {
        let intent = service.capture(effect.id, id, body.amount).await?;
        let version = intent.version;
        Ok(Answer::ok(&IntentView::from(intent)).with_etag(version))
    };
    intents.commands.run(command, work).await
}

/// Give up what is authorised
#[utoipa::path(
    tag = "payments", extensions(("x-priority" = json!("payment"))), params(("id" = IntentId, Path), RequiredKey),
    responses((status = 200, body = IntentView), (status = 409, description = "`invalid_transition`", body = Problem))
)]
#[post("/v1/admin/payment-intents/{id}/cancel")]
async fn cancel(
    intents: Data<Intents>,
    PathId(id): PathId<IntentKind>,
    command: Command<()>,
) -> Result<Answer, Problem> {
    command.caller.require("payments:write")?;
    command.require_key()?;
    let service = intents.clone();
    let work = move |(), effect: platform::Effect| async move {
        let intent = service.cancel(effect.id, id).await?;
        let version = intent.version;
        Ok(Answer::ok(&IntentView::from(intent)).with_etag(version))
    };
    intents.commands.run(command, work).await
}

impl From<IntentError> for Problem {
    fn from(error: IntentError) -> Self {
        let detail = error.to_string();
        let invalid = |pointer: &str| {
            Self::unprocessable("invalid_payment", "It cannot be paid like that").field(
                pointer,
                "invalid_value",
                error.to_string(),
            )
        };
        match error {
            IntentError::NotFound => Self::not_found("payment intent"),
            IntentError::InvalidToken => invalid("/token"),
            IntentError::InvalidAmount => invalid("/amount/amount"),
            IntentError::KeyReused => Self::conflict("payment_key_reused", detail),
            IntentError::OutcomeUnknown(_)
            | IntentError::DisputeExceeds(_)
            | IntentError::Attempt(AttemptError::Contradiction { .. }) => {
                Self::conflict("invalid_transition", detail)
            }
            IntentError::Attempt(AttemptError::UnknownProvider(_)) => invalid("/provider"),
            IntentError::Movement(error) => error.into(),
            IntentError::Attempt(AttemptError::Db(error)) | IntentError::Db(error) => error.into(),
        }
    }
}
