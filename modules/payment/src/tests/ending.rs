//! Ending payments: for the checkout, for staff, and because orders were canceled.

use std::time::Duration;

use futures::future::join_all;
use kernel::event::EventData;
use kernel::{Event, Id};
use order_api::{OrderCanceled, OrderItemsCanceled};
use payment_api::{CaptureMethod, PaymentOutcome};
use platform::events::Listener as _;
use platform::jobs;
use uuid::Uuid;

use super::world::{Does, PATIENCE, Till, key, order, till, told, usd};
use crate::intent::service::IntentError;
use crate::intent::{Amounts, IntentStatus};
use crate::listen::{Cancellations, HEARS};
use crate::movement::service::MovementError;
use crate::movement::{MovementKind, MovementStatus};
use crate::provider::Outcome;

impl Till {
    async fn end(&self, number: u128) -> PaymentOutcome {
        self.module.intents.end(key(number), true).await.unwrap().outcome
    }

    async fn hear<E: EventData>(&self, said: &E) {
        let event = Event {
            specversion: "1.0".into(),
            id: self.db.clock().uuid(),
            source: "/order".into(),
            kind: E::TYPE.into(),
            subject: said.subject(),
            time: self.db.clock().now(),
            datacontenttype: "application/json".into(),
            data: serde_json::to_value(said).unwrap(),
            position: 1,
            traceparent: None,
        };
        assert!(HEARS.types.contains(&E::TYPE));
        let mut tx = self.db.begin().await.unwrap();
        Cancellations.apply(&mut tx, &event).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Does jobs until all that are left wait for a later time.
    async fn work(&self) {
        let worker = self.module.mount().worker.unwrap();
        let working = self.db.tasks().spawn(jobs::work(worker, (*self.db).clone(), self.db.tasks().clone()));
        let now = self.db.clock().now();
        for _ in 0..400 {
            let query = self.db.query("SELECT COUNT(*) FROM jobs WHERE run_at <= $1").bind(now);
            let (due,): (i64,) = query.one().await.unwrap();
            if due == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        working.abort();
        assert!(working.await.is_err());
    }
}

fn canceled(payment_key: Option<Uuid>, refund: bool) -> OrderCanceled {
    let order_id = Id::from_uuid(Uuid::nil());
    OrderCanceled { order_id, payment_key, refund, restock: Vec::new(), reason: "4242424242424242".into() }
}

#[tokio::test]
async fn what_is_promised_is_given_up_and_what_was_taken_goes_back() {
    let till = till().await;
    till.told(1, CaptureMethod::Automatic).await;
    till.told(2, CaptureMethod::Manual).await;
    let partly = till.told(3, CaptureMethod::Manual).await;
    till.move_money(MovementKind::Capture, partly.id, Some(400)).await.unwrap();
    till.pay(4, "decline").await;
    till.pay(5, "requires_action").await;

    for number in [1, 2, 3, 4, 5, 1, 2, 3, 4, 5] {
        assert_eq!(till.end(number).await, PaymentOutcome::Canceled, "{number}");
        assert!(till.module.intents.is_ended(key(number), true).await.unwrap(), "{number}");
    }

    let back = |amount| Amounts { captured: amount, refunded: amount, ..Amounts::default() };
    let amounts = [till.intent(1).await.amounts, till.intent(2).await.amounts, till.intent(3).await.amounts];
    assert_eq!(amounts, [back(1000), back(0), back(400)]);
    for number in [2, 4, 5] {
        assert_eq!(till.intent(number).await.status, IntentStatus::Canceled, "{number}");
    }
    assert!(matches!(till.module.intents.end(key(9), true).await, Err(IntentError::NotFound)));
    till.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_a_payment_sixteen_times_at_once_gives_it_back_once() {
    let till = till().await;
    till.told(1, CaptureMethod::Automatic).await;

    let ended = join_all((0..16).map(|_| till.end(1))).await;

    assert!(ended.iter().all(|outcome| *outcome == PaymentOutcome::Canceled), "{ended:?}");
    assert_eq!(till.told.heard().len(), 1);
    till.audit().await;
}

#[tokio::test]
async fn nothing_is_ended_blindly() {
    let till = till().await;
    till.told.does(Does::Lose);
    till.module.intents.pay(told(1, CaptureMethod::Automatic)).await.unwrap();
    assert_eq!(till.end(1).await, PaymentOutcome::Unknown);
    let refused = till.module.intents.cancel(Uuid::nil(), till.intent(1).await.id).await;
    assert!(matches!(refused, Err(IntentError::OutcomeUnknown(IntentStatus::Processing))), "{refused:?}");
    assert_eq!(till.told.heard(), []);

    till.told.does(Does::Obey);
    *till.told.standing.lock().unwrap() = Some(Outcome::Captured("told".into()));
    assert_eq!(till.end(1).await, PaymentOutcome::Canceled);
    assert_eq!(till.intent(1).await.amounts.refunded, 1000);
    till.audit().await;
}

#[tokio::test]
async fn staff_cancel_what_is_promised_and_are_told_to_refund_what_was_taken() {
    let till = till().await;
    let (held, taken) =
        (till.told(1, CaptureMethod::Manual).await, till.told(2, CaptureMethod::Automatic).await);
    let cancel = async |number: u128, intent| till.module.intents.cancel(key(number), intent).await;

    let canceled = cancel(100, held.id).await.unwrap();
    assert_eq!((canceled.status, canceled.amounts), (IntentStatus::Canceled, Amounts::default()));
    assert_eq!(cancel(101, held.id).await.unwrap(), canceled, "again, with another key");

    for number in [200, 201] {
        let refused = cancel(number, taken.id).await.unwrap_err();
        assert!(
            matches!(refused, IntentError::Movement(MovementError::InvalidTransition { .. })),
            "{refused:?}"
        );
        assert!(refused.to_string().contains("refund it instead"), "{refused}");
    }
    assert_eq!(till.intent(2).await.amounts, taken.amounts);
    assert_eq!(till.told.heard(), [(MovementKind::Void, key(100), 1000)]);

    let partly = till.told(3, CaptureMethod::Manual).await;
    till.move_money(MovementKind::Capture, partly.id, Some(400)).await.unwrap();
    let canceled = cancel(300, partly.id).await.unwrap();
    assert_eq!((canceled.status, canceled.amounts.captured), (IntentStatus::Succeeded, 400));
    assert_eq!(cancel(300, partly.id).await.unwrap(), canceled, "the same request after a crash");
    till.audit().await;
}

#[tokio::test]
async fn staff_cancel_what_was_refused_or_waits_for_the_payer() {
    let till = till().await;
    for (number, token) in [(1, "decline"), (2, "requires_action")] {
        till.pay(number, token).await;
        let id = till.intent(number).await.id;
        let canceled = till.module.intents.cancel(key(9), id).await.unwrap();
        assert_eq!(canceled.status, IntentStatus::Canceled, "{token}");
        assert_eq!(till.module.intents.resolve(key(number)).await.unwrap().outcome, PaymentOutcome::Canceled);
    }
}

#[tokio::test]
async fn a_cancellation_whose_outcome_is_lost_is_on_its_way_and_one_that_is_refused_says_so() {
    let till = till().await;
    let intent = till.told(1, CaptureMethod::Manual).await;
    till.told.does(Does::Refuse);
    let refused = till.module.intents.cancel(key(100), intent.id).await;
    assert!(matches!(refused, Err(IntentError::Movement(MovementError::Refused))), "{refused:?}");

    till.told.does(Does::Lose);
    let lost = till.module.intents.cancel(key(101), intent.id).await.unwrap();
    let again = till.module.intents.cancel(key(102), intent.id).await.unwrap();
    assert_eq!((lost.amounts.pending_void, lost.status), (1000, IntentStatus::RequiresCapture));
    assert_eq!(again, lost);
    let capture = till.module.intents.capture(key(103), intent.id, None).await;
    assert!(capture.is_err(), "what is being given up is not taken");

    till.told.does(Does::Obey);
    till.advance(PATIENCE);
    till.recover().await;
    assert_eq!(till.intent(1).await.status, IntentStatus::Canceled);
    till.audit().await;
}

#[tokio::test]
async fn a_refund_that_the_provider_refuses_is_not_tried_for_ever() {
    let till = till().await;
    till.pay(1, "refund_fails").await;
    for _ in 0..6 {
        assert_eq!(till.end(1).await, PaymentOutcome::Captured);
    }
    assert_eq!(till.count("SELECT COUNT(*) FROM movements WHERE status = 'failed'").await, 3);
    assert_eq!(till.intent(1).await.amounts.refundable(), 1000);
    assert!(till.module.intents.is_ended(key(1), true).await.unwrap(), "staff have to look");
    till.audit().await;
}

#[tokio::test]
async fn a_canceled_order_is_paid_back_or_only_given_up_as_it_says() {
    let till = till().await;
    till.told(1, CaptureMethod::Automatic).await;
    let kept = till.told(2, CaptureMethod::Manual).await;
    till.move_money(MovementKind::Capture, kept.id, Some(400)).await.unwrap();

    till.hear(&canceled(Some(key(1)), true)).await;
    till.hear(&canceled(Some(key(1)), true)).await;
    till.hear(&canceled(Some(key(2)), false)).await;
    till.hear(&canceled(Some(key(9)), true)).await;
    till.hear(&canceled(None, true)).await;
    till.work().await;
    // Whoever found the money on its way looks again.
    till.advance(Duration::from_mins(2));
    till.work().await;

    assert_eq!(till.intent(1).await.amounts.refunded, 1000);
    let amounts = till.intent(2).await.amounts;
    assert_eq!((amounts.authorized, amounts.captured, amounts.refunded), (0, 400, 0));
    assert_eq!(till.count("SELECT COUNT(*) FROM jobs").await, 0);
    till.audit().await;
}

#[tokio::test]
async fn a_capture_under_way_when_the_order_is_canceled_goes_back_as_well() {
    let till = till().await;
    let intent = till.told(1, CaptureMethod::Manual).await;
    till.told.does(Does::Lose);
    let capture = till.move_money(MovementKind::Capture, intent.id, Some(400)).await.unwrap();
    assert_eq!(capture.status, MovementStatus::Unknown);

    till.hear(&canceled(Some(key(1)), true)).await;
    till.work().await;
    assert_eq!(till.told.heard().len(), 1, "nothing is given up while a part is on its way");
    till.told.does(Does::Obey);
    till.advance(Duration::from_mins(2));
    till.recover().await;
    till.work().await;

    let amounts = till.intent(1).await.amounts;
    assert_eq!(amounts, Amounts { captured: 400, refunded: 400, ..Amounts::default() });
    assert_eq!(till.count("SELECT COUNT(*) FROM jobs").await, 0);
    till.audit().await;
}

#[tokio::test]
async fn items_that_are_canceled_are_refunded_once_and_only_as_far_as_there_is_money() {
    let till = till().await;
    till.told(1, CaptureMethod::Automatic).await;
    let held = till.told(2, CaptureMethod::Manual).await;
    let items = |payment_key, id| OrderItemsCanceled {
        order_id: Id::from_uuid(Uuid::nil()),
        cancellation_id: key(id),
        payment_key,
        refund: Some(usd(600)),
        restock: Vec::new(),
        reason: String::new(),
    };

    for id in [100, 100, 101, 102] {
        till.hear(&items(key(1), id)).await;
        till.work().await;
    }
    till.hear(&items(key(2), 103)).await;
    till.work().await;

    assert_eq!(till.intent(1).await.amounts.refunded, 1000, "600, and the 400 that were left");
    assert_eq!(till.count("SELECT COUNT(*) FROM movements").await, 2);
    assert_eq!(till.intent(2).await.amounts, held.amounts);
    assert_eq!(till.count("SELECT COUNT(*) FROM jobs").await, 0);
    till.audit().await;
}

#[tokio::test]
async fn a_payer_who_pays_after_the_end_has_paid_late() {
    let till = till().await;
    for (number, capture) in [(1, CaptureMethod::Automatic), (2, CaptureMethod::Manual)] {
        till.module.intents.pay(order(number, "requires_action", capture)).await.unwrap();
        assert_eq!(till.end(number).await, PaymentOutcome::Canceled);
        let found = till.module.intents.find(till.intent(number).await.id).await.unwrap();
        let heard = match capture {
            CaptureMethod::Automatic => Outcome::Captured("late".into()),
            CaptureMethod::Manual => Outcome::Authorized("late".into()),
        };
        till.module.intents.attempts.settle(&found.intent, found.attempts[0].clone(), heard).await.unwrap();
    }
    assert_eq!(till.said().await, ["payment.captured", "payment.authorized"]);
    for number in [1, 2] {
        assert_eq!(till.end(number).await, PaymentOutcome::Canceled, "whoever hears of it ends it again");
    }
    assert_eq!(till.intent(1).await.amounts.refunded, 1000);
    assert_eq!(till.intent(2).await.status, IntentStatus::Canceled);
    till.audit().await;
}
