//! A short campaign: every step of a purchase, each killed once and more.

use lab::prove::crash::clients::Clients;
use lab::prove::crash::{Crash, Placement, StoreKind};

/// What a purchase comes by on its way.
const STEPS: [&str; 22] = [
    "saga.start.before_reserve",
    "reserve.before_commit",
    "reserve.after_commit",
    "saga.start.after_reserve",
    "saga.start.before_commit",
    "saga.start.after_commit",
    "saga.step.before_effect",
    "auth.before_commit",
    "auth.before_call",
    "auth.response_received_before_db",
    "auth.before_settled",
    "auth.after_db",
    "saga.step.after_effect_before_commit",
    "confirm.before_commit",
    "confirm.after_commit",
    "events.after_insert",
    "group.before_commit",
    "group.after_commit_before_answer",
    "listener.after_read",
    "listener.after_tx_begin",
    "listener.after_effect_before_commit",
    "listener.after_commit",
];

#[tokio::test]
async fn a_purchase_survives_a_kill_at_each_of_its_steps() {
    let ours = std::env::current_exe().unwrap().display().to_string();
    let customers = ["--ignored", "--exact", "faults::campaign::customers", "--"];
    let crash = Crash {
        seconds: 15,
        store: StoreKind::Sqlite,
        placement: Placement::One,
        seed: None,
        record: None,
        json: false,
        binary: Some(env!("CARGO_BIN_EXE_cleave").into()),
        clients: std::iter::once(ours).chain(customers.map(str::to_owned)).collect(),
        only: Some(STEPS.to_vec()),
    };
    let report = crash.campaign().await.unwrap();
    println!("{report}");
    assert_eq!(report.differences, Vec::<String>::new(), "{report}");
    assert_eq!(report.missed, Vec::<String>::new(), "{report}");
    assert!(report.kills >= 5 && report.orders >= 3, "{report}");
}

/// Not a test: the process in which the customers of the one above are.
#[tokio::test]
#[ignore = "it acts for another test, which starts it"]
async fn customers() {
    let arguments = std::env::args().skip_while(|argument| argument != "--").skip(1);
    Clients::of(arguments).unwrap().run().await.unwrap();
}
