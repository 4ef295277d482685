//! The ledger: every movement of money as a transfer from one account to another. Rows are added and never changed,
//! and the sum of all balances is zero by construction.

pub(crate) mod http;
pub(crate) mod store;

use kernel::{Currency, Moment, Money};
use payment_api::{IntentId, TransferId};

/// Promises of payers that are not captured yet.
pub(crate) const HOLDS: &str = "holds";
/// What payers have promised: the other side of the holds.
pub(crate) const PROMISES: &str = "promises";
/// What the shop has earned and not given back.
pub(crate) const SALES: &str = "sales";

/// What payers dispute and the provider has taken back.
pub(crate) const DISPUTES: &str = "disputes";

/// What a provider owes the shop.
pub(crate) fn clearing(provider: &str) -> String {
    format!("clearing:{provider}")
}

/// A movement of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transfer {
    /// Its id.
    pub(crate) id: TransferId,
    /// The intent it belongs to.
    pub(crate) intent_id: IntentId,
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

/// What an account holds: what it received less what it gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Balance {
    /// The account.
    pub(crate) account: String,
    /// In which currency.
    pub(crate) currency: Currency,
    /// How much; negative when it gave more than it received.
    pub(crate) amount: i64,
}

/// A movement that is to be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Why.
    pub(crate) kind: &'static str,
    /// The account that receives.
    pub(crate) debit: String,
    /// The account that gives.
    pub(crate) credit: String,
    /// How much, in minor units.
    pub(crate) amount: i64,
}

/// Money is promised.
pub(crate) fn authorization(amount: i64) -> Entry {
    Entry { kind: "authorization", debit: HOLDS.into(), credit: PROMISES.into(), amount }
}

/// A promise ends: it is captured or given up.
pub(crate) fn release(amount: i64) -> Entry {
    Entry { kind: "release", debit: PROMISES.into(), credit: HOLDS.into(), amount }
}

/// Money is taken.
pub(crate) fn capture(provider: &str, amount: i64) -> Entry {
    Entry { kind: "capture", debit: clearing(provider), credit: SALES.into(), amount }
}

/// Money goes back.
pub(crate) fn refund(provider: &str, amount: i64) -> Entry {
    Entry { kind: "refund", debit: SALES.into(), credit: clearing(provider), amount }
}

/// A payer disputes what was taken, and the provider has it back.
pub(crate) fn dispute(provider: &str, amount: i64) -> Entry {
    Entry { kind: "dispute", debit: DISPUTES.into(), credit: clearing(provider), amount }
}

/// A dispute was decided for the shop.
pub(crate) fn dispute_won(provider: &str, amount: i64) -> Entry {
    Entry { kind: "dispute_won", debit: clearing(provider), credit: DISPUTES.into(), amount }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_that_is_released_and_a_sale_that_is_refunded_leave_nothing() {
        let mut balances = std::collections::BTreeMap::<String, i64>::new();
        let sale = [authorization(5), release(5), capture("test", 5)];
        for entry in sale.into_iter().chain([dispute("test", 5), dispute_won("test", 5), refund("test", 5)]) {
            *balances.entry(entry.debit).or_default() += entry.amount;
            *balances.entry(entry.credit).or_default() -= entry.amount;
        }
        assert!(balances.values().all(|balance| *balance == 0), "{balances:?}");
    }
}
