//! What it can be told to do with a call.

use serde::{Deserialize, Serialize};

use super::books::{Charge, Status};

/// What is done with a call: what happens, what is answered, and what is told by webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Script {
    /// As it should be.
    Approve,
    /// Refused.
    Decline,
    /// Nothing is done, and the connection is dropped.
    Drop,
    /// Nothing is done, and nothing is said.
    Hang,
    /// Nothing is done, the connection is dropped; a few seconds later it is done all the same, and told.
    DoLate,
    /// It is done, and the connection dropped.
    DoThenDrop,
    /// It is done, and 500 answered.
    DoThen500,
    /// It is done, and nothing is said.
    DoThenHang,
    /// It is done, and answered twice on one connection.
    AnswerTwice,
    /// It is done, and another amount is answered.
    OtherAmount,
    /// It is done, and another currency is answered.
    OtherCurrency,
    /// It is done, and what is answered is no JSON.
    NotJson,
    /// It is done, and told by webhook before it is answered.
    HookEarly,
    /// Pending is answered; later it is done and told.
    HookLate,
    /// It is done, answered, and told three times under one id.
    HookTwice,
    /// It is done and told; after that it is told that it was declined, as if that had been on its way for long.
    HooksOutOfOrder,
    /// Pending is answered, and somebody with another secret says that it was done. It is declined.
    HookForged,
    /// Pending is answered, and a webhook of an hour ago says that it was done. It is declined.
    HookStale,
    /// It is done, and told with another amount.
    HookOtherAmount,
    /// Twice as much is taken as was asked for, and what was asked for is answered.
    TakeTwice,
}

/// What is said to a call, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Plainly,
    Twice,
    Drop,
    Hang,
    ServerError,
    OtherAmount,
    OtherCurrency,
    NotJson,
}

/// A webhook that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hook {
    /// What is true.
    True,
    /// That it was declined, whatever is true.
    Declined,
    /// That it succeeded, signed by somebody else.
    Forged,
    /// That it succeeded, signed an hour ago.
    Stale,
    /// What is true of another amount.
    OtherAmount,
}

impl Script {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Approve,
        Self::Decline,
        Self::Drop,
        Self::Hang,
        Self::DoLate,
        Self::DoThenDrop,
        Self::DoThen500,
        Self::DoThenHang,
        Self::AnswerTwice,
        Self::OtherAmount,
        Self::OtherCurrency,
        Self::NotJson,
        Self::HookEarly,
        Self::HookLate,
        Self::HookTwice,
        Self::HooksOutOfOrder,
        Self::HookForged,
        Self::HookStale,
        Self::HookOtherAmount,
        Self::TakeTwice,
    ];

    /// What `--help` adds.
    pub(super) const HELP: &str = "Examples:\n  cargo xtask paysim --listen 127.0.0.1:7100 --journal books.jsonl\n  \
        curl -d '{\"call\":\"movement\",\"script\":\"do_then_drop\",\"times\":2}' 127.0.0.1:7100/control/next\n  \
        curl 127.0.0.1:7100/control/books\n\nA charge goes as its token says: approve, decline, drop, hang, do_late, \
        do_then_drop, do_then500, do_then_hang,\nanswer_twice, other_amount, other_currency, not_json, hook_early, \
        hook_late, hook_twice, hooks_out_of_order,\nhook_forged, hook_stale, hook_other_amount, take_twice.";

    /// As it is written in a token.
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// What a token asks for. Others are declined.
    pub(super) fn of_token(token: &str) -> Self {
        serde_json::from_value(serde_json::Value::String(token.to_owned())).unwrap_or(Self::Decline)
    }

    /// What becomes of a charge at once; `None` when it never arrives.
    pub(super) fn fate(self, charge: &Charge) -> Option<Status> {
        match self {
            Self::Drop | Self::Hang | Self::DoLate => None,
            Self::Decline | Self::HookForged | Self::HookStale => Some(Status::Declined),
            Self::HookLate => Some(Status::Pending),
            _ => Some(charge.taken()),
        }
    }

    /// Whether money is moved when it is asked for; `None` when the call never arrives.
    pub(super) fn moves(self) -> Option<bool> {
        match self {
            Self::Drop | Self::Hang | Self::DoLate => None,
            Self::Decline => Some(false),
            _ => Some(true),
        }
    }

    pub(super) fn manner(self) -> Manner {
        match self {
            Self::Drop | Self::DoLate | Self::DoThenDrop => Manner::Drop,
            Self::Hang | Self::DoThenHang | Self::HooksOutOfOrder => Manner::Hang,
            Self::DoThen500 | Self::HookForged | Self::HookStale => Manner::ServerError,
            Self::AnswerTwice => Manner::Twice,
            Self::OtherAmount => Manner::OtherAmount,
            Self::OtherCurrency => Manner::OtherCurrency,
            Self::NotJson => Manner::NotJson,
            _ => Manner::Plainly,
        }
    }

    /// The webhooks that follow a charge, in this order.
    pub(super) fn hooks(self) -> &'static [Hook] {
        match self {
            Self::HookEarly | Self::HookLate | Self::DoLate => &[Hook::True],
            Self::HookTwice => &[Hook::True, Hook::True, Hook::True],
            Self::HooksOutOfOrder => &[Hook::True, Hook::Declined],
            Self::HookForged => &[Hook::Forged],
            Self::HookStale => &[Hook::Stale],
            Self::HookOtherAmount => &[Hook::OtherAmount],
            _ => &[],
        }
    }

    /// Whether money is taken in the end, by its own books.
    pub fn takes_money(self) -> bool {
        !matches!(self, Self::Decline | Self::Drop | Self::Hang | Self::HookForged | Self::HookStale)
    }
}
