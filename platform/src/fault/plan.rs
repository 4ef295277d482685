//! What happens at which point, as somebody outside has said it.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::OnceLock;
use std::time::Duration;

use super::{points, tally};

static ARMED: OnceLock<Plan> = OnceLock::new();

/// What happens when work comes by a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// The process dies as with SIGKILL.
    Kill,
    /// The process stops as with SIGSTOP, until it is told to go on.
    Stop,
    /// The place fails with its own error.
    Error,
    /// Work waits so long.
    Delay(Duration),
}

/// What happens at which hit of which point.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan(HashMap<String, (Action, RangeInclusive<u64>)>);

/// Why a plan cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is not written as a plan is.
    #[error(
        "`{0}` is no fault; write NAME=kill, NAME=stop, NAME=error or NAME=delay:MILLISECONDS, and @N or @N-M for the hits at which it happens"
    )]
    Unreadable(String),
    /// There is no such point.
    #[error("there is no fault point `{0}`; `cleave faults` lists them")]
    Unknown(String),
    /// The place cannot fail by itself.
    #[error("the fault point `{0}` cannot be armed with an error")]
    CannotFail(String),
}

impl Plan {
    /// What happens at this hit of this point.
    pub(super) fn at(&self, name: &str, number: u64) -> Option<Action> {
        self.0.get(name).and_then(|(action, at)| at.contains(&number).then_some(*action))
    }

    /// That every point exists and can do what it is armed with.
    fn check(&self) -> Result<(), PlanError> {
        for (name, (action, _)) in &self.0 {
            let point = points().into_iter().find(|point| point.name() == name);
            let point = point.ok_or_else(|| PlanError::Unknown(name.clone()))?;
            if *action == Action::Error && !point.can_fail() {
                return Err(PlanError::CannotFail(name.clone()));
            }
        }
        Ok(())
    }
}

impl FromStr for Plan {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(part).collect::<Result<_, _>>().map(Self)
    }
}

fn part(text: &str) -> Result<(String, (Action, RangeInclusive<u64>)), PlanError> {
    let unreadable = || PlanError::Unreadable(text.to_owned());
    let (name, rest) = text.split_once('=').ok_or_else(unreadable)?;
    let (action, hits) = rest.split_once('@').unwrap_or((rest, "1"));
    let (first, last) = hits.split_once('-').unwrap_or((hits, hits));
    let (first, last) = (first.parse().ok().zip(last.parse().ok())).ok_or_else(unreadable)?;
    if first == 0_u64 || last < first {
        return Err(unreadable());
    }
    let action = match action.split_once(':').unwrap_or((action, "")) {
        ("kill", "") => Action::Kill,
        ("stop", "") => Action::Stop,
        ("error", "") => Action::Error,
        ("delay", pause) => Action::Delay(Duration::from_millis(pause.parse().map_err(|_| unreadable())?)),
        _ => return Err(unreadable()),
    };
    Ok((name.to_owned(), (action, first..=last)))
}

/// Follows this plan from now on, and counts hits into a file of this process in the folder, if one is named. Without
/// it a point does nothing and counts nothing. Once for a process; a second plan is not heard.
///
/// # Errors
/// The plan cannot be followed.
pub fn arm(plan: &str, folder: Option<&std::path::Path>) -> Result<(), PlanError> {
    let plan: Plan = plan.parse()?;
    plan.check()?;
    if let Some(folder) = folder {
        tally::open(folder);
    }
    let _ = ARMED.set(plan);
    Ok(())
}

pub(super) fn armed() -> Option<&'static Plan> {
    ARMED.get()
}
