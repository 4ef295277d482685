//! Paying: what comes of it, what is refused, and that one identity is one payment.

use futures::future::join_all;
use kernel::{CallFailure, FailureReason, Money};
use payment_api::{Payment, PaymentOutcome, PaymentSummaries, PaymentSummary, PaymentsError};
use serde_json::{Value, json};

use super::feed;
use super::line::{Ask, Line};
use super::{Amiss, Report};

/// What everything costs here.
const CENTS: i64 = 1999;
/// Callers at the same time.
const CROWD: usize = 16;
/// Orders in one question at the most.
const MOST: usize = 100;

pub(super) async fn check(line: &Line, report: &mut Report) {
    report.check("captured", "money is taken at once where that is asked for", captured(line)).await;
    report.check("authorized", "money is promised where it is taken later", authorized(line)).await;
    report.check("declined", "a refusal of the bank is an answer, with its reason", declined(line)).await;
    report.check("requires-action", "a payer who has to act is told where", requires_action(line)).await;
    report.check("unanswered", "what the provider did not answer is asked about", unanswered(line)).await;
    report.check("repeated", "the same payment twice is one, with one answer", repeated(line)).await;
    report.check("at-once", "many times at once it is one, too", at_once(line)).await;
    report.check("key-reused", "a key belongs to one payment", key_reused(line)).await;
    report.check("refusals", "what cannot be paid is refused by its own code", refusals(line)).await;
    report.check("not-found", "a payment that nobody asked for is not there", not_found(line)).await;
    report.check("given-back", "what was taken goes back once", given_back(line)).await;
    report.check("given-up", "what was promised is given up", given_up(line)).await;
    report.check("ended", "what was declined or not confirmed is over", ended(line)).await;
    report.check("by-order", "payments are found by their orders, the oldest first", by_order(line)).await;
}

/// A request to pay for an order that nobody has paid for.
pub(super) fn order(line: &Line, token: &str) -> Value {
    json!({
        "key": line.clock.uuid().to_string(), "orderId": format!("ord_{}", line.clock.uuid().simple()),
        "amount": { "amount": CENTS, "currency": "USD" }, "capture": "automatic", "provider": "test", "token": token,
    })
}

/// Pays.
pub(super) async fn pay(line: &Line, request: &Value) -> Result<Payment, Amiss> {
    line.call(&Ask::payments("pay", request)).await?.answer()
}

async fn of_key(line: &Line, method: &str, request: &Value) -> Result<Payment, Amiss> {
    line.call(&Ask::payments(method, &json!({ "key": request["key"] }))).await?.answer()
}

async fn of_orders(line: &Line, orders: &[&Value]) -> Result<Vec<PaymentSummary>, Amiss> {
    let ask = Ask::payments("payments", &json!({ "orderIds": orders }));
    Ok(line.call(&ask).await?.answer::<PaymentSummaries>()?.payments)
}

/// The only payment of an order.
async fn of_order(line: &Line, request: &Value) -> Result<PaymentSummary, Amiss> {
    let mut found = of_orders(line, &[&request["orderId"]]).await?;
    match (found.pop(), found.len()) {
        (Some(payment), 0) => Ok(payment),
        (_, more) => Err(format!("its order has {more} other payments, or none at all")),
    }
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, due: &T) -> Result<(), Amiss> {
    if found == due { Ok(()) } else { Err(format!("{what} is {found:?} where {due:?} is due")) }
}

/// Expects how much is promised, taken and given back.
fn stands(payment: &PaymentSummary, authorized: i64, captured: i64, refunded: i64) -> Result<(), Amiss> {
    let amount = |money: Money| money.amount;
    let found = (amount(payment.authorized), amount(payment.captured), amount(payment.refunded));
    expect("authorized, captured and refunded", &found, &(authorized, captured, refunded))
}

async fn captured(line: &Line) -> Result<(), Amiss> {
    let request = order(line, "approve");
    let paid = pay(line, &request).await?;
    expect("the outcome", &paid.outcome, &PaymentOutcome::Captured)?;
    expect("how it stands", &of_key(line, "resolve", &request).await?, &paid)?;
    let found = of_order(line, &request).await?;
    expect("its id", &found.id, &paid.intent_id)?;
    expect("its amount", &json!(found.amount), &request["amount"])?;
    stands(&found, 0, CENTS, 0)
}

async fn authorized(line: &Line) -> Result<(), Amiss> {
    let mut request = order(line, "approve");
    request["capture"] = json!("manual");
    expect("the outcome", &pay(line, &request).await?.outcome, &PaymentOutcome::Authorized)?;
    stands(&of_order(line, &request).await?, CENTS, 0, 0)
}

async fn declined(line: &Line) -> Result<(), Amiss> {
    for (token, code) in [("decline", "card_declined"), ("decline_expired_card", "expired_card")] {
        let request = order(line, token);
        let due = PaymentOutcome::Declined { decline_code: code.to_owned() };
        expect("the outcome", &pay(line, &request).await?.outcome, &due)?;
        expect("how it stands", &of_key(line, "resolve", &request).await?.outcome, &due)?;
        stands(&of_order(line, &request).await?, 0, 0, 0)?;
    }
    Ok(())
}

async fn requires_action(line: &Line) -> Result<(), Amiss> {
    match pay(line, &order(line, "requires_action")).await?.outcome {
        PaymentOutcome::RequiresAction { url } if !url.is_empty() => Ok(()),
        other => Err(format!("the outcome is {other:?}")),
    }
}

async fn unanswered(line: &Line) -> Result<(), Amiss> {
    let request = order(line, "timeout_but_charged");
    expect("the outcome", &pay(line, &request).await?.outcome, &PaymentOutcome::Unknown)?;
    expect(
        "what is known then",
        &of_key(line, "resolve", &request).await?.outcome,
        &PaymentOutcome::Captured,
    )?;
    stands(&of_order(line, &request).await?, 0, CENTS, 0)?;

    let request = order(line, "timeout_not_charged");
    expect("the outcome", &pay(line, &request).await?.outcome, &PaymentOutcome::Unknown)?;
    match of_key(line, "resolve", &request).await?.outcome {
        PaymentOutcome::Declined { .. } => stands(&of_order(line, &request).await?, 0, 0, 0),
        other => Err(format!("a charge that never arrived is {other:?}")),
    }
}

async fn repeated(line: &Line) -> Result<(), Amiss> {
    let request = order(line, "approve");
    let first = pay(line, &request).await?;
    for _ in 0..3 {
        expect("the answer", &pay(line, &request).await?, &first)?;
    }
    stands(&of_order(line, &request).await?, 0, CENTS, 0)?;
    feed::expect_told(line, &first, &[("payment.captured", 1)]).await
}

async fn at_once(line: &Line) -> Result<(), Amiss> {
    let request = order(line, "approve");
    let paid = join_all((0..CROWD).map(|_| pay(line, &request))).await;
    let known = of_key(line, "resolve", &request).await?;
    for payment in paid {
        // Who comes while the first is under way may be told that nothing is known yet.
        let payment = payment?;
        expect("the intent", &payment.intent_id, &known.intent_id)?;
        if ![PaymentOutcome::Captured, PaymentOutcome::Unknown].contains(&payment.outcome) {
            return Err(format!("the outcome is {:?}", payment.outcome));
        }
    }
    stands(&of_order(line, &request).await?, 0, CENTS, 0)?;
    feed::expect_told(line, &known, &[("payment.captured", 1)]).await
}

async fn refused(line: &Line, method: &str, request: &Value, due: PaymentsError) -> Result<(), Amiss> {
    let refusal = line.call(&Ask::payments(method, request)).await?.refusal::<PaymentsError>();
    expect("the refusal", &refusal.map_err(|amiss| format!("{due:?}: {amiss}"))?, &due)
}

async fn key_reused(line: &Line) -> Result<(), Amiss> {
    let request = order(line, "approve");
    pay(line, &request).await?;
    for (name, other) in
        [("amount", json!({ "amount": CENTS + 1, "currency": "USD" })), ("orderId", json!("ord_another"))]
    {
        let mut changed = request.clone();
        changed[name] = other;
        refused(line, "pay", &changed, PaymentsError::KeyReused).await?;
    }
    stands(&of_order(line, &request).await?, 0, CENTS, 0)
}

async fn refusals(line: &Line) -> Result<(), Amiss> {
    let with = |name: &str, value: Value| {
        let mut request = order(line, "approve");
        request[name] = value;
        request
    };
    let provider = "no such provider".to_owned();
    let cases = [
        (with("provider", json!(provider)), PaymentsError::UnknownProvider { provider }),
        (with("token", json!("no such token")), PaymentsError::InvalidToken),
        (with("token", json!("4242 4242 4242 4242")), PaymentsError::InvalidToken),
        (with("amount", json!({ "amount": 0, "currency": "USD" })), PaymentsError::InvalidAmount),
        (with("amount", json!({ "amount": -1, "currency": "USD" })), PaymentsError::InvalidAmount),
    ];
    for (request, due) in cases {
        refused(line, "pay", &request, due).await?;
        expect("payments of its order", &of_orders(line, &[&request["orderId"]]).await?.len(), &0)?;
    }
    Ok(())
}

async fn not_found(line: &Line) -> Result<(), Amiss> {
    for method in ["resolve", "cancel"] {
        let request = json!({ "key": line.clock.uuid() });
        refused(line, method, &request, PaymentsError::NotFound).await?;
    }
    Ok(())
}

async fn given_back(line: &Line) -> Result<(), Amiss> {
    let request = order(line, "approve");
    let paid = pay(line, &request).await?;
    let ends = join_all((0..4).map(|_| of_key(line, "cancel", &request))).await;
    for end in ends {
        expect("the outcome", &end?.outcome, &PaymentOutcome::Canceled)?;
    }
    expect("repeated", &of_key(line, "cancel", &request).await?.outcome, &PaymentOutcome::Canceled)?;
    stands(&of_order(line, &request).await?, 0, CENTS, CENTS)?;
    feed::expect_told(line, &paid, &[("payment.captured", 1), ("refund.succeeded", 1)]).await
}

async fn given_up(line: &Line) -> Result<(), Amiss> {
    let mut request = order(line, "approve");
    request["capture"] = json!("manual");
    let paid = pay(line, &request).await?;
    expect("the outcome", &of_key(line, "cancel", &request).await?.outcome, &PaymentOutcome::Canceled)?;
    stands(&of_order(line, &request).await?, 0, 0, 0)?;
    feed::expect_told(line, &paid, &[("payment.authorized", 1), ("payment.voided", 1)]).await
}

async fn ended(line: &Line) -> Result<(), Amiss> {
    for token in ["decline", "requires_action"] {
        let request = order(line, token);
        pay(line, &request).await?;
        for _ in 0..2 {
            let end = of_key(line, "cancel", &request).await?;
            expect("the outcome", &end.outcome, &PaymentOutcome::Canceled)?;
        }
        expect("its status", &of_order(line, &request).await?.status, &"canceled".to_owned())?;
    }
    Ok(())
}

async fn by_order(line: &Line) -> Result<(), Amiss> {
    let (first, mut second) = (order(line, "decline"), order(line, "approve"));
    second["orderId"] = first["orderId"].clone();
    let other = order(line, "approve");
    let mut paid = Vec::new();
    for request in [&first, &second, &other] {
        paid.push(pay(line, request).await?.intent_id);
    }
    let unknown = json!("ord_nobody_has_paid_for");
    let found = of_orders(line, &[&other["orderId"], &first["orderId"], &unknown]).await?;
    let ids = |order: &Value| -> Vec<_> {
        found.iter().filter(|one| *order == one.order_id).map(|one| one.id).collect()
    };
    expect("those of the first order", &ids(&first["orderId"]), &vec![paid[0], paid[1]])?;
    expect("those of the other", &ids(&other["orderId"]), &vec![paid[2]])?;
    expect("all", &found.len(), &3)?;
    let many = json!({ "orderIds": vec!["ord_x"; MOST + 1] });
    let due = PaymentsError::Failed(CallFailure::not_executed(FailureReason::Incompatible));
    refused(line, "payments", &many, due).await
}
