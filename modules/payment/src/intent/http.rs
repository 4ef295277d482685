//! How staff look after payments.

use actix_web::web::Data;
use actix_web::{get, post};
use kernel::{Id, Moment, Money};
use payment_api::{AttemptId, CaptureMethod, IntentId, IntentKind};
use platform::http::{Answer, Caller, Command, PageView, Params, PathId, Problem, page_request};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::service::{IntentError, Intents};
use super::{Attempt, AttemptStatus, Intent, IntentStatus};

/// The routes.
pub(crate) fn routes(app: &mut ServiceConfig<'_>) {
    app.service(list).service(read).service(capture).service(cancel);
}

/// A payment intent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IntentView {
    /// Its id.
    pub(crate) id: IntentId,
    /// The order it pays for.
    pub(crate) order_id: String,
    /// How far it is.
    pub(crate) status: IntentStatus,
    /// What is due.
    pub(crate) amount: Money,
    /// Promised and neither captured nor given up.
    pub(crate) authorized: Money,
    /// Taken.
    pub(crate) captured: Money,
    /// Given back.
    pub(crate) refunded: Money,
    /// Of what is promised, on its way to being taken.
    pub(crate) pending_capture: Money,
    /// Of what was taken, on its way back.
    pub(crate) pending_refund: Money,
    /// When the money is taken.
    pub(crate) capture: CaptureMethod,
    /// Who is asked.
    pub(crate) provider: String,
    /// Since when.
    pub(crate) created_at: Moment,
    /// Changed last.
    pub(crate) updated_at: Moment,
    /// The sends to the provider, oldest first; only when one intent is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) attempts: Vec<AttemptView>,
}

/// One send to a provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttemptView {
    /// Its id, under which the provider knows it.
    pub(crate) id: AttemptId,
    /// How it went.
    pub(crate) status: AttemptStatus,
    /// Why it was declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decline_code: Option<String>,
    /// The provider's own name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
    /// When it was sent.
    pub(crate) created_at: Moment,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            id: attempt.id,
            status: attempt.status,
            decline_code: attempt.decline_code,
            reference: attempt.reference,
            created_at: attempt.created_at,
        }
    }
}

impl From<Intent> for IntentView {
    fn from(intent: Intent) -> Self {
        let money = |amount| Money::new(amount, intent.currency);
        Self {
            id: intent.id,
            status: intent.status,
            amount: money(intent.amount),
            authorized: money(intent.amounts.authorized),
            captured: money(intent.amounts.captured),
            refunded: money(intent.amounts.refunded),
            pending_capture: money(intent.amounts.pending_capture),
            pending_refund: money(intent.amounts.pending_refund),
            capture: intent.capture,
            provider: intent.provider,
            order_id: intent.order_id,
            created_at: intent.created_at,
            updated_at: intent.updated_at,
            attempts: Vec::new(),
        }
    }
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
    tag = "payments", params(("id" = IntentId, Path)), request_body = CaptureBody,
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
        let intent = service.capture(Id::from_uuid(effect.id), id, body.amount).await?;
        let version = intent.version;
        Ok(Answer::ok(&IntentView::from(intent)).with_etag(version))
    };
    intents.commands.run(command, work).await
}

/// Give up what is authorised
#[utoipa::path(tag = "payments", params(("id" = IntentId, Path)), responses((status = 200, body = IntentView)))]
#[post("/v1/admin/payment-intents/{id}/cancel")]
async fn cancel(
    intents: Data<Intents>,
    PathId(id): PathId<IntentKind>,
    command: Command<()>,
) -> Result<Answer, Problem> {
    command.caller.require("payments:write")?;
    let service = intents.clone();
    let work = move |(), _| async move {
        let intent = service.void(id).await?;
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
            IntentError::UnknownProvider(_) => invalid("/provider"),
            IntentError::InvalidToken => invalid("/token"),
            IntentError::InvalidAmount => invalid("/amount/amount"),
            IntentError::OtherCurrency(_) => invalid("/amount/currency"),
            IntentError::KeyReused => Self::conflict("payment_key_reused", detail),
            IntentError::ExceedsAuthorized { left } => Self::conflict("capture_exceeds_authorized", detail)
                .extend("left", serde_json::json!({ "amount": left.amount, "currency": left.currency })),
            IntentError::InvalidTransition { .. } => Self::conflict("invalid_transition", detail),
            IntentError::Refused => Self::conflict("refused_by_provider", detail),
            IntentError::Refund(error) => error.into(),
            IntentError::Db(error) => error.into(),
        }
    }
}
