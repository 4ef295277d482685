use std::sync::{Arc, Mutex};
use std::time::Duration;

use kernel::event::EventData as _;
use kernel::{Event, PageRequest};
use order_api::CheckoutId;
use payment_api::{DisputeWon, PaymentCaptured};
use platform::events::Listener as _;
use platform::http::StoredAnswer;
use platform::{DbError, Tx};
use serde::Deserialize as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::shop::{Shop, shop};
use crate::checkout::store::{self, Checkout, LogEntry, PaymentChoice};
use crate::checkout::{Reason, State};
use crate::listen::PaymentNews;

const LEASE: Duration = Duration::from_secs(20);
const PAYING: State = State::Paying { tries: 0 };
const ALL: PageRequest<Uuid> = PageRequest { after: None, limit: 100 };

/// A checkout as it is kept, without what has no equality of its own.
fn kept(checkout: &Checkout) -> String {
    format!("{checkout:?}")
}

async fn now(shop: &Shop, id: CheckoutId) -> Checkout {
    store::find(shop, id).await.unwrap().unwrap()
}

async fn claim(shop: &Shop, limit: i64) -> Vec<CheckoutId> {
    let at = shop.clock().now();
    let claimed = shop.write(async |tx| store::claim_due(tx, at, LEASE, limit).await).await.unwrap();
    claimed.iter().map(|checkout| checkout.id).collect()
}

#[tokio::test]
async fn a_checkout_comes_back_as_it_was_stored_by_its_id_its_cart_and_its_order() {
    let shop = shop().await;
    let one = shop.checkout(State::Unknown { tries: 3 }, Some(0)).await;
    shop.checkout(PAYING, None).await;

    assert_eq!(kept(&now(&shop, one.id).await), kept(&one));
    let by_cart = store::find_by_cart(&shop, one.cart_id).await.unwrap().unwrap();
    assert_eq!(kept(&by_cart), kept(&one));
    let by_order =
        shop.write(async |tx| store::find_by_order(tx, one.order_id).await).await.unwrap().unwrap();
    assert_eq!(kept(&by_order), kept(&one));
    assert!(store::find(&shop, shop.clock().id()).await.unwrap().is_none());
    assert!(store::find_by_cart(&shop, shop.clock().id()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_cart_shows_its_latest_checkout_and_an_order_has_only_one() {
    let shop = shop().await;
    let first = shop.checkout(State::Failed { reason: Reason::OutOfStock }, None).await;
    let order = shop.order(&[1]).await;
    let second = Checkout { id: shop.clock().id(), order_id: order.id, ..first.clone() };
    shop.commits(|tx| store::insert(tx, &second)).await.unwrap();

    assert_eq!(store::find_by_cart(&shop, first.cart_id).await.unwrap().unwrap().id, second.id);
    let third = Checkout { id: shop.clock().id(), ..second };
    let refused = shop.commits(|tx| store::insert(tx, &third)).await;
    assert!(matches!(refused, Err(DbError::Unique(_))), "{refused:?}");
}

#[tokio::test]
async fn a_step_is_stored_by_one_of_two_drivers() {
    let shop = shop().await;
    let old = shop.checkout(PAYING, Some(0)).await;
    shop.wait(5);
    let at = shop.clock().now();
    let mut next = old.clone();
    next.state = State::Placed;
    next.log.push(LogEntry { at, input: "payment captured".into(), state: "placed".into() });
    next.lease_ends = at.plus(LEASE);
    next.answer = Some(StoredAnswer {
        status: 201,
        headers: Vec::new(),
        body: b"{}".to_vec(),
        salt: Some("salt".into()),
    });
    next.wake_at = None;
    next.updated_at = at;
    let advance = async |checkout: &Checkout| {
        shop.commits(|tx| store::advance(tx, checkout).later_changing_one()).await.unwrap()
    };

    assert!(advance(&next).await);
    assert!(!advance(&Checkout { state: PAYING, ..old.clone() }).await, "the other driver was faster");
    assert_eq!(kept(&now(&shop, old.id).await), kept(&Checkout { version: 2, ..next }));
}

#[tokio::test]
async fn due_is_what_nobody_drives_and_whose_moment_has_come() {
    let shop = shop().await;
    let any_due = async || store::any_due(&shop, shop.clock().now()).await.unwrap();
    shop.checkout(State::Placed, None).await;
    let later = shop.checkout(PAYING, Some(60)).await;
    assert!(!any_due().await && claim(&shop, 10).await.is_empty());

    shop.wait(60);
    assert!(any_due().await);
    assert_eq!(claim(&shop, 10).await, [later.id]);
    assert!(!any_due().await && claim(&shop, 10).await.is_empty(), "it is driven now");

    shop.wait(21);
    assert!(any_due().await, "whoever drove it is given up for dead");
    assert_eq!(claim(&shop, 10).await, [later.id]);
}

#[tokio::test]
async fn whoever_drove_it_before_is_fenced_off() {
    let shop = shop().await;
    let before = shop.checkout(PAYING, Some(0)).await;
    assert_eq!(claim(&shop, 10).await, [before.id]);

    assert!(!shop.commits(|tx| store::advance(tx, &before).later_changing_one()).await.unwrap());
    let claimed = now(&shop, before.id).await;
    assert_eq!((claimed.version, claimed.leased_until), (2, Some(shop.clock().now().plus(LEASE))));
    assert!(shop.commits(|tx| store::advance(tx, &claimed).later_changing_one()).await.unwrap());
}

#[tokio::test]
async fn those_that_wait_longest_are_claimed_first_and_no_more_than_asked_for() {
    let shop = shop().await;
    let late = shop.checkout(PAYING, Some(2)).await;
    let early = shop.checkout(PAYING, Some(1)).await;
    shop.wait(5);

    assert_eq!(claim(&shop, 1).await, [early.id]);
    assert_eq!(claim(&shop, 1).await, [late.id]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_workers_each_checkout_has_one() {
    let shop = shop().await;
    for _ in 0..6 {
        shop.checkout(PAYING, Some(0)).await;
    }
    let (at, claimed) = (shop.clock().now(), Arc::new(Mutex::new(Vec::new())));
    let all = Arc::clone(&claimed);

    shop.race(8, move |mut tx| {
        let all = Arc::clone(&all);
        async move {
            let due = store::claim_due(&mut tx, at, LEASE, 2).await?;
            all.lock().unwrap().extend(due.iter().map(|checkout| checkout.id));
            Ok((tx, true))
        }
    })
    .await;

    let mut claimed = claimed.lock().unwrap().clone();
    let taken = claimed.len();
    claimed.sort();
    claimed.dedup();
    assert_eq!((claimed.len(), taken), (6, 6));
}

#[tokio::test]
async fn news_wake_what_waits_and_nothing_else() {
    let shop = shop().await;
    let waiting = shop.checkout(State::Unknown { tries: 1 }, Some(60)).await;
    let over = shop.checkout(State::Placed, None).await;
    let at = shop.clock().now();
    let wake = async |id| shop.write(async |tx| store::wake(tx, id, at).await).await.unwrap();

    assert!(wake(waiting.id).await);
    assert!(!wake(waiting.id).await, "it is due already");
    assert!(!wake(over.id).await);
    assert_eq!(claim(&shop, 10).await, [waiting.id]);
}

#[tokio::test]
async fn money_of_a_checkout_that_is_over_goes_back_also_when_a_dispute_was_won() {
    let shop = shop().await;
    for kind in [PaymentCaptured::TYPE, DisputeWon::TYPE] {
        let over = shop.checkout(State::Failed { reason: Reason::OutOfStock }, None).await;
        let order = shop.order_now(over.order_id).await;
        let canceled = async |tx: &mut Tx| {
            let text = "UPDATE orders SET status = 'canceled' WHERE id = $1";
            tx.query(text).bind(order.id).run().await
        };
        shop.write(canceled).await.unwrap();
        let event = Event {
            specversion: "1.0".into(),
            id: shop.clock().uuid(),
            source: "/payment".into(),
            kind: kind.into(),
            subject: "pi".into(),
            time: shop.clock().now(),
            datacontenttype: "application/json".into(),
            data: json!({ "key": order.payment_key, "authorized": 0, "captured": 1000, "refunded": 0 }),
            position: 1,
            traceparent: None,
        };
        let heard = async |tx: &mut Tx| {
            PaymentNews.apply(tx, &event).await.unwrap();
            Ok(())
        };
        shop.write(heard).await.unwrap();

        let woken = now(&shop, over.id).await;
        let ending = matches!(woken.state, State::Ending { payment: true, .. });
        assert!(ending && woken.wake_at.is_some(), "{kind}: {woken:?}");
    }
}

#[tokio::test]
async fn a_list_shows_one_state_or_what_has_not_ended_newest_first_and_page_by_page() {
    let shop = shop().await;
    let paying = shop.checkout(PAYING, Some(0)).await;
    let placed = shop.checkout(State::Placed, None).await;
    let unknown = shop.checkout(State::Unknown { tries: 1 }, Some(60)).await;
    let list = async |state: Option<&str>, page: &PageRequest<Uuid>| {
        let page = store::list(&shop, state, page).await.unwrap();
        (page.data.iter().map(|checkout| checkout.id).collect::<Vec<_>>(), page.has_more)
    };

    assert_eq!(list(None, &ALL).await, (vec![unknown.id, paying.id], false));
    assert_eq!(list(Some("placed"), &ALL).await, (vec![placed.id], false));
    assert_eq!(list(Some("ending"), &ALL).await, (vec![], false));
    let first = PageRequest { after: None, limit: 1 };
    assert_eq!(list(None, &first).await, (vec![unknown.id], true));
    let rest = PageRequest { after: Some(unknown.id.uuid()), limit: 1 };
    assert_eq!(list(None, &rest).await, (vec![paying.id], false));
}

#[test]
fn checkouts_that_a_release_left_on_their_way_are_understood() {
    let released = include_str!("../../../../contracts/0.1/checkouts.json");
    let released: Value = serde_json::from_str(released).unwrap();
    let states = released["states"].as_array().unwrap();
    for stored in states {
        assert_eq!(&serde_json::to_value(State::deserialize(stored).unwrap()).unwrap(), stored);
    }
    for name in State::NAMES {
        assert!(states.iter().any(|state| state["name"] == name), "no sample of {name}");
    }
    for stored in released["payments"].as_array().unwrap() {
        assert_eq!(&serde_json::to_value(PaymentChoice::deserialize(stored).unwrap()).unwrap(), stored);
    }
    assert!(LogEntry::deserialize(&released["log"]).is_ok());
}
