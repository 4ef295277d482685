//! Every function of the stores, on the database that the environment asks for.

use std::time::Duration;

use kernel::{Call, PageRequest};
use payment_api::{AttemptId, CaptureMethod, FindPayments, IntentId, PaymentsError};
use platform::Tx;
use uuid::Uuid;

use super::world::{Till, key, order, till, usd};
use crate::attempt::{self, Attempt, AttemptStatus};
use crate::intent::life::LIFE;
use crate::intent::life::tests::{NEWS, after};
use crate::intent::{self, Amounts, Intent, IntentStatus};
use crate::ledger;
use crate::movement::{self, Movement, MovementKind, MovementStatus};
use crate::webhook::{self, WebhookEvent, WebhookStatus};

fn page(after: Option<Uuid>, limit: u32) -> PageRequest<Uuid> {
    PageRequest { after, limit }
}

impl Till {
    async fn tx(&self) -> Tx {
        self.db.begin().await.unwrap()
    }

    /// An intent as it is stored first, without an attempt.
    async fn stored(&self, number: u128) -> Intent {
        let (id, now): (IntentId, _) = (self.db.clock().id(), self.db.clock().now());
        let mut tx = self.tx().await;
        let order = order(number, "approve", CaptureMethod::Manual);
        assert!(intent::store::insert(&mut tx, id, &order, now).await.unwrap());
        tx.commit().await.unwrap();
        self.intent(number).await
    }

    /// Puts an intent into a status, with amounts that go with it.
    async fn put(&self, id: IntentId, status: IntentStatus) {
        let (authorized, captured) = match status {
            IntentStatus::RequiresCapture => (1000, 0),
            IntentStatus::PartiallyCaptured => (600, 400),
            IntentStatus::Succeeded => (0, 1000),
            _ => (0, 0),
        };
        let mut tx = self.tx().await;
        tx.query("UPDATE intents SET status = $1, authorized = $2, captured = $3 WHERE id = $4")
            .bind(status.as_str())
            .bind(authorized)
            .bind(captured)
            .bind(id)
            .run()
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn an_intent_is_stored_once_and_found_by_id_key_order_and_status() {
    let till = till().await;
    let (one, two) = (till.stored(1).await, till.stored(2).await);
    let mut tx = till.tx().await;
    let again = order(1, "approve", CaptureMethod::Manual);
    assert!(!intent::store::insert(&mut tx, till.db.clock().id(), &again, one.created_at).await.unwrap());
    tx.rollback().await.unwrap();

    assert_eq!(intent::store::find(&till.db, one.id).await.unwrap().unwrap(), one);
    assert_eq!(intent::store::find_by_key(&till.db, key(3)).await.unwrap(), None);
    assert_eq!((one.capture, one.provider.as_str(), one.version), (CaptureMethod::Manual, "test", 1));
    till.put(two.id, IntentStatus::Canceled).await;
    let list = async |order: Option<&str>, status, after, limit| {
        let page = intent::store::list(&till.db, order, status, &page(after, limit)).await.unwrap();
        page.data.iter().map(|intent| intent.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None, None, 10).await, [two.id, one.id]);
    assert_eq!(list(None, None, None, 1).await, [two.id]);
    assert_eq!(list(None, None, Some(two.id.uuid()), 1).await, [one.id]);
    assert_eq!(list(Some("order 1"), None, None, 10).await, [one.id]);
    assert_eq!(list(None, Some(IntentStatus::Canceled), None, 10).await, [two.id]);
}

#[tokio::test]
async fn every_piece_of_news_in_every_status_does_what_the_table_says() {
    let till = till().await;
    let intent = till.stored(1).await;
    for status in IntentStatus::ALL {
        for news in NEWS {
            till.put(intent.id, *status).await;
            let before = till.intent(1).await;
            let left = if news.leaves_a_promise() { 100 } else { 0 };
            let by = Amounts { authorized: left - before.amounts.authorized, ..Amounts::default() };
            let mut tx = till.tx().await;
            let advanced = intent::store::advance(&mut tx, intent.id, by, &[news]).await.unwrap();
            tx.rollback().await.unwrap();
            // What is full has no room for a promise, whatever its status.
            let fits = *status != IntentStatus::Succeeded || left == 0;
            let expected = after(*status, news).filter(|_| fits);
            assert_eq!(advanced.map(|intent| intent.status), expected, "{status:?} with {news:?}");
        }
    }
    assert!(LIFE.len() > NEWS.len());
}

#[tokio::test]
async fn the_amounts_say_whether_a_part_was_taken_or_the_whole() {
    let till = till().await;
    let intent = till.stored(1).await;
    till.put(intent.id, IntentStatus::RequiresCapture).await;
    let news = MovementKind::Capture.news();
    let take = |amount: i64| Amounts { authorized: -amount, captured: amount, ..Amounts::default() };
    let mut tx = till.tx().await;
    let part = intent::store::advance(&mut tx, intent.id, take(400), news).await.unwrap().unwrap();
    let whole = intent::store::advance(&mut tx, intent.id, take(600), news).await.unwrap().unwrap();
    assert_eq!((part.status, whole.status), (IntentStatus::PartiallyCaptured, IntentStatus::Succeeded));
    assert_eq!((whole.amounts, whole.version), (Amounts { captured: 1000, ..Amounts::default() }, 3));
    assert_eq!(intent::store::advance(&mut tx, intent.id, take(1), news).await.unwrap(), None);
    tx.rollback().await.unwrap();
}

#[tokio::test]
async fn the_payments_of_orders_are_found_at_once_and_not_too_many() {
    let till = till().await;
    let (first, second) = (till.stored(1).await, till.stored(2).await);
    till.stored(3).await;
    let ask = async |order_ids: Vec<String>| {
        let call = Call::by_module("gateway", Duration::from_secs(5));
        till.module.contract().payments(&call, FindPayments { order_ids }).await
    };
    let found = ask(["order 2", "order 1", "no order"].map(str::to_owned).to_vec()).await.unwrap().payments;
    let shown: Vec<_> =
        found.iter().map(|payment| (payment.id, payment.order_id.as_str(), payment.amount)).collect();
    assert_eq!(shown, [(first.id, "order 1", usd(1000)), (second.id, "order 2", usd(1000))]);
    assert_eq!(ask(Vec::new()).await.unwrap().payments, []);
    assert!(matches!(ask(vec![String::new(); 101]).await, Err(PaymentsError::Failed(_))));
}

#[tokio::test]
async fn amounts_change_within_their_bounds_and_not_beyond() {
    let till = till().await;
    let intent = till.stored(1).await;
    till.put(intent.id, IntentStatus::PartiallyCaptured).await;
    let none = Amounts::default();
    let within = [
        Amounts { pending_capture: 600, ..none },
        Amounts { pending_void: 600, ..none },
        Amounts { pending_refund: 400, ..none },
        Amounts { disputed: 400, ..none },
        Amounts { refunded: 100, disputed: 100, pending_refund: 200, ..none },
    ];
    let beyond = [
        Amounts { authorized: 1, ..none },
        Amounts { authorized: -601, ..none },
        Amounts { captured: 1, ..none },
        Amounts { pending_capture: 300, pending_void: 301, ..none },
        Amounts { pending_refund: 401, ..none },
        Amounts { disputed: 401, ..none },
        Amounts { disputed: -1, ..none },
        Amounts { refunded: 200, disputed: 100, pending_refund: 101, ..none },
    ];
    for (changes, allowed) in [(&within[..], true), (&beyond[..], false)] {
        for by in changes {
            let mut tx = till.tx().await;
            let changed = intent::store::change(&mut tx, intent.id, *by).await.unwrap();
            tx.rollback().await.unwrap();
            assert_eq!(changed.is_some(), allowed, "{by:?}");
        }
    }
    let mut tx = till.tx().await;
    let unguarded = tx.query("UPDATE intents SET pending_void = 601 WHERE key = $1").bind(key(1)).run();
    assert!(unguarded.await.is_err(), "the table itself is the last guard");
}

#[tokio::test]
async fn an_attempt_is_stored_found_settled_once_and_asked_about_when_it_is_due() {
    let till = till().await;
    let (intent, now) = (till.stored(1).await, till.db.clock().now());
    let attempt = Attempt::new(till.db.clock().id(), intent.id, "approve".into(), now);
    let mut tx = till.tx().await;
    attempt::store::insert(&mut tx, &attempt, now.plus(Duration::from_secs(1))).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = till.tx().await;
    let second = Attempt { id: till.db.clock().id(), ..attempt.clone() };
    assert!(attempt::store::insert(&mut tx, &second, now).await.is_err(), "one of an intent is live");
    drop(tx);

    assert_eq!(attempt::store::find(&till.db, attempt.id).await.unwrap().unwrap(), attempt);
    let nobody = AttemptId::from_uuid(Uuid::nil());
    assert_eq!(attempt::store::find(&till.db, nobody).await.unwrap(), None);
    assert_eq!(attempt::store::list(&till.db, intent.id).await.unwrap(), vec![attempt.clone()]);

    assert!(!attempt::store::any_due(&till.db, now).await.unwrap());
    let due = now.plus(Duration::from_secs(1));
    let held = due.plus(Duration::from_secs(1));
    assert!(attempt::store::any_due(&till.db, due).await.unwrap());
    let mut tx = till.tx().await;
    assert_eq!(attempt::store::take_due(&mut tx, now, held, 9).await.unwrap(), []);
    assert_eq!(attempt::store::take_due(&mut tx, due, held, 9).await.unwrap(), vec![attempt.clone()]);
    assert_eq!(attempt::store::take_due(&mut tx, due, held, 9).await.unwrap(), [], "it is taken");
    attempt::store::put_off(&mut tx, attempt.id, held.plus(Duration::from_secs(1))).await.unwrap();
    assert_eq!(attempt::store::take_due(&mut tx, held, held, 9).await.unwrap(), [], "it is put off");

    let settled = Attempt {
        status: AttemptStatus::Declined,
        decline_code: Some("no".into()),
        reference: Some("r".into()),
        asked: 5,
        ..attempt.clone()
    };
    let sent = AttemptStatus::Sent;
    assert!(attempt::store::update(&mut tx, &settled, sent, None).await.unwrap());
    assert!(!attempt::store::update(&mut tx, &settled, sent, None).await.unwrap(), "it is not sent any more");
    attempt::store::put_off(&mut tx, attempt.id, now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(attempt::store::find(&till.db, attempt.id).await.unwrap().unwrap(), settled);
    assert!(!attempt::store::any_due(&till.db, held.plus(Duration::from_hours(1))).await.unwrap());
}

#[tokio::test]
async fn a_movement_is_stored_once_found_settled_once_and_asked_about_when_it_is_due() {
    let till = till().await;
    let (intent, now) = (till.stored(1).await, till.db.clock().now());
    let stored = Movement {
        id: till.db.clock().uuid(),
        intent_id: intent.id,
        kind: MovementKind::Refund,
        amount: usd(5),
        reason: "broken".into(),
        status: MovementStatus::Processing,
        asked: 0,
        created_at: now,
    };
    let other = Movement { id: till.db.clock().uuid(), kind: MovementKind::Void, ..stored.clone() };
    let due = now.plus(Duration::from_secs(1));
    let held = due.plus(Duration::from_secs(1));
    let mut tx = till.tx().await;
    assert!(movement::store::insert(&mut tx, &stored, due).await.unwrap());
    assert!(!movement::store::insert(&mut tx, &stored, due).await.unwrap());
    assert!(movement::store::insert(&mut tx, &other, held).await.unwrap());
    tx.commit().await.unwrap();

    assert_eq!(movement::store::find(&till.db, stored.id).await.unwrap().unwrap(), stored);
    assert_eq!(movement::store::find(&till.db, Uuid::nil()).await.unwrap(), None);
    for movement in [&stored, &other] {
        let listed = movement::store::list(&till.db, intent.id, movement.kind).await.unwrap();
        assert_eq!(listed, vec![movement.clone()]);
    }

    assert!(!movement::store::any_due(&till.db, now).await.unwrap());
    assert!(movement::store::any_due(&till.db, due).await.unwrap());
    let mut tx = till.tx().await;
    assert_eq!(movement::store::take_due(&mut tx, due, held, 9).await.unwrap(), vec![stored.clone()]);
    assert_eq!(movement::store::take_due(&mut tx, due, held, 9).await.unwrap(), [], "it is taken");
    assert_eq!(movement::store::take_due(&mut tx, held, held, 1).await.unwrap().len(), 1);
    let lost = MovementStatus::Unknown;
    assert!(movement::store::update(&mut tx, stored.id, lost, Some(held)).await.unwrap());
    assert!(movement::store::update(&mut tx, stored.id, MovementStatus::Failed, None).await.unwrap());
    assert!(!movement::store::update(&mut tx, stored.id, lost, Some(held)).await.unwrap(), "it is over");
    tx.commit().await.unwrap();
    let over = movement::store::find(&till.db, stored.id).await.unwrap().unwrap();
    assert_eq!((over.status, over.asked), (MovementStatus::Failed, 2));
}

#[tokio::test]
async fn the_ledger_lists_what_was_entered_and_knows_what_every_account_holds() {
    let till = till().await;
    let (one, two) = (till.stored(1).await, till.stored(2).await);
    let mut tx = till.tx().await;
    ledger::store::enter(&mut tx, &one, &[ledger::authorization(7), ledger::release(7)]).await.unwrap();
    ledger::store::enter(&mut tx, &one, &[]).await.unwrap();
    ledger::store::enter(&mut tx, &two, &[ledger::capture("test", 5)]).await.unwrap();
    tx.commit().await.unwrap();

    let list = async |intent, after, limit| {
        ledger::store::list(&till.db, intent, &page(after, limit)).await.unwrap()
    };
    let all = list(None, None, 10).await.data;
    let kinds: Vec<&str> = all.iter().map(|transfer| transfer.kind.as_str()).collect();
    assert_eq!(kinds, ["authorization", "release", "capture"]);
    assert_eq!(list(Some(two.id), None, 10).await.data, all[2..]);
    assert_eq!(list(None, Some(all[0].id.uuid()), 1).await.data, all[1..2]);
    let balances = ledger::store::balances(&till.db).await.unwrap();
    let balances: Vec<_> = balances.iter().map(|of| (of.account.as_str(), of.amount)).collect();
    assert_eq!(balances, [("clearing:test", 5), ("holds", 0), ("promises", 0), ("sales", -5)]);
}

#[tokio::test]
async fn a_webhook_is_kept_once_listed_and_applied_once_and_a_secret_made_once() {
    let till = till().await;
    let event = WebhookEvent {
        id: till.db.clock().uuid(),
        provider: "test".into(),
        event_id: "evt_1".into(),
        body: vec![0, 255],
        status: WebhookStatus::Received,
        last_error: None,
        received_at: till.db.clock().now(),
    };
    let (again, other) = (till.db.clock().uuid(), till.db.clock().uuid());
    let mut tx = till.tx().await;
    assert!(webhook::store::insert(&mut tx, &event).await.unwrap());
    assert!(!webhook::store::insert(&mut tx, &WebhookEvent { id: again, ..event.clone() }).await.unwrap());
    let two = WebhookEvent { id: other, event_id: "evt_2".into(), ..event.clone() };
    assert!(webhook::store::insert(&mut tx, &two).await.unwrap());
    tx.commit().await.unwrap();

    assert_eq!(webhook::store::find(&till.db, event.id).await.unwrap().unwrap(), event);
    assert_eq!(webhook::store::find(&till.db, again).await.unwrap(), None);
    assert_eq!(webhook::store::list(&till.db, &page(None, 10)).await.unwrap().data, [two, event.clone()]);
    assert_eq!(
        webhook::store::list(&till.db, &page(Some(other), 10)).await.unwrap().data,
        vec![event.clone()]
    );

    let mut tx = till.tx().await;
    let (parked, applied) = (WebhookStatus::Parked, WebhookStatus::Applied);
    assert!(webhook::store::update(&mut tx, event.id, parked, Some("why".into())).await.unwrap());
    assert!(webhook::store::update(&mut tx, event.id, applied, None).await.unwrap());
    assert!(!webhook::store::update(&mut tx, event.id, parked, None).await.unwrap(), "applied is applied");
    tx.commit().await.unwrap();
    assert_eq!(webhook::store::find(&till.db, event.id).await.unwrap().unwrap().status, applied);

    for made in ["first", "second"] {
        assert_eq!(webhook::store::secret(&till.db, "test", made.into()).await.unwrap(), "first");
    }
}
