//! What nobody has an answer to is asked about: under the same key, with growing pauses, until it is known.

use std::sync::atomic::Ordering;
use std::time::Duration;

use payment_api::{CaptureMethod, PaymentOutcome};

use super::world::{Does, PATIENCE, till, told};
use crate::attempt::{Attempt, AttemptStatus};
use crate::intent::IntentStatus;
use crate::movement::service::Wish;
use crate::movement::{MovementKind, MovementStatus};
use crate::provider::Outcome;

#[tokio::test]
async fn money_whose_outcome_is_lost_stays_set_aside_until_it_is_known() {
    let till = till().await;
    let intent = till.told(1, CaptureMethod::Automatic).await;
    till.told.does(Does::Lose);
    let lost = till.move_money(MovementKind::Refund, intent.id, Some(600)).await.unwrap();
    assert_eq!(lost.status, MovementStatus::Unknown);
    assert_eq!(till.intent(1).await.amounts.pending_refund, 600);
    assert!(till.move_money(MovementKind::Refund, intent.id, Some(600)).await.is_err(), "not twice");

    till.told.does(Does::Obey);
    till.advance(PATIENCE);
    till.recover().await;

    let amounts = till.intent(1).await.amounts;
    assert_eq!((amounts.refunded, amounts.pending_refund), (600, 0));
    let keys: Vec<_> = till.told.heard().iter().map(|(_, key, _)| *key).collect();
    assert_eq!(keys, [lost.id, lost.id], "never under another key");
    till.audit().await;
}

#[tokio::test]
async fn a_crash_while_the_provider_is_asked_is_finished_under_the_same_key() {
    let till = till().await;
    let intent = till.told(1, CaptureMethod::Manual).await;
    till.told.does(Does::Hang);
    let id = till.db.clock().uuid();
    let (kind, reason) = (MovementKind::Void, "crash".to_owned());
    let wish = Wish { id, intent_id: intent.id, kind, amount: None, reason };
    let movements = till.module.movements.clone();
    let crashing = till.db.tasks().spawn({
        let wish = wish.clone();
        async move { movements.carry_out(wish).await.map(drop) }
    });
    while till.told.heard().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    crashing.abort();
    assert!(crashing.await.is_err());
    assert_eq!(till.intent(1).await.amounts.pending_void, 1000);

    till.told.does(Does::Obey);
    till.recover().await;
    assert_eq!(till.told.heard().len(), 1, "somebody may still wait for the answer");
    till.advance(PATIENCE);
    till.recover().await;

    assert_eq!(till.intent(1).await.status, IntentStatus::Canceled);
    assert_eq!(till.module.movements.carry_out(wish).await.unwrap().status, MovementStatus::Succeeded);
    assert_eq!(till.told.heard(), [(MovementKind::Void, id, 1000); 2]);
    till.audit().await;
}

#[tokio::test]
async fn a_provider_that_never_answers_leaves_an_unknown_outcome_after_the_limit() {
    let till = till().await;
    let intent = till.told(1, CaptureMethod::Automatic).await;
    till.told.does(Does::Hang);

    let paid = till.module.intents.pay(told(2, CaptureMethod::Automatic)).await.unwrap();
    let refund = till.move_money(MovementKind::Refund, intent.id, None).await.unwrap();
    let resolved = till.module.intents.resolve(told(2, CaptureMethod::Automatic).key).await.unwrap();

    assert_eq!((paid.outcome, resolved.outcome), (PaymentOutcome::Unknown, PaymentOutcome::Unknown));
    assert_eq!(refund.status, MovementStatus::Unknown);
    till.audit().await;
}

#[tokio::test]
async fn a_provider_that_stays_silent_is_asked_ever_less_often() {
    let till = till().await;
    let intent = till.told(1, CaptureMethod::Manual).await;
    till.told.does(Does::Lose);
    till.move_money(MovementKind::Capture, intent.id, None).await.unwrap();
    till.module.intents.pay(told(2, CaptureMethod::Automatic)).await.unwrap();

    let mut asked = Vec::new();
    for _ in 0..4 {
        let before = (till.told.heard().len(), till.told.queries.load(Ordering::SeqCst));
        // A quarter of an hour, looked at every second of it.
        for _ in 0..900 {
            till.advance(Duration::from_secs(1));
            till.recover().await;
        }
        let after = (till.told.heard().len(), till.told.queries.load(Ordering::SeqCst));
        asked.push((after.0 - before.0, after.1 - before.1));
    }

    for kind in [|asked: &(usize, usize)| asked.0, |asked: &(usize, usize)| asked.1] {
        let asked: Vec<usize> = asked.iter().map(kind).collect();
        assert!((7..=16).contains(&asked[0]), "{asked:?}");
        assert!(asked[1..].iter().all(|asked| (3..=6).contains(asked)), "{asked:?}");
    }
    till.told.does(Does::Obey);
    *till.told.standing.lock().unwrap() = Some(Outcome::Captured("told".into()));
    till.advance(Duration::from_mins(5));
    till.recover().await;
    assert_eq!((till.intent(1).await.amounts.captured, till.intent(2).await.amounts.captured), (1000, 1000));
    till.audit().await;
}

#[tokio::test]
async fn many_that_are_stuck_hold_up_no_other_and_leave_the_sweep_its_rest() {
    let till = till().await;
    till.told.does(Does::Obey);
    for number in 0..30 {
        let intent = till.told(number, CaptureMethod::Automatic).await;
        till.told.does(Does::Lose);
        till.move_money(MovementKind::Refund, intent.id, Some(10)).await.unwrap();
        till.told.does(Does::Obey);
    }
    till.told.does(Does::Hang);
    till.advance(PATIENCE);
    let before = till.told.heard().len();

    let started = std::time::Instant::now();
    let more = till.module.movements.recover().await.unwrap();
    let rest = till.module.movements.recover().await.unwrap();

    assert!(more && !rest, "a full batch says that there is more, the rest of it does not");
    assert_eq!(till.told.heard().len() - before, 30, "each was asked once");
    assert!(started.elapsed() < Duration::from_secs(3), "they are asked side by side");
    assert!(!till.module.movements.recover().await.unwrap());
    assert_eq!(till.told.heard().len() - before, 30, "without time passing nobody is asked again");
    till.audit().await;
}

#[tokio::test]
async fn a_provider_that_was_switched_off_is_not_asked_without_a_pause() {
    let till = till().await;
    let intent = till.told(1, CaptureMethod::Automatic).await;
    till.told.does(Does::Lose);
    till.move_money(MovementKind::Refund, intent.id, Some(10)).await.unwrap();
    till.module.intents.pay(told(2, CaptureMethod::Automatic)).await.unwrap();
    let mut tx = till.db.begin().await.unwrap();
    tx.query("UPDATE intents SET provider = 'gone'").run().await.unwrap();
    tx.commit().await.unwrap();

    till.advance(PATIENCE);
    till.recover().await;

    for due in
        ["SELECT COUNT(*) FROM movements WHERE asked = 2", "SELECT COUNT(*) FROM attempts WHERE asked = 2"]
    {
        assert_eq!(till.count(due).await, 1, "{due}");
    }
    let now = till.db.clock().now();
    let (next,): (kernel::Moment,) = till.db.query("SELECT MIN(ask_at) FROM movements").one().await.unwrap();
    assert!(next > now);
    let refused = till.move_money(MovementKind::Refund, intent.id, Some(10)).await;
    assert!(refused.is_err(), "what nobody can be asked for is not set aside");
    assert_eq!(till.intent(1).await.amounts.pending_refund, 10);
}

#[tokio::test]
async fn a_charge_that_may_still_be_on_its_way_is_not_called_refused() {
    let till = till().await;
    till.told.does(Does::Hang);
    let order = told(1, CaptureMethod::Automatic);
    let intents = till.module.intents.clone();
    let dying = till.db.tasks().spawn({
        let order = order.clone();
        async move { intents.pay(order).await.map(drop) }
    });
    while till.told.charges.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    dying.abort();
    assert!(dying.await.is_err());
    till.told.does(Does::Obey);

    let soon = till.module.intents.pay(order.clone()).await.unwrap();
    assert_eq!(soon.outcome, PaymentOutcome::Unknown, "the provider has not seen it, yet");
    till.advance(PATIENCE);
    let later = till.module.intents.pay(order).await.unwrap();
    assert!(matches!(later.outcome, PaymentOutcome::Declined { .. }), "it never arrived: {later:?}");
    assert_eq!(till.told.charges.load(Ordering::SeqCst), 1, "it is not sent again");
}

#[tokio::test]
async fn money_that_comes_while_another_hears_that_nothing_was_sent_is_entered() {
    let till = till().await;
    till.told.does(Does::Lose);
    let lost = till.module.intents.pay(told(1, CaptureMethod::Automatic)).await.unwrap();
    let found = till.module.intents.find(lost.intent_id).await.unwrap();
    let (intent, sent) = (found.intent, found.attempts[0].clone());
    let attempts = &till.module.intents.attempts;

    attempts.settle(&intent, sent.clone(), Outcome::Declined("processing_error")).await.unwrap();
    let late = attempts.settle(&intent, sent.clone(), Outcome::Captured("r".into())).await.unwrap();
    assert_eq!(late.outcome(), PaymentOutcome::Captured);
    attempts.settle(&intent, sent, Outcome::Declined("processing_error")).await.unwrap();

    let amounts = till.intent(1).await.amounts;
    assert_eq!((amounts.captured, amounts.refunded), (1000, 0));
    till.audit().await;
}

#[tokio::test]
async fn what_was_held_up_for_so_long_that_others_may_have_asked_is_not_sent() {
    let till = till().await;
    till.told.does(Does::Lose);
    let lost = till.module.intents.pay(told(1, CaptureMethod::Automatic)).await.unwrap();
    let found = till.module.intents.find(lost.intent_id).await.unwrap();
    let held_up = Attempt { status: AttemptStatus::Sent, ..found.attempts[0].clone() };
    let charges = till.told.charges.load(Ordering::SeqCst);

    till.advance(PATIENCE);
    till.module.intents.attempts.send(&found.intent, held_up).await.unwrap();

    assert_eq!(till.told.charges.load(Ordering::SeqCst), charges);
}
