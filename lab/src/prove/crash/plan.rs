//! What is done to the shop next: every point by itself first, then pairs and signals by chance.

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};

use super::points::{Point, Tally};

/// What happens to a process.
#[derive(Debug, Clone)]
pub(super) struct Blow {
    /// Where; at a process that comes by this point.
    pub(super) point: Option<Point>,
    /// What it is armed with, as `CLEAVE_FAULTS` takes it.
    pub(super) armed: String,
    /// What is done to it when the point was not come by.
    pub(super) otherwise: Otherwise,
}

impl Blow {
    /// One without a point that is armed.
    fn unarmed(otherwise: Otherwise) -> Self {
        Self { point: None, armed: String::new(), otherwise }
    }
}

/// What is done to a process that lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Otherwise {
    Kill,
    /// Stopped for so many milliseconds, and then killed.
    Pause(u64),
    /// Told to stop in good order, which a point in that may prevent.
    End,
    /// Killed so many milliseconds after it was started, mostly before it is ready.
    WhileItOpens(u64),
}

/// Draws what is next.
pub(super) struct Plan {
    chance: StdRng,
    singles: Vec<Point>,
    points: Vec<Point>,
}

impl Plan {
    pub(super) fn new(points: Vec<Point>, seed: u64) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut singles = points.clone();
        singles.shuffle(&mut chance);
        Self { chance, singles, points }
    }

    /// What is done next: one blow, or two of which the second falls on the process that is started after the first.
    pub(super) fn next(&mut self, tally: &Tally) -> Vec<Blow> {
        if let Some(point) = self.singles.pop() {
            return vec![self.kill_at(&point, tally)];
        }
        // What nothing has happened at yet comes before chance.
        if self.chance.random_bool(0.3) {
            let missed: Vec<&Point> =
                self.points.iter().filter(|point| tally.of(&point.name).happened == 0).collect();
            if let Some(missed) = missed.choose(&mut self.chance) {
                let missed = (*missed).clone();
                return vec![self.kill_at(&missed, tally)];
            }
        }
        match self.chance.random_range(0..100) {
            0..45 => vec![self.drawn(tally), self.drawn(tally)],
            45..60 => vec![self.other(tally)],
            60..75 => {
                let first = self.drawn(tally);
                let after = self.chance.random_range(1..80);
                vec![first, Blow::unarmed(Otherwise::WhileItOpens(after))]
            }
            75..85 => {
                let pause = self.chance.random_range(50..1500);
                vec![Blow::unarmed(Otherwise::Pause(pause))]
            }
            85..90 => vec![Blow::unarmed(Otherwise::End)],
            _ => vec![Blow::unarmed(Otherwise::Kill)],
        }
    }

    /// How long this blow may take to fall, in milliseconds: longest where nothing has happened yet.
    pub(super) fn patience(&mut self, blow: &Blow, tally: &Tally) -> u64 {
        match &blow.point {
            Some(point) if tally.of(&point.name).happened == 0 => 3000,
            _ => self.chance.random_range(500..1500),
        }
    }

    /// One of so many.
    pub(super) fn one_of(&mut self, many: usize) -> usize {
        self.chance.random_range(0..many.max(1))
    }

    fn drawn(&mut self, tally: &Tally) -> Blow {
        let point = self.points.choose(&mut self.chance).cloned();
        match point {
            Some(point) => self.kill_at(&point, tally),
            None => Blow::unarmed(Otherwise::Kill),
        }
    }

    /// Something else than death: it fails, waits or stops, and is killed later.
    fn other(&mut self, tally: &Tally) -> Blow {
        let mut blow = self.drawn(tally);
        let can_fail = blow.point.as_ref().is_some_and(|point| point.can_fail);
        let action = match self.chance.random_range(0..4) {
            0 | 1 if can_fail => "error",
            2 => "stop",
            _ => "delay:300",
        };
        blow.armed = blow.armed.replace("kill", action);
        blow
    }

    fn kill_at(&mut self, point: &Point, tally: &Tally) -> Blow {
        let name = &point.name;
        // A place that work comes by all the time is also hit later than at the first start of anything.
        let often = tally.of(name).hits > 400;
        let hit = if often { self.chance.random_range(1..60) } else { 1 };
        let armed = match name.as_str() {
            // An event is set aside when it cannot be applied, neither with others nor alone.
            "listener.park" => "listener.park=kill,listener.after_tx_begin=error@1-4".to_owned(),
            _ => format!("{name}=kill@{hit}"),
        };
        let otherwise = if name.starts_with("drain.") { Otherwise::End } else { Otherwise::Kill };
        Blow { point: Some(point.clone()), armed, otherwise }
    }
}
