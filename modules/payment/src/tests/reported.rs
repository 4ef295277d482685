//! What providers report: believed when it is signed, kept once, applied once, in any order.

use kernel::Money;
use payment_api::{CaptureMethod, PaymentOutcome};
use serde_json::json;

use super::world::{Does, SECRET, Till, key, order, till, usd};
use crate::intent::IntentStatus;
use crate::movement::MovementKind;
use crate::movement::service::MovementError;
use crate::provider::webhook::{Signed, sign};
use crate::webhook::WebhookStatus;
use crate::webhook::service::WebhookError;

impl Till {
    /// A webhook about the payment of this number arrives, signed just now.
    async fn receive(&self, id: &str, body: &[u8], secret: &str) -> Result<(), WebhookError> {
        let timestamp = self.db.clock().now().unix_seconds().to_string();
        let signature = sign(id, &timestamp, body, &secret.parse().unwrap());
        let webhook = Signed { id, timestamp: &timestamp, signature: &signature, body };
        self.module.webhooks.receive("test", webhook).await
    }

    async fn report(&self, number: u128, id: &str, kind: &str, amount: Money) -> WebhookStatus {
        let found = self.module.intents.find(self.intent(number).await.id).await.unwrap();
        let body =
            json!({ "type": kind, "charge": found.attempts[0].id, "reference": "r", "amount": amount });
        self.receive(id, body.to_string().as_bytes(), SECRET).await.unwrap();
        self.apply_again(id).await
    }

    async fn apply_again(&self, id: &str) -> WebhookStatus {
        let page = kernel::PageRequest { after: None, limit: 100 };
        let kept = self.module.webhooks.list(&page).await.unwrap().data;
        let kept = kept.into_iter().find(|kept| kept.event_id == id).unwrap();
        self.module.webhooks.replay(kept.id).await.unwrap().status
    }
}

#[tokio::test]
async fn reports_in_any_order_end_with_the_money_taken_once() {
    let till = till().await;
    let (made, refused) = ("charge.succeeded", "charge.declined");
    for (number, reports) in
        [[made, refused, made], [refused, made, made], [refused, refused, made]].iter().enumerate()
    {
        let number = number as u128;
        till.pay(number, "late_webhook").await;
        for (place, report) in reports.iter().enumerate() {
            let id = format!("evt_{number}_{place}");
            assert_eq!(till.report(number, &id, report, usd(1000)).await, WebhookStatus::Applied);
            assert_eq!(till.apply_again(&id).await, WebhookStatus::Applied, "again");
        }
        let intent = till.intent(number).await;
        assert_eq!((intent.status, intent.amounts.captured), (IntentStatus::Succeeded, 1000), "{reports:?}");
    }
    till.audit().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_set_aside_and_pays_nothing() {
    let till = till().await;
    till.pay(1, "late_webhook").await;
    let euros = Money::new(1000, "EUR".parse().unwrap());
    for (id, kind, amount) in [
        ("evt_1", "charge.succeeded", usd(999)),
        ("evt_2", "charge.succeeded", euros),
        ("evt_3", "?", usd(1000)),
    ] {
        assert_eq!(till.report(1, id, kind, amount).await, WebhookStatus::Parked, "{id}");
        assert_eq!(till.apply_again(id).await, WebhookStatus::Parked, "{id}");
    }
    assert_eq!(till.intent(1).await.status, IntentStatus::Processing);
}

#[tokio::test]
async fn what_is_not_signed_with_the_secret_is_not_kept() {
    let till = till().await;
    let forged = till.receive("evt_1", b"{}", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await;
    assert!(matches!(forged, Err(WebhookError::Forged)), "{forged:?}");
    let nameless = till.receive("", b"{}", SECRET).await;
    assert!(matches!(nameless, Err(WebhookError::Forged)), "{nameless:?}");
    assert_eq!(till.count("SELECT COUNT(*) FROM webhook_events").await, 0);
}

#[tokio::test]
async fn the_first_body_of_an_event_stands() {
    let till = till().await;
    till.pay(1, "late_webhook").await;
    till.report(1, "evt_1", "charge.declined", usd(1000)).await;
    till.report(1, "evt_1", "charge.succeeded", usd(1000)).await;
    assert_eq!(till.intent(1).await.status, IntentStatus::RequiresPaymentMethod);
    assert_eq!(till.count("SELECT COUNT(*) FROM webhook_events").await, 1);
}

#[tokio::test]
async fn money_that_was_given_up_is_not_taken_by_a_late_report() {
    let till = till().await;
    till.module.intents.pay(order(1, "approve", CaptureMethod::Manual)).await.unwrap();
    till.module.intents.end(key(1), true).await.unwrap();
    till.report(1, "evt_1", "charge.succeeded", usd(1000)).await;
    assert_eq!(till.intent(1).await.status, IntentStatus::Canceled);
    till.audit().await;
}

#[tokio::test]
async fn disputed_money_is_not_refunded_and_what_is_won_is_the_shops_again() {
    let till = till().await;
    let paid = till.pay(1, "approve").await;
    assert_eq!(till.report(1, "evt_1", "dispute.opened", usd(700)).await, WebhookStatus::Applied);
    assert_eq!(till.apply_again("evt_1").await, WebhookStatus::Applied);
    assert_eq!(till.intent(1).await.amounts.disputed, 700, "once, however often it is applied");
    till.audit().await;

    let refused = till.move_money(MovementKind::Refund, paid.intent_id, Some(301)).await;
    assert!(matches!(refused, Err(MovementError::Exceeds { left, .. }) if left == usd(300)), "{refused:?}");
    till.move_money(MovementKind::Refund, paid.intent_id, Some(300)).await.unwrap();
    assert_eq!(till.report(1, "evt_2", "dispute.opened", usd(1)).await, WebhookStatus::Parked, "too much");
    assert_eq!(till.report(1, "evt_3", "dispute.won", usd(701)).await, WebhookStatus::Parked, "too much");

    assert_eq!(till.report(1, "evt_4", "dispute.won", usd(700)).await, WebhookStatus::Applied);
    till.move_money(MovementKind::Refund, paid.intent_id, Some(700)).await.unwrap();
    assert_eq!(till.intent(1).await.amounts.refunded, 1000);
    let said = ["payment.captured", "dispute.opened", "refund.succeeded", "dispute.won", "refund.succeeded"];
    assert_eq!(till.said().await, said);
    assert_eq!(till.module.intents.resolve(key(1)).await.unwrap().outcome, PaymentOutcome::Canceled);
    till.audit().await;
}

#[tokio::test]
async fn a_payment_that_the_payer_fetched_back_has_ended_until_the_dispute_is_won() {
    let till = till().await;
    till.pay(1, "approve").await;
    let end = async || till.module.intents.end(key(1), true).await.unwrap().outcome;
    till.report(1, "evt_1", "dispute.opened", usd(1000)).await;
    assert_eq!(end().await, PaymentOutcome::Canceled, "there is nothing left to give back");
    assert!(till.module.intents.is_ended(key(1), true).await.unwrap());

    till.report(1, "evt_2", "dispute.won", usd(1000)).await;
    assert_eq!(till.module.intents.resolve(key(1)).await.unwrap().outcome, PaymentOutcome::Captured);
    assert_eq!(end().await, PaymentOutcome::Canceled);
    assert_eq!(till.intent(1).await.amounts.refunded, 1000);
    till.audit().await;
}

#[tokio::test]
async fn a_dispute_that_comes_before_the_news_of_its_charge_is_both() {
    let till = till().await;
    till.pay(1, "late_webhook").await;
    assert_eq!(till.intent(1).await.status, IntentStatus::Processing);

    assert_eq!(till.report(1, "evt_1", "dispute.opened", usd(700)).await, WebhookStatus::Applied);
    assert_eq!(till.report(1, "evt_2", "charge.succeeded", usd(1000)).await, WebhookStatus::Applied);

    let amounts = till.intent(1).await.amounts;
    assert_eq!((amounts.captured, amounts.disputed), (1000, 700));
    till.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_and_refunds_at_once_never_exceed_what_was_taken() {
    let till = till().await;
    for number in 0..10 {
        let paid = till.pay(number, "approve").await;
        let id = format!("evt_{number}");
        let (dispute, refund) = futures::future::join(
            Box::pin(till.report(number, &id, "dispute.opened", usd(600))),
            till.move_money(MovementKind::Refund, paid.intent_id, Some(600)),
        )
        .await;
        assert_ne!(dispute == WebhookStatus::Applied, refund.is_ok(), "{dispute:?} {refund:?}");
    }
    till.audit().await;
}

#[tokio::test]
async fn a_provider_says_nothing_of_the_charges_of_another() {
    let till = till().await;
    till.told.does(Does::Lose);
    let intent = till.told(1, CaptureMethod::Automatic).await;
    assert_eq!(intent.status, IntentStatus::Processing);

    // Signed by the test provider, about a charge of the one that does as it is told.
    assert_eq!(till.report(1, "evt_1", "charge.succeeded", usd(1000)).await, WebhookStatus::Parked);

    assert_eq!(till.intent(1).await.status, IntentStatus::Processing);
    till.audit().await;
}

#[tokio::test]
async fn the_test_providers_page_decides_nothing_for_the_payers_of_another() {
    let till = till().await;
    till.told.does(Does::AskThePayer);
    let intent = till.told(1, CaptureMethod::Automatic).await;
    assert_eq!(intent.status, IntentStatus::RequiresAction);
    let charge = till.module.intents.find(intent.id).await.unwrap().attempts[0].id.uuid();

    let acted = till.module.webhooks.act(charge, true).await;

    assert!(matches!(acted, Err(WebhookError::NothingWaits)), "{acted:?}");
    assert_eq!(till.intent(1).await.status, IntentStatus::RequiresAction);
}
