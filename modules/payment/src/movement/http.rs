//! How staff give money back, and what is answered when money cannot be moved.

use actix_web::web::Data;
use actix_web::{get, post};
use kernel::{Id, Moment, Money};
use payment_api::{IntentId, RefundId, RefundKind};
use platform::http::{Answer, Caller, Command, Params, PathId, Problem, RequiredKey, Routes};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::service::{MovementError, Movements, Wish};
use super::{Movement, MovementKind, MovementStatus};

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
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

impl RefundBody {
    fn wish(self, id: Uuid) -> Wish {
        Wish {
            id,
            intent_id: self.payment_intent_id,
            kind: MovementKind::Refund,
            amount: Some(self.amount),
            reason: self.reason,
        }
    }
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
    pub(crate) status: MovementStatus,
    /// Since when.
    pub(crate) created_at: Moment,
}

impl From<Movement> for RefundView {
    fn from(refund: Movement) -> Self {
        Self {
            id: Id::from_uuid(refund.id),
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
    refunds: Data<Movements>,
    Params(params): Params<RefundsParams>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("refunds:read")?;
    let refunds = refunds.list(params.payment_intent_id, MovementKind::Refund).await?;
    Ok(Answer::ok(&RefundsView { data: refunds.into_iter().map(RefundView::from).collect() }))
}

/// A refund
#[utoipa::path(tag = "refunds", params(("id" = RefundId, Path)), responses((status = 200, body = RefundView)))]
#[get("/v1/admin/refunds/{id}")]
async fn read(
    refunds: Data<Movements>,
    PathId(id): PathId<RefundKind>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("refunds:read")?;
    Ok(Answer::ok(&RefundView::from(refunds.find(id.uuid(), MovementKind::Refund).await?)))
}

/// Give money back
#[utoipa::path(
    tag = "refunds", extensions(("x-priority" = json!("payment"))), params(RequiredKey), request_body = RefundBody,
    responses((status = 201, body = RefundView), (status = 409, description = "`refund_exceeds_captured`", body = Problem))
)]
#[post("/v1/admin/refunds")]
async fn create(refunds: Data<Movements>, command: Command<RefundBody>) -> Result<Answer, Problem> {
    command.caller.require("refunds:write")?;
    command.require_key()?;
    let service = refunds.clone();
    let work = move |body: RefundBody, effect: platform::Effect| async move {
        let refund = service.carry_out(body.wish(effect.id)).await?;
        let view = RefundView::from(refund);
        Ok(Answer::created(format!("/v1/admin/refunds/{}", view.id), &view))
    };
    refunds.commands.run(command, work).await
}

impl From<MovementError> for Problem {
    fn from(error: MovementError) -> Self {
        let detail = error.to_string();
        let invalid = |kind: MovementKind, pointer: &str| {
            let (code, title) = match kind {
                MovementKind::Refund => ("invalid_refund", "It cannot be refunded like that"),
                MovementKind::Capture | MovementKind::Void => {
                    ("invalid_payment", "It cannot be paid like that")
                }
            };
            Self::unprocessable(code, title).field(pointer, "invalid_value", detail.clone())
        };
        match error {
            MovementError::InvalidAmount(kind) => invalid(kind, "/amount/amount"),
            MovementError::OtherCurrency(kind, _) => invalid(kind, "/amount/currency"),
            MovementError::InvalidReason => invalid(MovementKind::Refund, "/reason"),
            MovementError::NoSuchIntent => invalid(MovementKind::Refund, "/paymentIntentId"),
            MovementError::CardData => Self::unprocessable("card_data_not_allowed", detail.clone()).field(
                "/reason",
                "card_data_not_allowed",
                detail,
            ),
            MovementError::NotFound => Self::not_found("refund"),
            MovementError::Exceeds { kind, left } => {
                let code = match kind {
                    MovementKind::Refund => "refund_exceeds_captured",
                    MovementKind::Capture | MovementKind::Void => "capture_exceeds_authorized",
                };
                Self::conflict(code, detail)
                    .extend("left", serde_json::json!({ "amount": left.amount, "currency": left.currency }))
            }
            MovementError::InvalidTransition { .. } => Self::conflict("invalid_transition", detail),
            MovementError::Refused => Self::conflict("refused_by_provider", detail),
            MovementError::ProviderOff(_) => Self::unavailable("payment_provider_off", detail, 60),
            MovementError::Db(error) => error.into(),
        }
    }
}
