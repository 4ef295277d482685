//! The checkout: from a priced cart to a placed order, or back to the cart with nothing taken.
//!
//! It begins with stock reserved and an order that waits for its payment. What comes next is decided here and only
//! here, by [`step`]: a pure function that has a written answer to every input in every state, so that a late or
//! doubled answer of a provider can surprise nobody. `checkout/drive.rs` carries the decisions out.
//!
//! The pivot is placing the order. Before it, failure goes backwards: payment ended, stock released, cart open again.
//! After it, everything goes forwards.

pub(crate) mod answer;
pub(crate) mod begin;
pub(crate) mod drive;
pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod state;
pub(crate) mod store;

use std::time::Duration;

use kernel::Moment;
use payment_api::PaymentOutcome;

pub(crate) use state::{Reason, State};

/// How long a payer may take for what the bank asks of them.
pub(crate) const ACTION_PATIENCE: Duration = Duration::from_mins(15);
/// An order is placed only while its stock is held for at least this much longer.
pub(crate) const LEASE_MARGIN: Duration = Duration::from_mins(1);

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// The payment module said how the payment stands.
    Payment(PaymentOutcome),
    /// It refused for good.
    Refused(String),
    /// It knows of no such payment.
    NoSuchPayment,
    /// No answer came from whoever was asked.
    NoAnswer {
        /// Whether the work may have been done all the same.
        maybe_executed: bool,
    },
    /// The stock is held until then.
    Secured,
    /// The stock is gone.
    StockGone,
    /// The stock is released.
    Released,
    /// An operator wants it to end.
    End,
}

/// What is to be done outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Ask for the payment.
    Pay,
    /// Ask how the payment stands.
    Resolve,
    /// Prolong the lease on the stock.
    Secure,
    /// End the payment.
    EndPayment,
    /// Release the stock.
    Release,
    /// Wait no longer. Nobody has to be asked for that.
    GiveUp,
}

/// What is to be stored together with the new state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// Nothing else.
    Note,
    /// The order is placed and the cart completed.
    Place,
    /// The order is canceled and the cart open again.
    Cancel(Reason),
}

/// When the state's effect is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// At once.
    Now,
    /// Then, or when news comes.
    At(Moment),
    /// There is none.
    Never,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// The new state.
    pub state: State,
    /// What to store with it.
    pub act: Act,
    /// When to go on.
    pub wake: Wake,
}

/// Decides. `lease_ends` is when the reserved stock would be released by itself.
pub(crate) fn step(state: State, input: Input, now: Moment, lease_ends: Moment) -> Step {
    match (state, input) {
        // Nothing moves a placed order from here; what happens to it next is the order's own affair.
        (State::Placed, _) => Step { state: State::Placed, act: Act::Note, wake: Wake::Never },

        // Money that arrives when all is over goes back.
        (State::Failed { reason }, Input::Payment(PaymentOutcome::Captured | PaymentOutcome::Authorized)) => {
            now_then(State::Ending { reason, payment: true, tries: 0 })
        }
        (State::Failed { reason }, _) => {
            Step { state: State::Failed { reason }, act: Act::Note, wake: Wake::Never }
        }

        (ending @ State::Ending { .. }, input) => undo(ending, input, now),

        (_, Input::Payment(PaymentOutcome::Captured | PaymentOutcome::Authorized)) => {
            if lease_ends > now.plus(LEASE_MARGIN) { place() } else { now_then(State::Securing) }
        }
        (State::Securing, Input::Secured) => place(),
        (State::Securing, Input::NoAnswer { .. }) => later(State::Securing, now, 1),
        // The lease is prolonged when it matters; before that the answer changes nothing.
        (state, Input::Secured | Input::Released) => now_then(state),
        (_, Input::StockGone) => fail(Reason::OutOfStock, true),

        (_, Input::Payment(PaymentOutcome::Declined { decline_code })) => {
            fail(Reason::PaymentDeclined { decline_code }, false)
        }
        (_, Input::Payment(PaymentOutcome::Canceled)) => fail(Reason::PaymentCanceled, false),
        (_, Input::Refused(error)) => fail(Reason::PaymentRefused { error }, false),
        (State::AwaitingAction { until, .. }, Input::End) if now >= until => {
            fail(Reason::PaymentAbandoned, true)
        }
        (_, Input::End) => fail(Reason::EndedByOperator, true),

        (State::AwaitingAction { until, .. }, Input::Payment(PaymentOutcome::RequiresAction { url })) => {
            Step { state: State::AwaitingAction { url, until }, act: Act::Note, wake: Wake::At(until) }
        }
        (_, Input::Payment(PaymentOutcome::RequiresAction { url })) => {
            let until = now.plus(ACTION_PATIENCE);
            Step { state: State::AwaitingAction { url, until }, act: Act::Note, wake: Wake::At(until) }
        }

        (
            State::AwaitingAction { url, until },
            Input::Payment(PaymentOutcome::Unknown) | Input::NoAnswer { .. },
        ) => {
            let again = now.plus(pause(4)).min(until.max(now.plus(pause(0))));
            Step { state: State::AwaitingAction { url, until }, act: Act::Note, wake: Wake::At(again) }
        }
        (State::Unknown { tries }, Input::Payment(PaymentOutcome::Unknown) | Input::NoAnswer { .. }) => {
            later(State::Unknown { tries: tries + 1 }, now, tries + 1)
        }
        (_, Input::Payment(PaymentOutcome::Unknown) | Input::NoAnswer { maybe_executed: true }) => {
            later(State::Unknown { tries: 0 }, now, 0)
        }
        (State::Paying { tries }, Input::NoAnswer { maybe_executed: false }) => {
            later(State::Paying { tries: tries + 1 }, now, tries)
        }
        // It never arrived, so it can be asked for, under the same key.
        (
            State::Unknown { .. } | State::Paying { .. } | State::AwaitingAction { .. } | State::Securing,
            Input::NoSuchPayment,
        ) => now_then(State::Paying { tries: 0 }),
    }
}

/// Going backwards: first the payment, then the stock.
fn undo(state: State, input: Input, now: Moment) -> Step {
    let State::Ending { reason, payment, tries } = state else {
        return Step { state, act: Act::Note, wake: Wake::Never };
    };
    match (payment, input) {
        (
            true,
            Input::Payment(PaymentOutcome::Canceled | PaymentOutcome::Declined { .. })
            | Input::NoSuchPayment
            | Input::Refused(_),
        ) => now_then(State::Ending { reason, payment: false, tries: 0 }),
        (false, Input::Released) => {
            Step { state: State::Failed { reason }, act: Act::Note, wake: Wake::Never }
        }
        (false, Input::Payment(PaymentOutcome::Captured | PaymentOutcome::Authorized)) => {
            now_then(State::Ending { reason, payment: true, tries: 0 })
        }
        (payment, _) => later(State::Ending { reason, payment, tries: tries + 1 }, now, tries),
    }
}

fn place() -> Step {
    Step { state: State::Placed, act: Act::Place, wake: Wake::Never }
}

fn fail(reason: Reason, payment: bool) -> Step {
    Step {
        state: State::Ending { reason: reason.clone(), payment, tries: 0 },
        act: Act::Cancel(reason),
        wake: Wake::Now,
    }
}

fn now_then(state: State) -> Step {
    Step { state, act: Act::Note, wake: Wake::Now }
}

fn later(state: State, now: Moment, tries: u32) -> Step {
    Step { state, act: Act::Note, wake: Wake::At(now.plus(pause(tries))) }
}

/// Half a second, then twice as long each time, up to a minute.
fn pause(tries: u32) -> Duration {
    Duration::from_millis(500).saturating_mul(1 << tries.min(7)).min(Duration::from_mins(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_micros(1_000_000_000);

    fn lease() -> Moment {
        NOW.plus(Duration::from_mins(15))
    }

    fn states() -> Vec<State> {
        let reason = Reason::OutOfStock;
        vec![
            State::Paying { tries: 0 },
            State::Unknown { tries: 3 },
            State::AwaitingAction { url: "https://bank.example".into(), until: lease() },
            State::Securing,
            State::Ending { reason: reason.clone(), payment: true, tries: 0 },
            State::Ending { reason: reason.clone(), payment: false, tries: 0 },
            State::Placed,
            State::Failed { reason },
        ]
    }

    fn inputs() -> Vec<Input> {
        vec![
            Input::Payment(PaymentOutcome::Authorized),
            Input::Payment(PaymentOutcome::Captured),
            Input::Payment(PaymentOutcome::RequiresAction { url: "https://bank.example".into() }),
            Input::Payment(PaymentOutcome::Declined { decline_code: "card_declined".into() }),
            Input::Payment(PaymentOutcome::Unknown),
            Input::Payment(PaymentOutcome::Canceled),
            Input::Refused("invalid_token".into()),
            Input::NoSuchPayment,
            Input::NoAnswer { maybe_executed: true },
            Input::NoAnswer { maybe_executed: false },
            Input::Secured,
            Input::StockGone,
            Input::Released,
            Input::End,
        ]
    }

    #[test]
    fn every_input_has_an_answer_in_every_state_and_nobody_is_stranded() {
        for state in states() {
            for input in inputs() {
                let next = step(state.clone(), input.clone(), NOW, lease());
                assert_eq!(
                    next.wake == Wake::Never,
                    next.state.is_final(),
                    "{state:?} + {input:?} → {next:?} would never be woken, or wakes for nothing"
                );
                assert_eq!(next.state.effect(NOW).is_none(), next.state.is_final(), "{state:?} + {input:?}");
            }
        }
    }

    #[test]
    fn every_state_can_be_asked_for_by_its_name() {
        let names: Vec<_> = states().iter().map(State::name).collect();
        assert!(State::NAMES.iter().all(|name| names.contains(name)), "{names:?}");
        assert!(names.iter().all(|name| State::NAMES.contains(name)), "{names:?}");
    }

    #[test]
    fn a_placed_order_stays_placed_whatever_comes_late() {
        for input in inputs() {
            assert_eq!(step(State::Placed, input, NOW, lease()).state, State::Placed);
        }
    }

    #[test]
    fn an_order_is_placed_only_when_it_is_paid_and_its_stock_is_held() {
        for state in states() {
            for input in inputs() {
                let next = step(state.clone(), input.clone(), NOW, lease());
                let paid =
                    matches!(input, Input::Payment(PaymentOutcome::Authorized | PaymentOutcome::Captured));
                let secured = state == State::Securing && input == Input::Secured;
                assert!(next.act != Act::Place || paid || secured, "{state:?} + {input:?}");
            }
        }
        let late = step(State::Unknown { tries: 0 }, Input::Payment(PaymentOutcome::Captured), NOW, NOW);
        assert_eq!((late.state, late.wake), (State::Securing, Wake::Now));
    }

    #[test]
    fn an_unknown_payment_is_never_asked_for_again() {
        let unknown =
            step(State::Paying { tries: 0 }, Input::NoAnswer { maybe_executed: true }, NOW, lease());
        assert_eq!(unknown.state.effect(NOW), Some(Effect::Resolve));
        let lost = step(State::Paying { tries: 0 }, Input::NoAnswer { maybe_executed: false }, NOW, lease());
        assert_eq!(lost.state.effect(NOW), Some(Effect::Pay));
    }

    #[test]
    fn money_that_comes_when_all_is_over_goes_back() {
        let failed = State::Failed { reason: Reason::PaymentAbandoned };
        let late = step(failed, Input::Payment(PaymentOutcome::Captured), NOW, NOW);
        assert_eq!(late.state.effect(NOW), Some(Effect::EndPayment));
        assert_eq!(late.wake, Wake::Now);
    }

    #[test]
    fn failure_ends_the_payment_before_it_releases_the_stock() {
        let mut now = step(State::Securing, Input::StockGone, NOW, NOW);
        assert_eq!(now.act, Act::Cancel(Reason::OutOfStock));
        assert_eq!(now.state.effect(NOW), Some(Effect::EndPayment));
        now = step(now.state, Input::Payment(PaymentOutcome::Canceled), NOW, NOW);
        assert_eq!(now.state.effect(NOW), Some(Effect::Release));
        now = step(now.state, Input::Released, NOW, NOW);
        assert_eq!(now.state, State::Failed { reason: Reason::OutOfStock });
    }
}
