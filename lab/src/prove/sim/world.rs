//! The world of a run: who waits for their turn, who goes next, and what goes wrong then.
//!
//! Everything that works for the shop stands in one queue. One is let go, everything comes to rest again, then the next
//! is let go. So a run follows from its plan alone, whatever the threads of the databases do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kernel::Clock;
use platform::DbError;
use platform::seam::{self, Seam, Step};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::{Notify, oneshot};

use super::mutant::Mutant;
use super::plan::{Kind, Plan, Trouble};

/// Where somebody waits for their turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    /// Before a statement, a transaction, or after one.
    Db(Step),
    /// Before a call to another module.
    Call,
    /// Before its answer comes back.
    Answer,
    /// Before the bank is asked.
    Bank,
    /// Before the bank sends a webhook.
    Webhook,
    /// Before events are read.
    Events,
}

impl Spot {
    /// Whether this can go wrong here.
    fn knows(self, kind: Kind) -> bool {
        match kind {
            Kind::Kill | Kind::Stall(_) | Kind::Jump(_) => true,
            Kind::Busy => self == Self::Db(Step::Begin),
            Kind::CommitUnknown => self == Self::Db(Step::Committed),
            Kind::NotSent | Kind::AnswerLost | Kind::Late => self == Self::Call,
            Kind::BankUnreached | Kind::BankSilent => self == Self::Bank,
            Kind::WebhookLost | Kind::WebhookTwice => self == Self::Webhook,
            Kind::EventsHeldBack | Kind::EventsInPart => self == Self::Events,
        }
    }
}

/// The world of one run.
pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) mutant: Option<Mutant>,
    state: Mutex<State>,
    /// Rung when the last statement under way has been answered.
    rested: Notify,
}

struct State {
    random: SmallRng,
    waiting: Vec<Waiting>,
    /// Statements and transactions under way.
    busy: usize,
    /// Which life each process is in.
    lives: Vec<u64>,
    troubles: Vec<Trouble>,
    /// How often each trouble had its chance.
    chances: BTreeMap<Kind, u64>,
    /// What went wrong.
    struck: Vec<Kind>,
    turns: u64,
    story: Option<Vec<String>>,
}

struct Waiting {
    process: usize,
    life: u64,
    spot: Spot,
    what: String,
    /// Not before this turn of the clock.
    asleep_until: Option<tokio::time::Instant>,
    go: oneshot::Sender<Option<Kind>>,
}

/// What came of letting somebody go.
pub(super) enum Went {
    /// They went.
    On,
    /// Nobody waits, except those that sleep.
    Nobody,
    /// This process was killed.
    Killed(usize),
}

impl World {
    pub(super) fn new(plan: &Plan, clock: Clock, mutant: Option<Mutant>, told: bool) -> Arc<Self> {
        let state = State {
            random: SmallRng::seed_from_u64(plan.seed ^ 0x5eed),
            waiting: Vec::new(),
            busy: 0,
            lives: vec![0; plan.replicas],
            troubles: plan.troubles.clone(),
            chances: BTreeMap::new(),
            struck: Vec::new(),
            turns: 0,
            story: told.then(Vec::new),
        };
        Arc::new(Self { clock, mutant, state: Mutex::new(state), rested: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody is under way.
    pub(super) async fn settle(&self) {
        let mut quiet = 0;
        while quiet < 4 {
            if self.state().busy > 0 {
                self.rested.notified().await;
                quiet = 0;
            }
            // Once round everybody who was woken.
            tokio::task::yield_now().await;
            quiet += 1;
        }
    }

    /// Lets one of those that wait go, or lets happen to them what the plan has for this moment.
    pub(super) fn let_one_go(&self) -> Went {
        let now = tokio::time::Instant::now();
        let mut state = self.state();
        let awake: Vec<usize> = (0..state.waiting.len())
            .filter(|place| state.waiting[*place].asleep_until.is_none_or(|until| until <= now))
            .collect();
        if awake.is_empty() {
            return Went::Nobody;
        }
        let place = awake[state.random.random_range(0..awake.len())];
        let mut next = state.waiting.remove(place);
        next.asleep_until = None;
        state.turns += 1;
        let trouble = state.trouble(next.spot);
        state.tell(|| {
            let at = self.clock.now();
            let what = trouble.map_or(String::new(), |kind| format!("  <-- {kind:?}"));
            format!("{at} process {} {:?} {}{what}", next.process, next.spot, next.what)
        });
        match trouble {
            Some(Kind::Kill) => {
                let process = next.process;
                drop(state);
                self.kill(process);
                return Went::Killed(process);
            }
            Some(Kind::Stall(seconds)) => {
                next.asleep_until = Some(now + Duration::from_secs(seconds));
                state.waiting.push(next);
            }
            Some(Kind::Jump(seconds)) => {
                self.clock.advance(Duration::from_secs(seconds));
                let _ = next.go.send(None);
            }
            other => {
                let _ = next.go.send(other);
            }
        }
        Went::On
    }

    /// Ends a life of a process: whoever works for it never gets another turn.
    pub(super) fn kill(&self, process: usize) {
        let mut state = self.state();
        state.lives[process] += 1;
        let life = state.lives[process];
        // Dropping what they wait for wakes them, and they find that they are dead.
        state.waiting.retain(|waiting| waiting.process != process || waiting.life == life);
    }

    /// The process as it is now.
    pub(super) fn process(self: &Arc<Self>, process: usize) -> Arc<Process> {
        let life = self.state().lives[process];
        Arc::new(Process { world: Arc::clone(self), place: process, life })
    }

    /// Moves all clocks.
    pub(super) async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        tokio::time::advance(time).await;
    }

    /// Adds a line to the story, when somebody wants to read it.
    pub(super) fn tell(&self, line: impl FnOnce() -> String) {
        self.state().tell(line);
    }

    pub(super) fn story(&self) -> Vec<String> {
        self.state().story.take().unwrap_or_default()
    }

    /// No trouble comes any more.
    pub(super) fn calm(&self) {
        self.state().troubles.clear();
    }

    pub(super) fn turns(&self) -> u64 {
        self.state().turns
    }

    pub(super) fn struck(&self) -> Vec<Kind> {
        self.state().struck.clone()
    }

    /// Waits for a turn. Of a process that is dead there is none: whoever waits is undone.
    pub(super) async fn turn(&self, process: &Process, spot: Spot, what: &str) -> Option<Kind> {
        let waiting = {
            let mut state = self.state();
            if state.lives[process.place] == process.life {
                let (go, waiting) = oneshot::channel();
                let (process, life) = (process.place, process.life);
                state.waiting.push(Waiting {
                    process,
                    life,
                    spot,
                    what: what.to_owned(),
                    asleep_until: None,
                    go,
                });
                Some(waiting)
            } else {
                None
            }
        };
        let Some(waiting) = waiting else { die() };
        match waiting.await {
            Ok(trouble) => trouble,
            Err(_) => die(),
        }
    }
}

/// Unwinds without a word, as far as the task goes.
fn die() -> ! {
    std::panic::resume_unwind(Box::new("the process was killed"))
}

impl State {
    /// What the plan has for this moment, if anything.
    fn trouble(&mut self, spot: Spot) -> Option<Kind> {
        let mut kinds: Vec<Kind> = self.troubles.iter().map(|trouble| trouble.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut struck = None;
        for kind in kinds.into_iter().filter(|kind| spot.knows(*kind)) {
            let chance = self.chances.entry(kind).or_default();
            *chance += 1;
            let trouble = Trouble { kind, nth: *chance };
            if struck.is_none() && self.troubles.contains(&trouble) {
                struck = Some(kind);
            }
        }
        self.struck.extend(struck);
        struck
    }

    fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(line());
        }
    }
}

/// A process of the shop, in one of its lives.
pub(super) struct Process {
    pub(super) world: Arc<World>,
    /// Which of the replicas.
    pub(super) place: usize,
    life: u64,
}

impl Process {
    /// The process that this task works for.
    pub(super) fn here() -> Option<Arc<Self>> {
        let process: Arc<dyn std::any::Any + Send + Sync> = seam::process()?;
        process.downcast().ok()
    }

    pub(super) async fn turn_at(&self, spot: Spot, what: &str) -> Option<Kind> {
        self.world.turn(self, spot, what).await
    }

    pub(super) fn is_dead(&self) -> bool {
        self.world.state().lives[self.place] != self.life
    }
}

#[kernel::macros::async_trait]
impl Seam for Process {
    async fn turn(&self, step: Step) -> Result<(), DbError> {
        match self.world.turn(self, Spot::Db(step), "").await {
            Some(Kind::Busy) => Err(DbError::Busy),
            Some(Kind::CommitUnknown) => Err(DbError::CommitUnknown(Arc::new(sqlx::Error::WorkerCrashed))),
            _ => Ok(()),
        }
    }

    fn busy(&self) {
        self.world.state().busy += 1;
    }

    fn idle(&self) {
        let mut state = self.world.state();
        state.busy -= 1;
        if state.busy == 0 {
            self.world.rested.notify_one();
        }
    }

    fn text(&self, sql: &'static str) -> &'static str {
        match self.world.mutant.and_then(Mutant::wording) {
            Some((found, instead)) if sql.contains(found) => super::mutant::put(sql, found, instead),
            _ => sql,
        }
    }
}
