//! A movement: promised or taken money on its way. It is captured, given up (void) or given back (refund).
//!
//! The three live alike. Storing one sets its amount aside, so that whatever is stored can be carried out; then the
//! provider is asked, under the movement's id; then the answer is stored.

pub(crate) mod http;
mod points;
pub(crate) mod service;
pub(crate) mod store;

use kernel::{Moment, Money};
use payment_api::IntentId;
use uuid::Uuid;

use crate::intent::Amounts;
use crate::intent::life::News;
use crate::ledger::{self, Entry};
use crate::status::status;

/// Money on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Movement {
    /// Its id, under which the provider knows it.
    pub(crate) id: Uuid,
    /// Its intent.
    pub(crate) intent_id: IntentId,
    /// What is done.
    pub(crate) kind: MovementKind,
    /// How much.
    pub(crate) amount: Money,
    /// Why.
    pub(crate) reason: String,
    /// How far it is.
    pub(crate) status: MovementStatus,
    /// How often the provider was asked and gave no clear answer.
    pub(crate) asked: i64,
    /// Since when.
    pub(crate) created_at: Moment,
}

status! {
    /// What is done with money.
    MovementKind {
        /// What is promised is taken.
        Capture = "capture",
        /// What is promised is given up.
        Void = "void",
        /// What was taken is given back.
        Refund = "refund",
    }
}

status! {
    /// How far a movement is.
    MovementStatus {
        /// Its amount is set aside and the provider is asked.
        Processing = "processing",
        /// The provider was asked and gave no clear answer. It is asked again under the same key.
        Unknown = "unknown",
        /// The money moved.
        Succeeded = "succeeded",
        /// The provider refused; nothing moved.
        Failed = "failed",
    }
}

impl MovementStatus {
    /// Whether the outcome is still to come.
    pub(crate) const fn is_open(self) -> bool {
        matches!(self, Self::Processing | Self::Unknown)
    }
}

impl MovementKind {
    /// How much there is to move, at most. A promise is given up whole, so while a part of it is on its way there is
    /// nothing to give up.
    pub(crate) fn left(self, amounts: &Amounts) -> i64 {
        match self {
            Self::Capture => amounts.capturable(),
            Self::Void if amounts.capturable() < amounts.authorized => 0,
            Self::Void => amounts.authorized,
            Self::Refund => amounts.refundable(),
        }
    }

    /// What setting an amount aside changes. Undone by the same with a minus.
    pub(crate) fn set_aside(self, amount: i64) -> Amounts {
        match self {
            Self::Capture => Amounts { pending_capture: amount, ..Amounts::default() },
            Self::Void => Amounts { pending_void: amount, ..Amounts::default() },
            Self::Refund => Amounts { pending_refund: amount, ..Amounts::default() },
        }
    }

    /// What it changes that an amount which was set aside has moved.
    pub(crate) fn moved(self, amount: i64) -> Amounts {
        let aside = self.set_aside(-amount);
        match self {
            Self::Capture => Amounts { authorized: -amount, captured: amount, ..aside },
            Self::Void => Amounts { authorized: -amount, ..aside },
            Self::Refund => Amounts { refunded: amount, ..aside },
        }
    }

    /// What that is in the life of the intent: one of these, as the amounts say, or nothing.
    pub(crate) fn news(self) -> &'static [News] {
        match self {
            Self::Capture => &[News::TakenInPart, News::TakenWhole],
            Self::Void => &[News::GivenUp],
            Self::Refund => &[],
        }
    }

    /// What that is in the ledger.
    pub(crate) fn entries(self, provider: &str, amount: i64) -> Vec<Entry> {
        match self {
            Self::Capture => vec![ledger::release(amount), ledger::capture(provider, amount)],
            Self::Void => vec![ledger::release(amount)],
            Self::Refund => vec![ledger::refund(provider, amount)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMOUNTS: Amounts = Amounts {
        authorized: 100,
        captured: 50,
        refunded: 0,
        disputed: 0,
        pending_capture: 0,
        pending_void: 0,
        pending_refund: 0,
    };

    fn sum(one: Amounts, two: Amounts) -> Amounts {
        Amounts {
            authorized: one.authorized + two.authorized,
            captured: one.captured + two.captured,
            refunded: one.refunded + two.refunded,
            disputed: one.disputed + two.disputed,
            pending_capture: one.pending_capture + two.pending_capture,
            pending_void: one.pending_void + two.pending_void,
            pending_refund: one.pending_refund + two.pending_refund,
        }
    }

    #[test]
    fn an_amount_that_is_set_aside_is_not_there_for_another_and_comes_back_when_the_provider_refuses() {
        for kind in MovementKind::ALL {
            let all = kind.left(&AMOUNTS);
            let aside = sum(AMOUNTS, kind.set_aside(all));
            assert_eq!(kind.left(&aside), 0, "{kind:?}");
            assert_eq!(sum(aside, kind.set_aside(-all)), AMOUNTS, "{kind:?}");
            assert!(!sum(aside, kind.moved(all)).is_moving(), "{kind:?}");
            assert_eq!(kind.left(&sum(aside, kind.moved(all))), 0, "{kind:?}");
        }
    }

    #[test]
    fn a_promise_is_taken_or_given_up_and_never_both() {
        let capturing = sum(AMOUNTS, MovementKind::Capture.set_aside(1));
        assert_eq!(MovementKind::Void.left(&capturing), 0);
        let voiding = sum(AMOUNTS, MovementKind::Void.set_aside(100));
        assert_eq!(MovementKind::Capture.left(&voiding), 0);
    }

    #[test]
    fn statuses_survive_their_text() {
        for status in MovementStatus::ALL {
            assert_eq!(MovementStatus::try_from(status.as_str().to_owned()), Ok(*status));
        }
        for kind in MovementKind::ALL {
            assert_eq!(MovementKind::try_from(kind.as_str().to_owned()), Ok(*kind));
        }
    }
}
