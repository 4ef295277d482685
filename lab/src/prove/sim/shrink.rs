//! Makes a run that fails smaller: as few wishes and as few troubles as still fail.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::mutant::Mutant;
use super::plan::Plan;
use super::run::{Outcome, run};
use super::shop::Shop;
use crate::Failure;

/// What is left of a plan.
#[derive(Debug, Clone)]
pub(super) struct Shrunk {
    /// The wishes that are needed, by their numbers.
    pub(super) wishes: BTreeSet<usize>,
    /// The troubles that are needed.
    pub(super) troubles: BTreeSet<usize>,
    /// What is wrong then.
    pub(super) outcome: Outcome,
}

/// Leaves out one thing after another, as long as what is left fails.
pub(super) async fn shrink(
    shop: &Rc<Shop>,
    plan: &Plan,
    mutant: Option<Mutant>,
    outcome: Outcome,
) -> Result<Shrunk, Failure> {
    let mut least = Shrunk {
        wishes: (0..plan.wishes.len()).collect(),
        troubles: (0..plan.troubles.len()).collect(),
        outcome,
    };
    loop {
        let smaller = smaller(&least);
        let before = smaller.len();
        let mut tried = 0;
        for (wishes, troubles) in smaller {
            tried += 1;
            let outcome = run(shop, &plan.keeping(&wishes, &troubles), mutant, false).await?;
            if !outcome.faults.is_empty() {
                least = Shrunk { wishes, troubles, outcome };
                tried = 0;
                break;
            }
        }
        if tried == before {
            return Ok(least);
        }
    }
}

/// All plans with one thing less.
fn smaller(least: &Shrunk) -> Vec<(BTreeSet<usize>, BTreeSet<usize>)> {
    let without =
        |all: &BTreeSet<usize>, one: usize| all.iter().copied().filter(|kept| *kept != one).collect();
    let troubles = least.troubles.iter().map(|one| (least.wishes.clone(), without(&least.troubles, *one)));
    let wishes = least.wishes.iter().map(|one| (without(&least.wishes, *one), least.troubles.clone()));
    troubles.chain(wishes).collect()
}
