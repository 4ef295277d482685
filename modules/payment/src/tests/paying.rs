//! Paying: once, whatever gets lost on the way.

use futures::future::join_all;
use payment_api::{CaptureMethod, IntentId, PayOrder, PaymentOutcome};

use super::world::{key, order, till, usd};
use crate::attempt;
use crate::intent::service::IntentError;
use crate::provider::test::TOKENS;

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
        let intents = till.module.intents.clone();
        till.db.tasks().spawn(async move { intents.pay(order(1, "approve", CaptureMethod::Automatic)).await })
    };

    let paid = join_all((0..32).map(pay)).await;

    let intents: Vec<IntentId> = paid.into_iter().map(|paid| paid.unwrap().unwrap().intent_id).collect();
    assert!(intents.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(till.count("SELECT COUNT(*) FROM transfers").await, 1);
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

    let found = till.module.intents.resolve(key(1)).await.unwrap();
    let missing = till.module.intents.resolve(key(2)).await.unwrap();
    let again = till.pay(1, "timeout_but_charged").await;

    assert_eq!((found.outcome, again.outcome), (PaymentOutcome::Captured, PaymentOutcome::Captured));
    assert!(matches!(missing.outcome, PaymentOutcome::Declined { .. }));
    till.audit().await;
}

#[tokio::test]
async fn an_attempt_knows_what_the_provider_calls_it() {
    let till = till().await;
    let paid = till.pay(1, "approve").await;
    let attempts = attempt::store::list(&till.db, paid.intent_id).await.unwrap();
    let reference = attempts[0].reference.as_deref().unwrap();
    assert_eq!(reference, format!("test_{}", attempts[0].id.uuid().simple()));
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
async fn a_card_number_is_no_token() {
    let till = till().await;
    for number in ["4242 4242 4242 4242", "４２４２ ４２４２ ４２４２ ４２４２"] {
        let card = order(1, number, CaptureMethod::Automatic);
        assert!(matches!(till.module.intents.pay(card).await, Err(IntentError::InvalidToken)));
    }
}
