//! How staff ask for stock.

use actix_web::web::Data;
use actix_web::{get, post};
use kernel::Moment;
use platform::http::{Answer, Caller, Command, PageView, Params, Problem, RequiredKey, Routes, page_request};
use product_api::{LocationId, MovementId, VariantId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::service::{Cause, Stock, StockError};
use super::{Level, Movement, MovementKind};

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(levels).service(adjust).service(count).service(transfer).service(movements);
}

/// So many more or fewer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AdjustmentBody {
    /// The variant.
    pub variant_id: VariantId,
    /// How many came; negative when they went.
    #[schema(example = 5)]
    pub delta: i64,
    /// Why.
    #[schema(example = "found behind the shelf")]
    pub reason: String,
    /// Where; the main location when absent.
    #[serde(default)]
    pub location_id: Option<LocationId>,
}

/// How many somebody has counted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CountBody {
    /// The variant.
    pub variant_id: VariantId,
    /// How many there are, those set aside included.
    #[schema(minimum = 0, example = 50)]
    pub on_hand: i64,
    /// Why it was counted.
    #[serde(default)]
    pub reason: Option<String>,
    /// Where; the main location when absent.
    #[serde(default)]
    pub location_id: Option<LocationId>,
}

/// From one location to another.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TransferBody {
    /// The variant.
    pub variant_id: VariantId,
    /// Where they lie.
    pub from_location_id: LocationId,
    /// Where they go.
    pub to_location_id: LocationId,
    /// How many.
    #[schema(minimum = 1)]
    pub quantity: i64,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// How much of a variant lies at a location.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LevelView {
    /// The variant.
    pub variant_id: VariantId,
    /// The location.
    pub location_id: LocationId,
    /// How many are there.
    pub on_hand: i64,
    /// How many of them are set aside.
    pub reserved: i64,
    /// How many can be bought.
    pub available: i64,
}

impl From<Level> for LevelView {
    fn from(level: Level) -> Self {
        Self {
            variant_id: level.variant_id,
            location_id: level.location_id,
            on_hand: level.on_hand,
            reserved: level.reserved,
            available: level.available(),
        }
    }
}

/// Goods that came or went.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MovementView {
    /// Its id.
    pub id: MovementId,
    /// The variant.
    pub variant_id: VariantId,
    /// The location.
    pub location_id: LocationId,
    /// Why.
    pub kind: MovementKind,
    /// How many came; negative when they went.
    pub delta: i64,
    /// Who or what: an order, an import, a member of staff.
    pub cause: String,
    /// In somebody's words.
    pub reason: Option<String>,
    /// When.
    pub created_at: Moment,
}

impl From<Movement> for MovementView {
    fn from(movement: Movement) -> Self {
        Self {
            id: movement.id,
            variant_id: movement.variant_id,
            location_id: movement.location_id,
            kind: movement.kind,
            delta: movement.delta,
            cause: movement.cause,
            reason: movement.reason,
            created_at: movement.created_at,
        }
    }
}

/// Which stock.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StockParams {
    /// Only of this variant.
    pub variant_id: Option<VariantId>,
    /// How many items, 1 to 100; 25 when left out.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The `nextCursor` of the page before.
    pub after: Option<String>,
}

impl StockParams {
    fn scope(&self, list: &str) -> String {
        match self.variant_id {
            Some(id) => format!("{list}?variantId={id}"),
            None => list.to_owned(),
        }
    }
}

/// How much lies where
#[utoipa::path(tag = "stock", params(StockParams), responses((status = 200, body = PageView<LevelView>)))]
#[get("/v1/admin/stock-levels")]
async fn levels(
    stock: Data<Stock>,
    caller: Caller,
    Params(params): Params<StockParams>,
) -> Result<Answer, Problem> {
    caller.require("stock:read")?;
    let scope = params.scope("stock-levels");
    let page = page_request(&scope, params.limit, params.after.as_deref())?;
    let levels = stock.levels(params.variant_id, &page).await?.map(LevelView::from);
    Ok(Answer::ok(&PageView::new(&scope, levels, |last| (last.variant_id, last.location_id))?))
}

/// Correct a level
#[utoipa::path(
    tag = "stock", params(RequiredKey), request_body = AdjustmentBody, responses((status = 200, body = LevelView))
)]
#[post("/v1/admin/stock-levels/adjust")]
async fn adjust(stock: Data<Stock>, command: Command<AdjustmentBody>) -> Result<Answer, Problem> {
    let who = staff(&command.caller)?;
    command.require_key()?;
    let service = stock.clone();
    let work = move |body: AdjustmentBody, effect: platform::Effect| async move {
        let cause = Cause { effect_id: effect.id, who, reason: Some(body.reason) };
        let level = service.adjust(body.variant_id, body.location_id, body.delta, cause).await?;
        Ok(Answer::ok(&LevelView::from(level)))
    };
    stock.commands.run(command, work).await
}

/// Set a level to what was counted
#[utoipa::path(
    tag = "stock", params(RequiredKey), request_body = CountBody, responses((status = 200, body = LevelView))
)]
#[post("/v1/admin/stock-levels/count")]
async fn count(stock: Data<Stock>, command: Command<CountBody>) -> Result<Answer, Problem> {
    let who = staff(&command.caller)?;
    command.require_key()?;
    let service = stock.clone();
    let work = move |body: CountBody, effect: platform::Effect| async move {
        let cause = Cause { effect_id: effect.id, who, reason: body.reason };
        let level = service.count(body.variant_id, body.location_id, body.on_hand, cause).await?;
        Ok(Answer::ok(&LevelView::from(level)))
    };
    stock.commands.run(command, work).await
}

/// Bring stock from one location to another
#[utoipa::path(
    tag = "stock", params(RequiredKey), request_body = TransferBody, responses((status = 200, body = LevelView))
)]
#[post("/v1/admin/stock-levels/transfer")]
async fn transfer(stock: Data<Stock>, command: Command<TransferBody>) -> Result<Answer, Problem> {
    let who = staff(&command.caller)?;
    command.require_key()?;
    let service = stock.clone();
    let work = move |body: TransferBody, effect: platform::Effect| async move {
        let cause = Cause { effect_id: effect.id, who, reason: body.reason };
        let (from, to) = (body.from_location_id, body.to_location_id);
        let level = service.transfer(body.variant_id, from, to, body.quantity, cause).await?;
        Ok(Answer::ok(&LevelView::from(level)))
    };
    stock.commands.run(command, work).await
}

/// Why levels changed, newest first
#[utoipa::path(tag = "stock", params(StockParams), responses((status = 200, body = PageView<MovementView>)))]
#[get("/v1/admin/stock-movements")]
async fn movements(
    stock: Data<Stock>,
    caller: Caller,
    Params(params): Params<StockParams>,
) -> Result<Answer, Problem> {
    caller.require("stock:read")?;
    let scope = params.scope("stock-movements");
    let page = page_request(&scope, params.limit, params.after.as_deref())?;
    let movements = stock.movements(params.variant_id, &page).await?.map(MovementView::from);
    Ok(Answer::ok(&PageView::new(&scope, movements, |last| last.id)?))
}

fn staff(caller: &Caller) -> Result<String, Problem> {
    caller.require("stock:write")?;
    Ok(caller.principal().scope())
}

impl From<StockError> for Problem {
    fn from(error: StockError) -> Self {
        let detail = error.to_string();
        match error {
            StockError::Refused(refusal) => {
                refused("invalid_stock_change", "Stock cannot change like that", &refusal)
            }
            StockError::Unknown(place) => Self::unprocessable(
                "invalid_stock_change",
                "Stock cannot change like that",
            )
            .field(place.to_string(), "unknown", detail),
            StockError::Insufficient(level) => Self::conflict(
                "insufficient_stock",
                "There is not enough stock that is not set aside for a checkout",
            )
            .extend("onHand", level.on_hand.into())
            .extend("reserved", level.reserved.into()),
            StockError::Db(error) => error.into(),
        }
    }
}

/// A broken rule, with the place where it is broken.
pub(crate) fn refused(
    code: &'static str,
    detail: &'static str,
    refusal: &crate::refusal::Refusal,
) -> Problem {
    let pointer = refusal.place.to_string();
    Problem::unprocessable(code, detail).field(pointer, refusal.fault.code(), refusal.to_string())
}
