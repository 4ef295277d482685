//! The log: all that happened, once, in order, for whoever asks after a place in it.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use kernel::Event;
use kernel::event::EventData as _;
use payment_api::{Payment, PaymentCaptured};
use platform::events::{EventsPage, FeedsError, Progress};
use serde_json::{Value, json};

use super::line::{Ask, Line};
use super::payments::{order, pay};
use super::{Amiss, Report};

/// Events in one page.
const PAGE: i64 = 100;
/// So soon whoever waits has the news.
const SOON: Duration = Duration::from_millis(1_500);
/// How long a commit may take to show in the log, where positions are given afterwards.
const SETTLED: Duration = Duration::from_secs(5);

pub(super) async fn check(line: &Line, report: &mut Report) {
    report.check("told", "a payment is told as a CloudEvent, with its particulars", told(line)).await;
    report.check("log", "positions are contiguous and ids unique", log(line)).await;
    report.check("resumed", "reading goes on after any place in the log", resumed(line)).await;
    report.check("silence", "who waits and hears nothing is told so in time", silence(line)).await;
    report.check("news", "who waits hears the news when they come", news(line)).await;
    report.check("other-logs", "the logs of others are not here", other_logs(line)).await;
    report.check("progress", "it says how far it has read the orders' log", progress(line)).await;
}

async fn read(line: &Line, after: i64, limit: i64, wait_ms: i64) -> Result<Vec<Event>, Amiss> {
    let request = json!({ "source": "payment", "after": after, "limit": limit, "waitMs": wait_ms });
    Ok(line.call(&Ask::events("read", &request)).await?.answer::<EventsPage>()?.events)
}

/// The whole log.
async fn all(line: &Line) -> Result<Vec<Event>, Amiss> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let after = events.last().map_or(0, |event| event.position);
        let page = read(line, after, PAGE, 0).await?;
        if let Some(again) = page.iter().find(|event| event.position <= after) {
            return Err(format!("after {after} comes the event at {}", again.position));
        }
        if page.is_empty() {
            return Ok(events);
        }
        events.extend(page);
    }
}

/// Expects that this was told of a payment, each so often, and nothing else.
pub(super) async fn expect_told(line: &Line, payment: &Payment, due: &[(&str, usize)]) -> Result<(), Amiss> {
    let subject = payment.intent_id.to_string();
    let due: BTreeMap<String, usize> = due.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
    let give_up = Instant::now() + SETTLED;
    loop {
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for event in all(line).await?.into_iter().filter(|event| event.subject == subject) {
            *found.entry(event.kind).or_default() += 1;
        }
        if found == due {
            return Ok(());
        }
        if Instant::now() > give_up {
            return Err(format!("its log tells {found:?} where {due:?} is due"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The place of the last event, once nothing more is on its way.
async fn end(line: &Line) -> Result<i64, Amiss> {
    Ok(all(line).await?.last().map_or(0, |event| event.position))
}

async fn told(line: &Line) -> Result<(), Amiss> {
    let request = order(line, "approve");
    let paid = pay(line, &request).await?;
    expect_told(line, &paid, &[(PaymentCaptured::TYPE, 1)]).await?;
    let subject = paid.intent_id.to_string();
    let event = all(line).await?.into_iter().find(|event| event.subject == subject);
    let event = event.ok_or("it is not there any more")?;
    for (what, found, due) in [
        ("specversion", event.specversion.as_str(), "1.0"),
        ("source", &event.source, "/payment"),
        ("datacontenttype", &event.datacontenttype, "application/json"),
    ] {
        if found != due {
            return Err(format!("its {what} is `{found}` where `{due}` is due"));
        }
    }
    let apart = event.time.since(line.clock.now()).max(line.clock.now().since(event.time));
    if apart > Duration::from_mins(1) {
        return Err(format!("its time is {apart:?} from now"));
    }
    let data = event.read::<PaymentCaptured>().map_err(|error| format!("{}: {error}", event.data))?;
    let data = data.ok_or("it is of another type")?;
    let found = json!([data.key, data.order_id, data.amount, data.authorized, data.captured, data.refunded]);
    let due =
        json!([request["key"], request["orderId"], request["amount"], 0, request["amount"]["amount"], 0]);
    if found == due { Ok(()) } else { Err(format!("it says {found} where {due} is due")) }
}

async fn log(line: &Line) -> Result<(), Amiss> {
    let events = all(line).await?;
    let (Some(first), Some(last)) = (events.first(), events.last()) else {
        return Err("nothing is there".to_owned());
    };
    let contiguous = last.position - first.position + 1 == events.len() as i64;
    let rising =
        events.windows(2).all(|pair| matches!(pair, [one, next] if next.position == one.position + 1));
    if first.position < 1 || !contiguous || !rising {
        let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
        return Err(format!("the positions are {positions:?}"));
    }
    let ids: HashSet<_> = events.iter().map(|event| event.id).collect();
    if ids.len() == events.len() { Ok(()) } else { Err("two events have one id".to_owned()) }
}

async fn resumed(line: &Line) -> Result<(), Amiss> {
    let events = all(line).await?;
    let middle = events.len() / 2;
    let after = events.get(middle).map(|event| event.position).ok_or("nothing is there")?;
    for limit in [1, 3] {
        let page = read(line, after, limit, 0).await?;
        let due: Vec<&Event> = events.iter().skip(middle + 1).take(limit as usize).collect();
        if page.iter().collect::<Vec<_>>() != due {
            return Err(format!("after {after} with limit {limit} other events come than before"));
        }
    }
    let last = events.last().map_or(0, |event| event.position);
    if read(line, last, PAGE, 0).await?.is_empty() {
        Ok(())
    } else {
        Err("there is something after the end".to_owned())
    }
}

async fn silence(line: &Line) -> Result<(), Amiss> {
    let after = end(line).await?;
    let began = Instant::now();
    if !read(line, after, PAGE, 0).await?.is_empty() || began.elapsed() > SOON {
        return Err("who does not wait waits all the same, or somebody else is at work here".to_owned());
    }
    let began = Instant::now();
    let events = read(line, after, PAGE, 700).await?;
    let waited = began.elapsed();
    if !events.is_empty() || waited < Duration::from_millis(500) || waited > Duration::from_millis(700) + SOON
    {
        return Err(format!("asked to wait 700 ms it answers with {} events after {waited:?}", events.len()));
    }
    // An answer that comes after the deadline reaches nobody.
    let request = json!({ "source": "payment", "after": after, "limit": PAGE, "waitMs": 60_000 });
    let ask = Ask { deadline: "1000".to_owned(), ..Ask::events("read", &request) };
    let began = Instant::now();
    line.call(&ask).await?.answer::<EventsPage>()?;
    let waited = began.elapsed();
    if waited < Duration::from_secs(1) {
        return Ok(());
    }
    Err(format!("with a deadline of a second it answers after {waited:?}"))
}

async fn news(line: &Line) -> Result<(), Amiss> {
    let after = end(line).await?;
    let request = order(line, "approve");
    let paying = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        (pay(line, &request).await, Instant::now())
    };
    let waiting = async { (read(line, after, PAGE, 4_500).await, Instant::now()) };
    let ((paid, paid_at), (events, heard_at)) = tokio::join!(paying, waiting);
    let (subject, events) = (paid?.intent_id.to_string(), events?);
    if !events.iter().any(|event| event.subject == subject && event.position > after) {
        return Err(format!("{} events come, and none of them is the news", events.len()));
    }
    let late = heard_at.saturating_duration_since(paid_at);
    if late < SOON { Ok(()) } else { Err(format!("the news come {late:?} late")) }
}

async fn other_logs(line: &Line) -> Result<(), Amiss> {
    let unknown = |module: &str| FeedsError::UnknownSource { module: module.to_owned() };
    let requests: [(&str, Value, FeedsError); 2] = [
        ("read", json!({ "source": "order", "after": 0, "limit": 1, "waitMs": 0 }), unknown("order")),
        ("progress", json!({ "reader": "product", "source": "order" }), unknown("product")),
    ];
    for (method, request, due) in requests {
        let refusal = line.call(&Ask::events(method, &request)).await?.refusal::<FeedsError>()?;
        if refusal != due {
            return Err(format!("{method} is refused as {refusal:?} where {due:?} is due"));
        }
    }
    Ok(())
}

async fn progress(line: &Line) -> Result<(), Amiss> {
    let ask = Ask::events("progress", &json!({ "reader": "payment", "source": "order" }));
    let listeners = line.call(&ask).await?.answer::<Progress>()?.cursors;
    // The order module keeps what it said until it was heard: who does not say how far it is misses cancellations.
    if listeners.is_empty() {
        return Err("nobody here listens to orders, so canceled ones are not refunded".to_owned());
    }
    let ask = Ask::events("progress", &json!({ "reader": "payment", "source": "product" }));
    line.call(&ask).await?.answer::<Progress>().map(drop)
}
