//! One run, from the first customer until everything has come to rest.

use std::rc::Rc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use super::audit;
use super::customers::Outside;
use super::mutant::Mutant;
use super::plan::{Kind, Plan};
use super::shop::Shop;
use super::world::{Went, World};
use crate::Failure;

/// A run that takes more turns than this does not come to an end.
const TURNS: u64 = 8_000;
/// How much time passes at once when nobody waits for a turn, in milliseconds.
const PACES: [u64; 4] = [200, 1_500, 12_000, 25_000];
/// The same when that has been so often enough.
const LATER: u64 = 70_000;
const OFTEN: u32 = 20;
/// The same at the end, again and again, in seconds: more than an hour in all.
const PATIENCE: [u64; 20] =
    [2, 5, 10, 30, 65, 65, 65, 120, 300, 300, 300, 300, 300, 300, 300, 300, 300, 300, 600, 600];

/// What became of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    /// What was wrong at its end.
    pub(super) faults: Vec<String>,
    /// How many turns it took.
    pub(super) turns: u64,
    /// What went wrong on the way.
    pub(super) struck: Vec<Kind>,
    /// Who did what, when that was wanted.
    pub(super) story: Vec<String>,
}

/// Runs a plan on a shop that nothing else uses.
pub(super) async fn run(
    shop: &Rc<Shop>,
    plan: &Plan,
    mutant: Option<Mutant>,
    told: bool,
) -> Result<Outcome, Failure> {
    shop.empty(plan.stock).await?;
    let world = World::new(plan, shop.clock.clone(), mutant, told);
    for process in 0..plan.replicas {
        shop.boot(&world, process);
    }
    let outside = Outside::new(shop, &world, plan);
    outside.arrive(plan);
    let run = Run { shop, plan, outside };
    let mut faults = run.go_on().await?;
    shop.close(&world);
    world.settle().await;
    faults.extend(audit::faults(shop, plan, &run.outside.told()).await?);
    if world.struck().is_empty() {
        faults
            .extend(run.outside.failures().into_iter().map(|what| format!("nothing went wrong, and {what}")));
    }
    Ok(Outcome { faults, turns: world.turns(), struck: world.struck(), story: world.story() })
}

struct Run<'r> {
    shop: &'r Rc<Shop>,
    plan: &'r Plan,
    outside: Outside,
}

impl Run<'_> {
    /// Goes on until everything has come to rest. Returns what has not.
    async fn go_on(&self) -> Result<Vec<String>, Failure> {
        let mut random = SmallRng::seed_from_u64(self.plan.seed ^ 0x71c4);
        let mut rounds = 0;
        while !self.outside.is_empty() {
            rounds += 1;
            if !self.exhaust().await {
                return Ok(vec![format!("no end after {TURNS} turns")]);
            }
            let pace = if rounds < OFTEN { PACES[random.random_range(0..PACES.len())] } else { LATER };
            self.outside.world.pass(Duration::from_millis(pace)).await;
        }
        self.outside.world.calm();
        let mut left = Vec::new();
        for seconds in PATIENCE {
            if !self.exhaust().await {
                return Ok(vec![format!("no end after {TURNS} turns")]);
            }
            left = audit::under_way(self.shop).await?;
            if left.is_empty() && self.outside.is_empty() {
                return Ok(Vec::new());
            }
            self.outside.world.pass(Duration::from_secs(seconds)).await;
        }
        Ok(left)
    }

    /// Lets everybody go, one after another, until nobody waits. Returns whether that came to an end.
    async fn exhaust(&self) -> bool {
        let world = &self.outside.world;
        loop {
            world.settle().await;
            self.outside.look_at_bank();
            match world.let_one_go() {
                Went::On => {}
                Went::Killed(process) => self.shop.boot(world, process),
                Went::Nobody => return true,
            }
            if world.turns() > TURNS {
                return false;
            }
        }
    }
}
