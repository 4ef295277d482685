//! The power goes while customers buy: every state that the files may then be in has what was acknowledged. And a drive
//! that does not sync is found out, which shows that a loss would be.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "this is a test, and it says why it is skipped"
)]

use std::path::Path;

use lab::prove::power::{Power, Report};

/// A short campaign, unless there is nothing to record with.
async fn campaign(lying_drive: bool, starts: u64, faults: usize) -> Option<Report> {
    if std::process::Command::new("strace").arg("--version").output().is_err() {
        println!("skipped: no strace on this machine");
        return None;
    }
    let power = Power {
        orders: 3,
        draws: 1,
        stride: 16,
        starts,
        faults,
        seed: Some(7),
        lying_drive,
        record: None,
        json: false,
        short: true,
    };
    Some(power.campaign(Path::new(env!("CARGO_BIN_EXE_cleave"))).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_the_power_is_cut_and_whichever_write_fails_nothing_acknowledged_is_lost() {
    let Some(report) = campaign(false, 3, 2).await else { return };

    assert_eq!(report.wrong(), Vec::<String>::new());
    assert!(report.states() > 500, "{} states", report.states());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drive_that_lies_about_syncs_is_found_to_lose_orders() {
    let Some(report) = campaign(true, 0, 0).await else { return };

    let lost = report.wrong();
    assert!(lost.iter().any(|loss| loss.contains(" 0 of 1 acknowledged orders")), "{lost:#?}");
}
