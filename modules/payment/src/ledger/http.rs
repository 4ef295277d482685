//! How staff read the ledger.

use actix_web::get;
use actix_web::web::Data;
use kernel::{Moment, Money};
use payment_api::{IntentId, TransferId};
use platform::Db;
use platform::http::{Answer, Caller, PageView, Params, Problem, Routes, page_request};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Balance, Transfer, store};

/// The ledger.
#[derive(Clone)]
pub(crate) struct Ledger {
    db: Db,
}

impl Ledger {
    /// The ledger in this database.
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }
}

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(balances).service(list);
}

/// A movement of money.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransferView {
    /// Its id.
    pub(crate) id: TransferId,
    /// The intent it belongs to.
    pub(crate) payment_intent_id: IntentId,
    /// Why: `authorization`, `release`, `capture`, `refund`, `dispute` or `dispute_won`.
    pub(crate) kind: String,
    /// The account that receives.
    pub(crate) debit: String,
    /// The account that gives.
    pub(crate) credit: String,
    /// How much; always positive.
    pub(crate) amount: Money,
    /// When.
    pub(crate) created_at: Moment,
}

impl From<Transfer> for TransferView {
    fn from(transfer: Transfer) -> Self {
        Self {
            id: transfer.id,
            payment_intent_id: transfer.intent_id,
            kind: transfer.kind,
            debit: transfer.debit,
            credit: transfer.credit,
            amount: transfer.amount,
            created_at: transfer.created_at,
        }
    }
}

/// What an account holds: what it received less what it gave. All of a currency add up to nothing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BalanceView {
    /// The account: `sales`, `clearing:<provider>`, `disputes`, `holds` or `promises`.
    pub(crate) account: String,
    /// How much.
    pub(crate) balance: Money,
}

impl From<Balance> for BalanceView {
    fn from(balance: Balance) -> Self {
        Self { account: balance.account, balance: Money::new(balance.amount, balance.currency) }
    }
}

/// All accounts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BalancesView {
    /// One for each account and currency.
    pub(crate) data: Vec<BalanceView>,
}

/// Which transfers.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LedgerParams {
    /// Transfers on the page, 1 to 100.
    limit: Option<u32>,
    /// The `nextCursor` of the page before.
    after: Option<String>,
    /// Only of this intent.
    payment_intent_id: Option<IntentId>,
}

/// What every account holds
#[utoipa::path(tag = "ledger", responses((status = 200, body = BalancesView)))]
#[get("/v1/admin/ledger/balances")]
async fn balances(ledger: Data<Ledger>, caller: Caller) -> Result<Answer, Problem> {
    caller.require("ledger:read")?;
    let balances = store::balances(&ledger.db).await?;
    Ok(Answer::ok(&BalancesView { data: balances.into_iter().map(BalanceView::from).collect() }))
}

/// Movements of money, oldest first
#[utoipa::path(tag = "ledger", params(LedgerParams), responses((status = 200, body = PageView<TransferView>)))]
#[get("/v1/admin/ledger")]
async fn list(
    ledger: Data<Ledger>,
    Params(params): Params<LedgerParams>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require("ledger:read")?;
    let scope = format!("ledger?intent={:?}", params.payment_intent_id);
    let page = page_request(&scope, params.limit, params.after.as_deref())?;
    let page = store::list(&ledger.db, params.payment_intent_id, &page).await?.map(TransferView::from);
    Ok(Answer::ok(&PageView::new(&scope, page, |last| last.id.uuid())?))
}
