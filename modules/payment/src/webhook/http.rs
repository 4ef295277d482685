//! Where providers knock, and how staff look at what they said.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, get, post};
use kernel::{Id, Moment, ids};
use payment_api::AttemptKind;
use platform::http::{
    Answer, Caller, Command, PageView, Params, PathId, Problem, RawBody, Routes, page_request,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::service::{WebhookError, Webhooks};
use super::{WebhookEvent, WebhookStatus};
use crate::provider::webhook::Signed;

ids! {
    /// A webhook that was taken in.
    WebhookEventId = WebhookEventKind("whe");
}

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(act).service(receive).service(list).service(replay);
}

/// What the payer decides at the test provider's page.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ActionBody {
    /// `approve` or `refuse`.
    pub(crate) outcome: ActionOutcome,
}

/// The payer's decision.
#[derive(Debug, Deserialize, ToSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ActionOutcome {
    /// The charge is confirmed.
    Approve,
    /// It is not.
    Refuse,
}

/// A webhook that was taken in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookEventView {
    /// Our id for it.
    pub(crate) id: WebhookEventId,
    /// Who sent it.
    pub(crate) provider: String,
    /// The sender's id for it.
    pub(crate) event_id: String,
    /// How far it is.
    pub(crate) status: WebhookStatus,
    /// Why it was set aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<String>,
    /// When it came.
    pub(crate) received_at: Moment,
}

impl From<WebhookEvent> for WebhookEventView {
    fn from(event: WebhookEvent) -> Self {
        Self {
            id: Id::from_uuid(event.id),
            provider: event.provider,
            event_id: event.event_id,
            status: event.status,
            last_error: event.last_error,
            received_at: event.received_at,
        }
    }
}

/// Which webhooks.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WebhookEventsParams {
    /// Webhooks on the page, 1 to 100.
    limit: Option<u32>,
    /// The `nextCursor` of the page before.
    after: Option<String>,
}

/// Where a provider tells what happened, signed as in Standard Webhooks 1.0
#[utoipa::path(tag = "webhooks", extensions(("x-priority" = json!("payment"))), params(("provider" = String, Path)), responses((status = 204)))]
#[post("/v1/webhooks/{provider}")]
async fn receive(
    webhooks: Data<Webhooks>,
    provider: Path<String>,
    request: HttpRequest,
    body: RawBody,
    caller: Caller,
) -> Result<Answer, Problem> {
    let header = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (id, timestamp, signature) =
        (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let (service, provider) = (webhooks.clone(), provider.into_inner());
    let work = async move {
        let webhook = Signed { id: &id, timestamp: &timestamp, signature: &signature, body: &body.0 };
        service.receive(&provider, webhook).await?;
        Ok(Answer::no_content())
    };
    webhooks.commands.supervise(caller.traceparent().cloned(), work).await
}

/// The test provider's page where a payer confirms
#[utoipa::path(
    tag = "webhooks", extensions(("x-priority" = json!("payment"))), params(("charge" = String, Path)), request_body = ActionBody, responses((status = 204))
)]
#[post("/v1/webhooks/test/actions/{charge}")]
async fn act(
    webhooks: Data<Webhooks>,
    charge: Path<String>,
    command: Command<ActionBody>,
) -> Result<Answer, Problem> {
    let charge =
        charge.parse().map(|id: Id<AttemptKind>| id.uuid()).or_else(|_| charge.parse::<uuid::Uuid>());
    let charge = charge.map_err(|_| WebhookError::NothingWaits)?;
    let service = webhooks.clone();
    let work = move |body: ActionBody, _| async move {
        service.act(charge, body.outcome == ActionOutcome::Approve).await?;
        Ok(Answer::no_content())
    };
    webhooks.commands.run(command, work).await
}

/// What providers told us, newest first
#[utoipa::path(
    tag = "webhooks", params(WebhookEventsParams), responses((status = 200, body = PageView<WebhookEventView>))
)]
#[get("/v1/admin/webhook-events")]
async fn list(
    webhooks: Data<Webhooks>,
    Params(params): Params<WebhookEventsParams>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("webhooks:read")?;
    let page = page_request("webhook-events", params.limit, params.after.as_deref())?;
    let page = webhooks.list(&page).await?.map(WebhookEventView::from);
    Ok(Answer::ok(&PageView::new("webhook-events", page, |last| last.id.uuid())?))
}

/// Apply a webhook that was set aside again
#[utoipa::path(
    tag = "webhooks", extensions(("x-priority" = json!("payment"))), params(("id" = WebhookEventId, Path)), responses((status = 200, body = WebhookEventView))
)]
#[post("/v1/admin/webhook-events/{id}/replay")]
async fn replay(
    webhooks: Data<Webhooks>,
    PathId(id): PathId<WebhookEventKind>,
    command: Command<()>,
) -> Result<Answer, Problem> {
    command.caller.require("webhooks:write")?;
    let service = webhooks.clone();
    let work = move |(), _| async move {
        let event = service.replay(id.uuid()).await?;
        Ok(Answer::ok(&WebhookEventView::from(event)))
    };
    webhooks.commands.run(command, work).await
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        let detail = error.to_string();
        match error {
            WebhookError::UnknownProvider(_) => Self::not_found("payment provider"),
            WebhookError::Forged => Self::new(StatusCode::BAD_REQUEST, "invalid_signature", detail),
            WebhookError::NotFound => Self::not_found("webhook event"),
            WebhookError::NothingWaits => Self::conflict("nothing_waits", detail),
            WebhookError::Db(error) => error.into(),
        }
    }
}
