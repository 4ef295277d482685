//! How staff give money back.

use actix_web::web::Data;
use actix_web::{get, post};
use kernel::{Id, Moment, Money};
use payment_api::{IntentId, RefundId, RefundKind};
use platform::http::{Answer, Caller, Command, Params, PathId, Problem};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::service::{RefundError, Refunds};
use super::{Refund, RefundRefusal};
use crate::intent::TransferStatus;

/// The routes.
pub(crate) fn routes(app: &mut ServiceConfig<'_>) {
    app.service(list).service(read).service(create);
}

/// Money that is to go back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RefundBody {
    /// The intent that took it.
    pub(crate) payment_intent_id: IntentId,
    /// How much, in the intent's currency.
    pub(crate) amount: Money,
    /// Why.
    #[schema(example = "arrived broken")]
    pub(crate) reason: String,
}

/// A refund.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundView {
    /// Its id.
    pub(crate) id: RefundId,
    /// The intent that took the money.
    pub(crate) payment_intent_id: IntentId,
    /// How much.
    pub(crate) amount: Money,
    /// Why.
    pub(crate) reason: String,
    /// Whether it went through.
    pub(crate) status: TransferStatus,
    /// Since when.
    pub(crate) created_at: Moment,
}

impl From<Refund> for RefundView {
    fn from(refund: Refund) -> Self {
        Self {
            id: refund.id,
            payment_intent_id: refund.intent_id,
            amount: refund.amount,
            reason: refund.reason,
            status: refund.status,
            created_at: refund.created_at,
        }
    }
}

/// Of which intent.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RefundsParams {
    /// The intent.
    payment_intent_id: IntentId,
}

/// The refunds of an intent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundsView {
    /// Oldest first.
    pub(crate) data: Vec<RefundView>,
}

/// The refunds of an intent
#[utoipa::path(tag = "refunds", params(RefundsParams), responses((status = 200, body = RefundsView)))]
#[get("/v1/admin/refunds")]
async fn list(
    refunds: Data<Refunds>,
    Params(params): Params<RefundsParams>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("refunds:read")?;
    let refunds = refunds.list(params.payment_intent_id).await?;
    Ok(Answer::ok(&RefundsView { data: refunds.into_iter().map(RefundView::from).collect() }))
}

/// A refund
#[utoipa::path(tag = "refunds", params(("id" = RefundId, Path)), responses((status = 200, body = RefundView)))]
#[get("/v1/admin/refunds/{id}")]
async fn read(
    refunds: Data<Refunds>,
    PathId(id): PathId<RefundKind>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("refunds:read")?;
    Ok(Answer::ok(&RefundView::from(refunds.find(id).await?)))
}

/// Give money back
#[utoipa::path(
    tag = "refunds", request_body = RefundBody,
    responses((status = 201, body = RefundView), (status = 409, description = "`refund_exceeds_captured`", body = Problem))
)]
#[post("/v1/admin/refunds")]
async fn create(refunds: Data<Refunds>, command: Command<RefundBody>) -> Result<Answer, Problem> {
    command.caller.require("refunds:write")?;
    command.require_key()?;
    let service = refunds.clone();
    let work = move |body: RefundBody, effect: platform::Effect| async move {
        let id: RefundId = Id::from_uuid(effect.id);
        let refund = service.create(id, body.payment_intent_id, body.amount, body.reason).await?;
        Ok(Answer::created(format!("/v1/admin/refunds/{id}"), &RefundView::from(refund)))
    };
    refunds.commands.run(command, work).await
}

impl From<RefundError> for Problem {
    fn from(error: RefundError) -> Self {
        let detail = error.to_string();
        let invalid = |pointer: &str, detail: String| {
            Self::unprocessable("invalid_refund", "It cannot be refunded like that").field(
                pointer,
                "invalid_value",
                detail,
            )
        };
        match error {
            RefundError::Refused(RefundRefusal::InvalidAmount) => invalid("/amount/amount", detail),
            RefundError::Refused(RefundRefusal::InvalidReason) => invalid("/reason", detail),
            RefundError::Refused(RefundRefusal::CardData) => Self::unprocessable(
                "card_data_not_allowed",
                detail.clone(),
            )
            .field("/reason", "card_data_not_allowed", detail),
            RefundError::NotFound => Self::not_found("refund"),
            RefundError::NoSuchIntent => invalid("/paymentIntentId", detail),
            RefundError::OtherCurrency(_) => invalid("/amount/currency", detail),
            RefundError::ExceedsCaptured { left } => Self::conflict("refund_exceeds_captured", detail)
                .extend("left", serde_json::json!({ "amount": left.amount, "currency": left.currency })),
            RefundError::Db(error) => error.into(),
        }
    }
}
