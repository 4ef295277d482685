//! Ways to break the shop on purpose. A simulation that does not find each of them proves nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use clap::ValueEnum;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mutant {
    /// A listener's cursor is durable before the effect of its event is.
    CursorBeforeEffect,
    /// Of two replicas that read the same events both apply them.
    CursorOfNobody,
    /// Stock is set aside whether there is any or not.
    ReserveWithoutGuard,
    /// A payment that is asked for again is asked for under another key.
    NewChargeKey,
    /// A payment that was made for nothing is not given back.
    NothingGivenBack,
    /// Of two that drive the same checkout both store their step.
    StepOfNobody,
    /// The answer to a key is not found again.
    ForgottenKey,
    /// A bank that says nothing is taken to have refused.
    SilenceIsRefusal,
    /// Leases end although what was said about their orders has not been heard.
    LeaseEndsUnheard,
    /// A step of a checkout whose commit is not heard of is not picked up again.
    NobodyGoesOn,
    /// Positions in the log are given with a gap.
    GapInLog,
}

/// A statement, as it is found and as it is put instead.
type Wording = (&'static str, &'static str);

impl Mutant {
    /// What the text of a statement becomes.
    pub(super) fn wording(self) -> Option<Wording> {
        Some(match self {
            Self::CursorOfNobody => ("source = $4 AND position = $5", "source = $4 AND position <> -1 - $5"),
            Self::ReserveWithoutGuard => ("AND on_hand - reserved >= wanted.column4 - wanted.column3", ""),
            Self::StepOfNobody => {
                ("WHERE id = $9 AND version = $10", "WHERE id = $9 AND version <> -1 - $10")
            }
            Self::ForgottenKey => (
                "SELECT fingerprint, effect_id, leased_until, fence, answer
         FROM idempotency_keys
         WHERE scope = $1 AND operation = $2 AND key = $3",
                "SELECT fingerprint, effect_id, leased_until, fence, answer
         FROM idempotency_keys
         WHERE scope = $1 AND operation = $2 AND key = $3 AND fence < 0",
            ),
            Self::NobodyGoesOn => (
                "WHERE wake_at <= $1 AND (leased_until IS NULL",
                "WHERE wake_at <= $1 AND (leased_until IS NULL AND 1 = 0",
            ),
            Self::GapInLog => (
                "COALESCE(MAX(position), 0) FROM events) + ROW_NUMBER()",
                "COALESCE(MAX(position), 0) FROM events) + 2 * ROW_NUMBER()",
            ),
            _ => return None,
        })
    }
}

/// The statement with the wording put instead. Made once, since a text lives as long as the program.
pub(super) fn put(sql: &'static str, found: &str, instead: &str) -> &'static str {
    static PUT: Mutex<BTreeMap<(&'static str, String), &'static str>> = Mutex::new(BTreeMap::new());
    let mut put = PUT.lock().unwrap_or_else(PoisonError::into_inner);
    put.entry((sql, instead.to_owned())).or_insert_with(|| sql.replace(found, instead).leak())
}
