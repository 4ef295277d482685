//! The module on a real database: money moves once, and the ledger knows.

use std::sync::Arc;

use futures::future::join_all;
use kernel::{Id, Money};
use payment_api::{CaptureMethod, IntentId, PayOrder, Payment, PaymentOutcome};
use platform::testing::{self, TestDb};
use uuid::Uuid;

use crate::intent::IntentStatus;
use crate::intent::service::IntentError;
use crate::intent::store;
use crate::ledger::store::balances;
use crate::provider::test::TOKENS;
use crate::refund::service::RefundError;
use crate::{MIGRATIONS, Module, NAME, Settings};

struct Till {
    db: TestDb,
    module: Arc<Module>,
}

async fn till() -> Till {
    let db = testing::db(NAME, MIGRATIONS).await;
    let settings = Settings { test_provider: true, webhook_secret: Some("secret".into()) };
    let module = Module::start(db.clone(), db.tasks(), settings).await.unwrap();
    Till { db, module: Arc::new(module) }
}

fn usd(amount: i64) -> Money {
    Money::new(amount, "USD".parse().unwrap())
}

fn order(key: u128, token: &str, capture: CaptureMethod) -> PayOrder {
    PayOrder {
        key: Uuid::from_u128(key),
        order_id: format!("order {key}"),
        customer_id: None,
        amount: usd(1000),
        capture,
        provider: "test".into(),
        token: token.into(),
    }
}

impl Till {
    async fn pay(&self, key: u128, token: &str) -> Payment {
        self.module.intents.pay(order(key, token, CaptureMethod::Automatic)).await.unwrap()
    }

    /// The ledger adds up to nothing, and says the same as the intents.
    async fn audit(&self) {
        let balances = balances(&self.db).await.unwrap();
        assert_eq!(balances.iter().map(|balance| balance.amount).sum::<i64>(), 0, "{balances:?}");
        let of = |account: &str| -> i64 {
            balances.iter().filter(|balance| balance.account == account).map(|balance| balance.amount).sum()
        };
        let (authorized, kept): (i64, i64) = self
            .db
            .query(
                "SELECT CAST(COALESCE(SUM(authorized), 0) AS BIGINT),
                     CAST(COALESCE(SUM(captured - refunded), 0) AS BIGINT)
                 FROM intents",
            )
            .one()
            .await
            .unwrap();
        assert_eq!((of("holds"), of("clearing:test"), of("sales")), (authorized, kept, -kept));
    }
}

#[tokio::test]
async fn every_magic_token_does_what_its_line_says() {
    let till = till().await;
    for (number, (token, says)) in TOKENS.iter().enumerate() {
        let outcome = till.pay(number as u128, token).await.outcome;
        match says.split_once(": ") {
            Some(("declined", code)) => {
                assert_eq!(outcome, PaymentOutcome::Declined { decline_code: code.into() }, "{token}");
            }
            _ if token.starts_with("timeout_") || *token == "late_webhook" => {
                assert_eq!(outcome, PaymentOutcome::Unknown, "{token}");
            }
            _ if *token == "requires_action" => {
                assert!(matches!(outcome, PaymentOutcome::RequiresAction { .. }), "{token}");
            }
            _ => assert_eq!(outcome, PaymentOutcome::Captured, "{token}"),
        }
    }
    till.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paying_with_one_key_from_many_sides_charges_once() {
    let till = till().await;
    let pay = |_| {
        let module = Arc::clone(&till.module);
        till.db
            .tasks()
            .spawn(async move { module.intents.pay(order(1, "approve", CaptureMethod::Automatic)).await })
    };

    let paid = join_all((0..32).map(pay)).await;

    let intents: Vec<IntentId> = paid.into_iter().map(|paid| paid.unwrap().unwrap().intent_id).collect();
    assert!(intents.windows(2).all(|pair| pair[0] == pair[1]));
    let (transfers,): (i64,) = till.db.query("SELECT COUNT(*) FROM transfers").one().await.unwrap();
    assert_eq!(transfers, 1);
    let other = PayOrder { amount: usd(1), ..order(1, "approve", CaptureMethod::Automatic) };
    assert!(matches!(till.module.intents.pay(other).await, Err(IntentError::KeyReused)));
    till.audit().await;
}

#[tokio::test]
async fn a_charge_whose_answer_was_lost_is_found_by_asking_and_made_once() {
    let till = till().await;
    let lost = till.pay(1, "timeout_but_charged").await;
    let never = till.pay(2, "timeout_not_charged").await;
    assert_eq!((lost.outcome, never.outcome), (PaymentOutcome::Unknown, PaymentOutcome::Unknown));

    let found = till.module.intents.resolve(Uuid::from_u128(1)).await.unwrap();
    let missing = till.module.intents.resolve(Uuid::from_u128(2)).await.unwrap();
    let again = till.pay(1, "timeout_but_charged").await;

    assert_eq!((found.outcome, again.outcome), (PaymentOutcome::Captured, PaymentOutcome::Captured));
    assert!(matches!(missing.outcome, PaymentOutcome::Declined { .. }));
    till.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn captures_at_once_never_take_more_than_was_promised() {
    let till = till().await;
    let held = till.module.intents.pay(order(1, "approve", CaptureMethod::Manual)).await.unwrap();
    assert_eq!(held.outcome, PaymentOutcome::Authorized);
    let capture = |_| {
        let (module, id) = (Arc::clone(&till.module), till.db.clock().id());
        let intent = held.intent_id;
        till.db.tasks().spawn(async move { module.intents.capture(id, intent, Some(usd(300))).await.is_ok() })
    };

    let taken = join_all((0..16).map(capture)).await;

    assert_eq!(taken.into_iter().filter(|taken| *taken.as_ref().unwrap()).count(), 3);
    let intent = store::find(&till.db, held.intent_id).await.unwrap().unwrap();
    assert_eq!((intent.amounts.captured, intent.amounts.authorized), (900, 100));
    till.module.intents.void(held.intent_id).await.unwrap();
    let intent = store::find(&till.db, held.intent_id).await.unwrap().unwrap();
    assert_eq!((intent.amounts.authorized, intent.status), (0, IntentStatus::Succeeded));
    till.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_at_once_never_give_back_more_than_was_taken() {
    let till = till().await;
    let paid = till.pay(1, "approve").await;
    let refund = |_| {
        let (module, id) = (Arc::clone(&till.module), till.db.clock().id());
        let intent = paid.intent_id;
        till.db.tasks().spawn(async move { module.refunds.create(id, intent, usd(600), "race".into()).await })
    };

    let given = join_all((0..64).map(refund)).await;

    let (given, refused): (Vec<_>, Vec<_>) = given.into_iter().map(Result::unwrap).partition(Result::is_ok);
    assert_eq!(given.len(), 1);
    for refused in refused {
        assert!(matches!(refused, Err(RefundError::ExceedsCaptured { .. })), "{refused:?}");
    }
    till.audit().await;
}

#[tokio::test]
async fn a_refund_the_provider_refuses_frees_its_amount() {
    let till = till().await;
    let paid = till.pay(1, "refund_fails").await;
    let refund =
        till.module.refunds.create(Id::from_uuid(Uuid::from_u128(9)), paid.intent_id, usd(1000), "x".into());
    assert_eq!(refund.await.unwrap().status.as_str(), "failed");
    let intent = store::find(&till.db, paid.intent_id).await.unwrap().unwrap();
    assert_eq!((intent.refundable(), intent.amounts.refunded), (1000, 0));
    till.audit().await;
}

#[tokio::test]
async fn ending_a_payment_gives_everything_back_once() {
    let till = till().await;
    let (taken, held) = (till.pay(1, "approve").await, order(2, "approve", CaptureMethod::Manual));
    till.module.intents.pay(held).await.unwrap();

    for _ in 0..2 {
        for key in [1, 2] {
            let ended = till.module.intents.end(Uuid::from_u128(key), true).await.unwrap();
            assert_eq!(ended.outcome, PaymentOutcome::Canceled, "{key}");
        }
    }

    let intent = store::find(&till.db, taken.intent_id).await.unwrap().unwrap();
    assert_eq!((intent.amounts.captured, intent.amounts.refunded), (1000, 1000));
    assert!(matches!(till.module.intents.end(Uuid::from_u128(3), true).await, Err(IntentError::NotFound)));
    till.audit().await;
}

#[tokio::test]
async fn the_ledger_refuses_to_be_changed() {
    let till = till().await;
    till.pay(1, "approve").await;
    for change in ["UPDATE transfers SET amount_minor = 1", "DELETE FROM transfers"] {
        let mut tx = till.db.begin().await.unwrap();
        assert!(tx.query(change).run().await.is_err(), "{change}");
    }
    till.audit().await;
}

#[tokio::test]
async fn a_card_number_is_refused_wherever_it_is_written() {
    let till = till().await;
    let card = order(1, "4242 4242 4242 4242", CaptureMethod::Automatic);
    assert!(matches!(till.module.intents.pay(card).await, Err(IntentError::InvalidToken)));
    let paid = till.pay(2, "approve").await;
    let reason = "back to 4242424242424242".to_owned();
    let refund = till.module.refunds.create(till.db.clock().id(), paid.intent_id, usd(1), reason).await;
    assert!(matches!(refund, Err(RefundError::Refused(_))));
}
