use std::time::{Duration, Instant};

use clap::ValueEnum as _;

use super::campaign::{Campaign, Found, replay};
use super::mutant::Mutant;

/// A broken shop is found out within so many runs.
const ENOUGH: u64 = 2_000;

fn campaign(seeds: u64, jobs: u64, mutant: Option<Mutant>) -> Found {
    let until = Instant::now() + Duration::from_mins(10);
    Campaign { from: 1, seeds, jobs, until, mutant, told: false }.run().unwrap()
}

#[test]
fn two_thousand_runs_end_well() {
    let found = campaign(2_000, 2, None);
    assert!(found.failure.is_none(), "{:#?}", found.failure);
    assert_eq!(found.runs, 2_000);
    assert!(found.struck.len() >= 14, "not all troubles came: {:?}", found.struck);
}

#[test]
fn every_broken_shop_is_found_out_and_what_is_left_of_its_run_still_fails() {
    for mutant in Mutant::value_variants() {
        let found = campaign(ENOUGH, 1, Some(*mutant));
        let failure = found.failure.unwrap_or_else(|| panic!("{mutant:?} is not found"));
        assert!(!failure.faults.is_empty(), "{mutant:?}");
    }
}

#[test]
fn a_run_can_be_done_again_turn_by_turn() {
    for seed in [3, 40, 112] {
        let story = || replay(seed, None, None, None).unwrap().outcome.story;
        let once = story();
        assert!(once.len() > 50);
        assert_eq!(once, story(), "{seed}");
    }
}
