//! Who may call, and what a call has to look like to be carried out.

use kernel::{CallFailure, FailureReason};
use payment_api::{PaymentsClient, PaymentsError};
use platform::calls::breaks;
use platform::events::FeedsClient;
use serde_json::{Value, json};

use super::line::{Ask, Line};
use super::payments::{order, pay};
use super::{Amiss, Report};

/// How far clocks may be apart, in microseconds, and a little more.
const TOO_FAR: i64 = 40_000_000;

pub(super) async fn check(line: &Line, report: &mut Report) {
    report.check("descriptor", "its payments.v1 fits ours", describes_payments(line)).await;
    report.check("feed-descriptor", "its events.v1 fits ours", describes_events(line)).await;
    report.check("unsigned", "a call without its head is not carried out", unsigned(line)).await;
    report.check("forged", "a call signed with another secret is not believed", forged(line)).await;
    report.check("tampered", "nothing that a signature covers can be exchanged", tampered(line)).await;
    report.check("stale", "a call that was signed long ago is not believed", stale(line)).await;
    report.check("replayed", "a call is believed once", replayed(line)).await;
    report.check("callers", "a method is for those it was made for", callers(line)).await;
    report.check("deadline", "a call that nobody waits for is not begun", deadline(line)).await;
    report.check("unknown-method", "what is not served is refused", unknown_method(line)).await;
    report.check("garbage", "what cannot be read is refused and changes nothing", garbage(line)).await;
    report.check("later-field", "a field of a later version is passed over", later_field(line)).await;
}

fn untouched(reason: FailureReason) -> CallFailure {
    CallFailure::not_executed(reason)
}

fn incompatible() -> CallFailure {
    untouched(FailureReason::Incompatible)
}

async fn describes_payments(line: &Line) -> Result<(), Amiss> {
    fits(&PaymentsClient::descriptor(), &line.descriptor(PaymentsClient::CONTRACT).await?)
}

async fn describes_events(line: &Line) -> Result<(), Amiss> {
    fits(&FeedsClient::descriptor(), &line.descriptor(FeedsClient::CONTRACT).await?)
}

fn fits(ours: &Value, theirs: &Value) -> Result<(), Amiss> {
    let breaks = breaks(ours, theirs);
    if breaks.is_empty() { Ok(()) } else { Err(breaks.join("; ")) }
}

/// Expects that nothing came of a request: nobody has heard of its payment.
async fn nothing_came_of(line: &Line, request: &Value) -> Result<(), Amiss> {
    let resolve = Ask::payments("resolve", &json!({ "key": request["key"] }));
    match line.call(&resolve).await?.refusal::<PaymentsError>()? {
        PaymentsError::NotFound => Ok(()),
        other => Err(format!("it was carried out all the same: {other}")),
    }
}

async fn unsigned(line: &Line) -> Result<(), Amiss> {
    for header in ["cleave-caller", "cleave-deadline-ms", "cleave-principal", "cleave-signature"] {
        let request = order(line, "approve");
        let ask = Ask::payments("pay", &request);
        let signature = [("cleave-signature", line.sign(&ask)?)];
        let reply = line.send_with(&ask, &signature, &[header]).await?;
        reply.failed(&[400, 401], &incompatible()).map_err(|amiss| format!("without {header}: {amiss}"))?;
        nothing_came_of(line, &request).await?;
    }
    Ok(())
}

async fn forged(line: &Line) -> Result<(), Amiss> {
    let request = order(line, "approve");
    let ask = Ask::payments("pay", &request);
    let now = line.clock.now().micros();
    for signature in [
        line.sign_at(&ask, now, b"another secret of thirty-two characters")?,
        format!("{now}.{}.{}", line.clock.uuid().simple(), "0".repeat(64)),
        format!("{now}.x"),
        String::new(),
    ] {
        line.send(&ask, &signature).await?.failed(&[400, 401], &incompatible())?;
    }
    nothing_came_of(line, &request).await
}

async fn tampered(line: &Line) -> Result<(), Amiss> {
    let request = order(line, "approve");
    let ask = Ask::payments("pay", &request);
    let other = order(line, "approve");
    let others = [
        ("caller", Ask { caller: "gateway", ..ask.clone() }),
        ("path", Ask { path: "/rpc/payments.v1/resolve".to_owned(), ..ask.clone() }),
        ("deadline", Ask { deadline: "20000".to_owned(), ..ask.clone() }),
        ("principal", Ask { principal: "eyJraW5kIjoiYW5vbnltb3VzIn0".to_owned(), ..ask.clone() }),
        ("body", Ask { body: other.to_string().into_bytes(), ..ask.clone() }),
    ];
    for (what, exchanged) in others {
        let reply = line.send(&exchanged, &line.sign(&ask)?).await?;
        reply.failed(&[401], &incompatible()).map_err(|amiss| format!("with another {what}: {amiss}"))?;
    }
    nothing_came_of(line, &request).await?;
    nothing_came_of(line, &other).await
}

async fn stale(line: &Line) -> Result<(), Amiss> {
    let request = order(line, "approve");
    let ask = Ask::payments("pay", &request);
    for apart in [-TOO_FAR, TOO_FAR] {
        let signature = line.sign_at(&ask, line.clock.now().micros() + apart, line.secret())?;
        line.send(&ask, &signature).await?.failed(&[401], &incompatible())?;
    }
    nothing_came_of(line, &request).await
}

async fn replayed(line: &Line) -> Result<(), Amiss> {
    let ask = Ask::payments("pay", &order(line, "approve"));
    let signature = line.sign(&ask)?;
    line.send(&ask, &signature).await?.answer::<Value>()?;
    // The first of the two may well have been carried out, and who sees only the second has to know.
    let twice = CallFailure::maybe_executed(FailureReason::Unreachable);
    line.send(&ask, &signature).await?.failed(&[409], &twice)
}

async fn callers(line: &Line) -> Result<(), Amiss> {
    let request = order(line, "approve");
    for (method, caller, body) in [
        ("pay", "product", request.clone()),
        ("pay", "gateway", request.clone()),
        ("resolve", "user", json!({ "key": request["key"] })),
        ("cancel", "gateway", json!({ "key": request["key"] })),
        ("payments", "order", json!({ "orderIds": [] })),
    ] {
        let ask = Ask { caller, ..Ask::payments(method, &body) };
        let reply = line.call(&ask).await?;
        reply.failed(&[403], &incompatible()).map_err(|amiss| format!("{caller} calls {method}: {amiss}"))?;
    }
    nothing_came_of(line, &request).await
}

async fn deadline(line: &Line) -> Result<(), Amiss> {
    let request = order(line, "approve");
    let ask = Ask { deadline: "0".to_owned(), ..Ask::payments("pay", &request) };
    let gone = untouched(FailureReason::DeadlineExceeded);
    line.call(&ask).await?.failed(&[400, 408, 504], &gone)?;
    for deadline in ["soon", "-1", "", "1.5"] {
        let ask = Ask { deadline: deadline.to_owned(), ..Ask::payments("pay", &request) };
        line.call(&ask).await?.failed(&[400], &incompatible())?;
    }
    nothing_came_of(line, &request).await
}

async fn unknown_method(line: &Line) -> Result<(), Amiss> {
    for path in ["/rpc/payments.v1/steal", "/rpc/payments.v9/pay", "/rpc/products.v1/quote"] {
        let ask = Ask { path: path.to_owned(), ..Ask::payments("pay", &json!({})) };
        let reply = line.call(&ask).await?;
        reply.failed(&[400, 403, 404], &incompatible()).map_err(|amiss| format!("{path}: {amiss}"))?;
    }
    Ok(())
}

async fn garbage(line: &Line) -> Result<(), Amiss> {
    let request = order(line, "approve");
    let with = |name: &str, value: Value| {
        let mut other = request.clone();
        other[name] = value;
        other.to_string()
    };
    let without = |name: &str| {
        let mut other = request.clone();
        other.as_object_mut().and_then(|members| members.remove(name));
        other.to_string()
    };
    let money = |amount: Value| json!({ "amount": amount, "currency": "USD" });
    let bodies = [
        String::new(),
        "{".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "\"pay\"".to_owned(),
        format!("{request}{request}"),
        without("key"),
        without("amount"),
        without("capture"),
        with("key", json!("not a uuid")),
        with("key", json!(7)),
        with("capture", json!("perhaps")),
        with("amount", json!(1999)),
        with("amount", money(json!("1999"))),
        with("amount", money(json!(19.99))),
        with("amount", money(json!(1e30))),
        with("amount", json!({ "amount": 1999 })),
        with("amount", json!({ "amount": 1999, "currency": "usd" })),
        // Money has no later fields: nobody may think he was understood.
        with("amount", json!({ "amount": 1999, "currency": "USD", "discount": 1 })),
        with("token", Value::Null),
    ];
    for body in bodies {
        let ask = Ask { body: body.clone().into_bytes(), ..Ask::payments("pay", &request) };
        let reply = line.call(&ask).await?;
        reply.failed(&[400], &incompatible()).map_err(|amiss| format!("`{body}` is {amiss}"))?;
    }
    nothing_came_of(line, &request).await
}

async fn later_field(line: &Line) -> Result<(), Amiss> {
    let mut request = order(line, "approve");
    request["aFieldOfALaterVersion"] = json!({ "of": "whatever form" });
    pay(line, &request).await.map(drop)
}
