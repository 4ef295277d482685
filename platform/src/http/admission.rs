//! The gate before all work: when more is asked than can be done, the less urgent is turned away at once, and what is
//! let in is answered as fast as ever.
//!
//! A request takes a place when its head was read, before anybody is authenticated or a body is read, and gives it back
//! with its answer, however it ends. Nobody who has a place loses it: a purchase that was let in goes to its end. The
//! usual way through is a few atomic instructions, without a lock or an allocation.

mod places;
mod priority;
mod refusal;
mod steer;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::Method;
use tokio::sync::Notify;
use utoipa::openapi::OpenApi;

use crate::waits::{Waited, Waits};
use places::Places;
use priority::Priorities;
use refusal::Refusal;
use steer::Seen;

pub use priority::{MEMBER, Priority};
pub use steer::Steering;

/// The limit at the start, from which it is steered.
const FIRST: u32 = 64;
/// One of so many requests says how long the processor lets those wait who could go on.
const SAMPLE: u64 = 32;

/// How requests are let in.
#[derive(Debug, Clone, Copy)]
pub struct Admitting {
    /// How many at once.
    pub steering: Steering,
    /// How long a request may wait for its place.
    pub wait: Duration,
    /// The same where money moves.
    pub payment_wait: Duration,
}

/// The gate.
pub struct Admission {
    settings: Admitting,
    priorities: Priorities,
    places: Places,
    queues: [Queue; Priority::ALL.len()],
    /// How many wait in all queues.
    waiting: AtomicU32,
    /// Whether somebody had to wait or was turned away since this was last asked.
    pressed: AtomicBool,
    turns: Waits,
    refusal: Refusal,
}

/// Those of one priority.
#[derive(Default)]
struct Queue {
    called: Notify,
    waiting: AtomicU32,
    admitted: AtomicU64,
    shed: AtomicU64,
}

/// How it stands with one priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Requests that were let in so far.
    pub admitted: u64,
    /// Requests that were turned away so far.
    pub shed: u64,
    /// Requests that wait for a place now.
    pub waiting: u32,
    /// Requests that have one now.
    pub taken: u32,
}

impl Admission {
    /// A gate to the routes of this description.
    pub fn new(settings: Admitting, api: &OpenApi) -> Self {
        let Steering { least, most, .. } = settings.steering;
        Self {
            settings,
            priorities: Priorities::of(api),
            places: Places::new(FIRST.clamp(least, most.max(least))),
            queues: Default::default(),
            waiting: AtomicU32::new(0),
            pressed: AtomicBool::new(false),
            turns: Waits::default(),
            refusal: Refusal::new(),
        }
    }

    /// How urgent a request of this method for this path is.
    pub fn priority(&self, method: &Method, path: &str) -> Priority {
        self.priorities.find(method, path)
    }

    /// Lets a request in, after a short wait where that helps; `None` when there is no room for it.
    pub(super) async fn enter(self: &Arc<Self>, priority: Priority) -> Option<Place> {
        let place = match self.take(priority) {
            Some(place) => Some(place),
            // On the heap, so that requests that need not wait carry nothing of it.
            None => Box::pin(self.wait(priority)).await,
        };
        let queue = &self.queues[priority as usize];
        let counted = if place.is_some() { &queue.admitted } else { &queue.shed };
        if counted.fetch_add(1, Ordering::Relaxed) % SAMPLE == 0 && place.is_some() {
            let before = Instant::now();
            tokio::task::yield_now().await;
            self.turns.add(before.elapsed());
        }
        place
    }

    fn take(self: &Arc<Self>, priority: Priority) -> Option<Place> {
        self.places.take(priority).then(|| Place { admission: Arc::clone(self), priority })
    }

    /// Waits for a place. Who came last is let in first: it is the one whose client has not given up, and when more
    /// come than can be served, the others would be served too late whatever the order.
    async fn wait(self: &Arc<Self>, priority: Priority) -> Option<Place> {
        self.pressed.store(true, Ordering::Relaxed);
        let _waiting = Waiting::begin(self, priority)?;
        let patience = match priority {
            Priority::Payment => self.settings.payment_wait,
            Priority::Checkout | Priority::Browsing | Priority::Staff => self.settings.wait,
        };
        let called = async {
            loop {
                let called = self.queues[priority as usize].called.notified();
                tokio::pin!(called);
                // Heard from here on, so that a place that is given back before it is slept is not missed.
                called.as_mut().enable();
                if let Some(place) = self.take(priority) {
                    return place;
                }
                called.await;
            }
        };
        tokio::time::timeout(patience, called).await.ok()
    }

    /// Calls the most urgent of those who wait and would be let in now.
    fn call(&self) {
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let (taken, limit) = (self.places.taken(), self.places.limit());
        let next = Priority::ALL.into_iter().find(|priority| {
            let waiting = self.queues[*priority as usize].waiting.load(Ordering::SeqCst);
            waiting > 0 && taken.admits(*priority, limit)
        });
        if let Some(next) = next {
            self.queues[next as usize].called.notify_last();
        }
    }

    /// What the request of this id is told that is not let in.
    pub(super) fn refusal(&self, request_id: &str) -> HttpResponse {
        self.refusal.response(request_id)
    }

    /// How long requests that could go on waited for the processor.
    pub fn turns(&self) -> Waited {
        self.turns.sums()
    }

    /// How many requests are let in at once.
    pub fn limit(&self) -> u32 {
        self.places.limit()
    }

    /// Sets how many requests are let in from now on, knowing how long was queued lately, on average, for what was
    /// queued for longest.
    pub fn steer(&self, queued: Duration) {
        let pressed = self.pressed.swap(false, Ordering::Relaxed);
        let (before, taken) = (self.places.limit(), self.places.taken().all());
        let limit = self.settings.steering.next(before, Seen { taken, queued, pressed });
        self.places.set_limit(limit);
        // Whoever waits looks again, should a call have gone to one who just gave up.
        (before.min(limit)..=limit).for_each(|_| self.call());
    }

    /// How it stands with the requests of each priority.
    pub fn standings(&self) -> [(Priority, Standing); Priority::ALL.len()] {
        let taken = self.places.taken();
        Priority::ALL.map(|priority| {
            let queue = &self.queues[priority as usize];
            let standing = Standing {
                admitted: queue.admitted.load(Ordering::Relaxed),
                shed: queue.shed.load(Ordering::Relaxed),
                waiting: queue.waiting.load(Ordering::Relaxed),
                taken: taken.of(priority),
            };
            (priority, standing)
        })
    }
}

/// One who waits, as long as it does.
struct Waiting<'a>(&'a Admission, Priority);

impl<'a> Waiting<'a> {
    /// `None` when as many wait as are worked on: whoever came now would wait in vain.
    fn begin(admission: &'a Admission, priority: Priority) -> Option<Self> {
        let waiting = &admission.queues[priority as usize].waiting;
        if waiting.fetch_add(1, Ordering::SeqCst) >= admission.places.limit() {
            waiting.fetch_sub(1, Ordering::SeqCst);
            return None;
        }
        admission.waiting.fetch_add(1, Ordering::SeqCst);
        Some(Self(admission, priority))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.queues[self.1 as usize].waiting.fetch_sub(1, Ordering::SeqCst);
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The right to be worked on, until it is dropped.
pub(super) struct Place {
    admission: Arc<Admission>,
    priority: Priority,
}

impl Place {
    /// Lends the place to others while the client is waited for: one who sends slowly must not keep others out.
    pub(super) fn aside(&self) -> Aside<'_> {
        self.admission.places.give_back(self.priority);
        self.admission.call();
        Aside(self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.places.give_back(self.priority);
        self.admission.call();
    }
}

/// A place that is lent to others. Its owner has it again when this is dropped, and is not turned away any more.
pub(super) struct Aside<'a>(&'a Place);

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        self.0.admission.places.resume(self.0.priority);
    }
}
