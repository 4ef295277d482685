//! Requests that come at a rate whatever the shop does, at the least cost: one thread, and connections that are kept.
//!
//! A request's time counts from when it was due. When the generator itself is late, because the machine is too busy for
//! it, that shows in every figure and is told beside them, so that nobody takes it for the shop's.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};

use crate::Failure;
use crate::bench::load::{Client, Load};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Purchase,
    Browsing,
    Staff,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Purchase, Self::Browsing, Self::Staff];
}

/// Connections at the most: as many as a front proxy would hold.
const CONNECTIONS: usize = 1024;
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A generator that sends its 99th request of a hundred later than this is itself what is slow.
const LATE: Duration = Duration::from_millis(20);
/// How often the generator looks what is due.
const TICK: Duration = Duration::from_millis(1);

/// What became of the requests of one kind.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// How many were due.
    pub(super) offered: u64,
    /// Answered with 503 before anything was done.
    pub(super) shed: u64,
    /// Answered otherwise than well, or not in time.
    pub(super) failed: u64,
    /// How long those took that were answered well, from when they were due, in microseconds.
    pub(super) times: Histogram<u64>,
}

/// What became of an offer.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) seconds: f64,
    kinds: [Told; Kind::ALL.len()],
    /// By second of their due time: how long purchases took that were answered well, and how many were not.
    pub(super) by_second: Vec<(Histogram<u64>, u64)>,
    /// How late requests were sent for the generator's own reasons, in microseconds.
    pub(super) late: Histogram<u64>,
    /// What was said to the first that failed.
    pub(super) failure: Option<String>,
    /// Connections that were open at the end.
    pub(super) connections: usize,
}

impl Outcome {
    fn new() -> Self {
        let told = || Told { offered: 0, shed: 0, failed: 0, times: crate::histogram() };
        Self {
            seconds: 0.0,
            kinds: [told(), told(), told()],
            by_second: Vec::new(),
            late: crate::histogram(),
            failure: None,
            connections: 0,
        }
    }

    pub(super) fn of(&self, kind: Kind) -> &Told {
        &self.kinds[kind as usize]
    }

    /// Answered well, per second.
    pub(super) fn goodput(&self, kind: Kind) -> f64 {
        self.of(kind).times.len() as f64 / self.seconds
    }

    /// Of those that were due, the part that was answered well.
    pub(super) fn share(&self, kind: Kind) -> f64 {
        self.of(kind).times.len() as f64 / self.of(kind).offered.max(1) as f64
    }

    /// Everything that was answered well, per second.
    pub(super) fn good(&self) -> f64 {
        Kind::ALL.into_iter().map(|kind| self.goodput(kind)).sum()
    }

    /// The 99th percentile of a kind, in milliseconds.
    pub(super) fn p99(&self, kind: Kind) -> f64 {
        self.of(kind).times.value_at_quantile(0.99) as f64 / 1000.0
    }

    /// Whether all but 1 of 100 were answered well.
    pub(super) fn is_well(&self) -> bool {
        let all = |count: fn(&Told) -> u64| self.kinds.iter().map(count).sum::<u64>();
        all(|told| told.shed + told.failed) * 100 <= all(|told| told.offered)
    }

    /// Whether it was the generator that was too slow.
    pub(super) fn is_generators_own(&self) -> bool {
        self.late.value_at_quantile(0.99) > LATE.as_micros() as u64
    }
}

/// What is offered: the requests, one after another and again from the start.
#[derive(Clone)]
pub(super) struct Mix(pub(super) Vec<(Kind, Load)>);

/// Offers so many requests a second for so long, and waits for what is under way.
pub(super) async fn offer(mix: &Mix, per_second: f64, duration: Duration) -> Result<Outcome, Failure> {
    let mix = mix.clone();
    let offering = tokio::task::spawn_blocking(move || -> Result<Outcome, std::io::Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(LocalSet::new().block_on(&runtime, offered(mix, per_second, duration)))
    });
    Ok(offering.await??)
}

async fn offered(mix: Mix, per_second: f64, duration: Duration) -> Outcome {
    let began = Instant::now();
    let shared = Rc::new(Shared {
        mix,
        began,
        due: RefCell::default(),
        idle: RefCell::default(),
        outcome: RefCell::new(Outcome::new()),
    });
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut number, mut clients) = (0_u64, Vec::new());
    let all = (per_second * duration.as_secs_f64()) as u64;
    while number < all {
        ticks.tick().await;
        let now = Instant::now();
        let due_by_now = ((now - began).as_secs_f64() * per_second) as u64;
        while number < all.min(due_by_now + 1) {
            let due = began + Duration::from_secs_f64(number as f64 / per_second);
            shared.become_due(number as usize, due, now);
            if !shared.call_one() && clients.len() < CONNECTIONS {
                clients.push(tokio::task::spawn_local(Rc::clone(&shared).serve()));
            }
            number += 1;
        }
    }
    let enough = Instant::now() + PATIENCE;
    while !shared.is_quiet(clients.len()) && Instant::now() < enough {
        ticks.tick().await;
    }
    clients.iter().for_each(tokio::task::JoinHandle::abort);
    let mut outcome = shared.outcome.replace(Outcome::new());
    for told in &mut outcome.kinds {
        // Neither answered nor refused: nobody waited any longer.
        told.failed = told.offered - told.times.len() - told.shed;
    }
    Outcome { seconds: duration.as_secs_f64(), connections: clients.len(), ..outcome }
}

struct Shared {
    mix: Mix,
    began: Instant,
    /// Due, and not sent because all connections are in use.
    due: RefCell<VecDeque<(usize, Instant)>>,
    /// Connections that have nothing to do.
    idle: RefCell<Vec<Rc<Notify>>>,
    outcome: RefCell<Outcome>,
}

impl Shared {
    fn become_due(&self, number: usize, due: Instant, now: Instant) {
        let (kind, _) = self.mix.0[number % self.mix.0.len()];
        let mut outcome = self.outcome.borrow_mut();
        outcome.kinds[kind as usize].offered += 1;
        outcome.late.saturating_record(now.saturating_duration_since(due).as_micros() as u64);
        self.due.borrow_mut().push_back((number, due));
    }

    fn call_one(&self) -> bool {
        let called = self.idle.borrow_mut().pop();
        called.is_some_and(|bell| {
            bell.notify_one();
            true
        })
    }

    fn is_quiet(&self, clients: usize) -> bool {
        self.due.borrow().is_empty() && self.idle.borrow().len() == clients
    }

    /// One connection: sends what is due, and rests when nothing is.
    async fn serve(self: Rc<Self>) {
        let bell = Rc::new(Notify::new());
        let mut client = None;
        loop {
            let next = self.due.borrow_mut().pop_front();
            let Some((number, due)) = next else {
                self.idle.borrow_mut().push(Rc::clone(&bell));
                bell.notified().await;
                continue;
            };
            let (kind, load) = &self.mix.0[number % self.mix.0.len()];
            let answered = timeout_at(due + PATIENCE, ask(&mut client, load)).await;
            let status = answered.unwrap_or_else(|_| Err("no answer in time".into()));
            if status.is_err() {
                client = None;
            }
            self.tell(*kind, due, status);
        }
    }

    fn tell(&self, kind: Kind, due: Instant, answered: Result<(u16, String), Failure>) {
        let took = due.elapsed().as_micros() as u64;
        let mut outcome = self.outcome.borrow_mut();
        let second = (due - self.began).as_secs() as usize;
        while outcome.by_second.len() <= second {
            outcome.by_second.push((crate::histogram(), 0));
        }
        let well = matches!(answered, Ok((200 | 201, _)));
        match answered {
            Ok((200 | 201, _)) => outcome.kinds[kind as usize].times.saturating_record(took),
            Ok((503, _)) => outcome.kinds[kind as usize].shed += 1,
            Ok((status, body)) => {
                outcome.failure.get_or_insert_with(|| format!("{status} {body}"));
            }
            Err(error) => {
                outcome.failure.get_or_insert_with(|| error.to_string());
            }
        }
        if kind == Kind::Purchase {
            let (times, refused) = &mut outcome.by_second[second];
            if well { times.saturating_record(took) } else { *refused += 1 }
        }
    }
}

/// Returns the status, and what was said if that is neither an answer nor a refusal for want of room.
async fn ask(client: &mut Option<Client>, load: &Load) -> Result<(u16, String), Failure> {
    if client.is_none() {
        *client = Some(timeout(PATIENCE, Client::connect(load)).await??);
    }
    let Some(connected) = client else { return Err("not connected".into()) };
    let answer = connected.ask(load).await?;
    let said = match answer.status {
        200 | 201 => String::new(),
        503 if is_shed(answer.body) => String::new(),
        503 => return Ok((500, String::from_utf8_lossy(answer.body).into_owned())),
        _ => String::from_utf8_lossy(answer.body).into_owned(),
    };
    Ok((answer.status, said))
}

/// Whether it was turned away at the gate; any other 503 came too late to be one.
fn is_shed(body: &[u8]) -> bool {
    let code = b"temporary_reduced_capacity";
    body.windows(code.len()).any(|part| part == code)
}
