//! Captures, voids and refunds: never more than there is, however many try at once, and each exactly once.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::join_all;
use payment_api::CaptureMethod;
use tokio::sync::Barrier;

use super::world::{Does, Till, till, usd};
use crate::intent::IntentStatus;
use crate::movement::service::{MovementError, Wish};
use crate::movement::{Movement, MovementKind, MovementStatus};

/// Everybody at once, each with a task of their own.
async fn race(
    till: &Till,
    intent: payment_api::IntentId,
    racers: impl IntoIterator<Item = (MovementKind, Option<i64>)>,
) -> Vec<Result<Movement, MovementError>> {
    let racers: Vec<_> = racers.into_iter().collect();
    let barrier = Arc::new(Barrier::new(racers.len()));
    let started = racers.into_iter().map(|(kind, amount)| {
        let (movements, barrier) = (till.module.movements.clone(), Arc::clone(&barrier));
        let id = till.db.clock().uuid();
        let wish = Wish { id, intent_id: intent, kind, amount: amount.map(usd), reason: "race".into() };
        till.db.tasks().spawn(async move {
            barrier.wait().await;
            movements.carry_out(wish).await
        })
    });
    join_all(started.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promise_that_is_captured_and_voided_at_once_reaches_the_provider_as_one_of_both() {
    let till = till().await;
    for number in 0..20 {
        let intent = till.told(number, CaptureMethod::Manual).await;
        let racers = [(MovementKind::Void, None), (MovementKind::Capture, None)];

        let outcomes = race(&till, intent.id, racers.into_iter().cycle().take(8)).await;

        let heard = std::mem::take(&mut *till.told.heard.lock().unwrap());
        assert_eq!(heard.len(), 1, "the provider was told {heard:?}");
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        let after = till.intent(number).await;
        let (captured, status) = match heard[0].0 {
            MovementKind::Capture => (1000, IntentStatus::Succeeded),
            _ => (0, IntentStatus::Canceled),
        };
        assert_eq!((after.amounts.captured, after.amounts.authorized, after.status), (captured, 0, status));
    }
    till.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn captures_at_once_never_take_more_than_was_promised() {
    let till = till().await;
    let intent = till.told(1, CaptureMethod::Manual).await;

    let taken = race(&till, intent.id, [(MovementKind::Capture, Some(300)); 16]).await;

    assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count(), 3);
    assert_eq!(till.told.heard().len(), 3, "what is refused here is not asked for there");
    let after = till.intent(1).await;
    assert_eq!((after.amounts.captured, after.amounts.authorized), (900, 100));
    assert_eq!(after.status, IntentStatus::PartiallyCaptured);
    till.move_money(MovementKind::Void, intent.id, None).await.unwrap();
    let after = till.intent(1).await;
    assert_eq!((after.amounts.authorized, after.status), (0, IntentStatus::Succeeded));
    assert_eq!(
        till.said().await.into_iter().collect::<BTreeSet<_>>(),
        ["payment.authorized", "payment.captured", "payment.voided"].map(str::to_owned).into()
    );
    till.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_at_once_never_give_back_more_than_was_taken() {
    let till = till().await;
    let intent = till.told(1, CaptureMethod::Automatic).await;

    let given = race(&till, intent.id, [(MovementKind::Refund, Some(600)); 64]).await;

    let (given, refused): (Vec<_>, Vec<_>) = given.into_iter().partition(Result::is_ok);
    assert_eq!((given.len(), till.told.heard().len()), (1, 1));
    for refused in refused {
        assert!(
            matches!(refused, Err(MovementError::Exceeds { left, .. }) if left == usd(400)),
            "{refused:?}"
        );
    }
    till.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_refund_wanted_by_many_at_once_is_made_once() {
    let till = till().await;
    let intent = till.told(1, CaptureMethod::Automatic).await;
    let id = till.db.clock().uuid();
    let wish = |amount| Wish {
        id,
        intent_id: intent.id,
        kind: MovementKind::Refund,
        amount: Some(usd(amount)),
        reason: "twice".into(),
    };

    let given = join_all((0..8).map(|_| till.module.movements.carry_out(wish(300)))).await;

    assert!(
        given.iter().all(|given| given.as_ref().unwrap().status == MovementStatus::Succeeded),
        "{given:?}"
    );
    assert!(till.told.heard().iter().all(|(_, key, amount)| (*key, *amount) == (id, 300)));
    assert_eq!(till.intent(1).await.amounts.refunded, 300);
    let again = till.module.movements.carry_out(wish(1)).await.unwrap();
    assert_eq!(again.amount, usd(300), "the first to use an id wins");
    till.audit().await;
}

#[tokio::test]
async fn what_the_provider_refuses_is_free_again() {
    let till = till().await;
    let (taken, held) =
        (till.told(1, CaptureMethod::Automatic).await, till.told(2, CaptureMethod::Manual).await);
    till.told.does(Does::Refuse);
    for (kind, intent) in
        [(MovementKind::Refund, taken.id), (MovementKind::Capture, held.id), (MovementKind::Void, held.id)]
    {
        let refused = till.move_money(kind, intent, None).await.unwrap();
        assert_eq!(refused.status, MovementStatus::Failed, "{kind:?}");
    }
    assert_eq!(till.intent(1).await.amounts, taken.amounts);
    assert_eq!(till.intent(2).await.amounts, held.amounts);
    assert_eq!(till.said().await.last().unwrap(), "refund.failed");

    till.told.does(Does::Obey);
    till.move_money(MovementKind::Refund, taken.id, None).await.unwrap();
    till.move_money(MovementKind::Capture, held.id, None).await.unwrap();
    assert_eq!((till.intent(1).await.amounts.refunded, till.intent(2).await.amounts.captured), (1000, 1000));
    till.audit().await;
}

#[tokio::test]
async fn amounts_that_make_no_sense_reach_nobody() {
    let till = till().await;
    let (taken, held) =
        (till.told(1, CaptureMethod::Automatic).await, till.told(2, CaptureMethod::Manual).await);
    for (kind, intent) in [(MovementKind::Refund, taken.id), (MovementKind::Capture, held.id)] {
        for amount in [0, -1, i64::MIN] {
            let refused = till.move_money(kind, intent, Some(amount)).await;
            assert!(matches!(refused, Err(MovementError::InvalidAmount(_))), "{amount}: {refused:?}");
        }
        for amount in [1001, i64::MAX / 2] {
            let refused = till.move_money(kind, intent, Some(amount)).await;
            assert!(
                matches!(refused, Err(MovementError::Exceeds { left, .. }) if left == usd(1000)),
                "{amount}: {refused:?}"
            );
        }
    }
    for (kind, intent) in [(MovementKind::Capture, taken.id), (MovementKind::Void, taken.id)] {
        let refused = till.move_money(kind, intent, None).await;
        assert!(matches!(refused, Err(MovementError::InvalidTransition { .. })), "{refused:?}");
    }
    let none = till.move_money(MovementKind::Refund, held.id, None).await;
    assert!(matches!(none, Err(MovementError::Exceeds { .. })), "{none:?}");
    assert_eq!(till.told.heard(), []);
    assert_eq!(till.count("SELECT COUNT(*) FROM movements").await, 0);
}

#[tokio::test]
async fn a_reason_is_there_is_short_and_holds_no_card_number() {
    let till = till().await;
    let intent = till.told(1, CaptureMethod::Automatic).await;
    for reason in ["", "  ", &"x".repeat(201), "back to 4242424242424242", "４２４２４２４２４２４２４２４２"]
    {
        let wish = Wish {
            id: till.db.clock().uuid(),
            intent_id: intent.id,
            kind: MovementKind::Refund,
            amount: Some(usd(1)),
            reason: reason.to_owned(),
        };
        let refused = till.module.movements.carry_out(wish).await;
        assert!(matches!(refused, Err(MovementError::InvalidReason | MovementError::CardData)), "{reason}");
    }
    assert_eq!(till.told.heard(), []);
}
