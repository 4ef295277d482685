//! The payment module of `examples/payment-python`: it keeps its contract, and where it does not, that is found out.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a helper of tests may fail like one, and says what it leaves out"
)]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use futures::StreamExt as _;
use lab::conformance::{Line, Report, payments};
use tempfile::TempDir;

#[path = "api/foreign.rs"]
mod foreign;

use foreign::Foreign;

const SECRET: &str = "known to all processes of one shop";
/// Broken modules at the same time. They mostly wait.
const AT_ONCE: usize = 6;

/// Each way to break it, and the promises that are then not kept.
const BROKEN: [(&str, &[&str]); 27] = [
    ("describes_less", &["descriptor", "feed-descriptor"]),
    ("believes_without_a_head", &["unsigned", "forged", "deadline"]),
    ("believes_every_signature", &["forged", "tampered"]),
    ("believes_old_signatures", &["stale"]),
    ("believes_twice", &["replayed"]),
    ("serves_every_caller", &["callers"]),
    ("works_for_nobody", &["deadline"]),
    ("answers_what_is_unknown", &["unknown-method"]),
    ("reads_anything", &["garbage"]),
    ("reads_nothing_new", &["later-field"]),
    ("calls_taken_money_promised", &["captured", "unanswered", "at-once"]),
    ("calls_promised_money_taken", &["authorized"]),
    ("spells_a_decline_otherwise", &["declined", "unanswered", "ended", "by-order"]),
    ("sends_the_payer_nowhere", &["requires-action"]),
    ("never_asks_again", &["unanswered"]),
    ("charges_again", &["repeated", "at-once", "key-reused"]),
    ("forgets_what_a_key_was_for", &["key-reused"]),
    (
        "has_no_words_for_refusals",
        &[
            "unsigned",
            "forged",
            "tampered",
            "stale",
            "callers",
            "deadline",
            "garbage",
            "refusals",
            "not-found",
            "other-logs",
        ],
    ),
    ("ends_nothing", &["given-back", "given-up", "ended"]),
    ("finds_the_newest_first", &["by-order"]),
    ("tells_in_anothers_name", &["told"]),
    ("leaves_gaps", &["log", "resumed", "news"]),
    (
        "shows_the_last_event_again",
        &["repeated", "at-once", "given-back", "given-up", "told", "log", "resumed", "silence", "news"],
    ),
    ("never_waits", &["silence", "news"]),
    ("hears_nothing_while_it_waits", &["news"]),
    ("shows_the_logs_of_others", &["other-logs"]),
    ("listens_to_nobody", &["other-logs", "progress"]),
];

fn module() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/payment-python")
}

/// Runs a module alone and asks it everything.
async fn asked(program: &Path, arguments: &[&str]) -> Report {
    let folder = TempDir::new().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    // Nobody is there, and a payment module goes on all the same.
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    let payment = Foreign::start(program, arguments, folder.path(), &secret, nobody, nobody);
    let line = Line::new(&format!("http://{}", payment.internal), SECRET).unwrap();
    payments(&line, false).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn payment_in_python_keeps_its_contract() {
    if !python() {
        return;
    }
    let report = asked(&module(), &[]).await;
    let amiss: Vec<_> = report.checks().iter().filter(|check| check.amiss.is_some()).collect();
    assert!(amiss.is_empty() && report.checks().len() > 30, "{amiss:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_promise_is_found_out() {
    if !python() {
        return;
    }
    let program = module().join("tests/broken.py");
    let broken = BROKEN.iter().map(|(name, _)| {
        let program = &program;
        async move { asked(program, &[name, "--log", "critical"]).await }
    });
    let reports: Vec<Report> = futures::stream::iter(broken).buffered(AT_ONCE).collect().await;
    for ((name, due), report) in BROKEN.iter().zip(&reports) {
        // A machine that is busy with other tests may miss one of the waits; a defect is there each time.
        if report.failed() != *due {
            let report = asked(&program, &[name, "--log", "critical"]).await;
            assert_eq!(report.failed(), *due, "{name}: {:#?}", report.checks());
        }
    }
    // There is no promise of which nobody has seen that it can be found broken.
    let found: BTreeSet<_> = BROKEN.iter().flat_map(|(_, due)| due.iter().copied()).collect();
    let all: BTreeSet<_> = reports[0].checks().iter().map(|check| check.name).collect();
    assert_eq!(all, found);
}

/// Whether there is a Python to run it with. `cargo xtask test` brings one along and lets nothing be skipped.
fn python() -> bool {
    let asked = Command::new("python3").arg("--version").output();
    if asked.is_ok_and(|asked| asked.status.success()) || std::env::var("CLEAVE_TEST_PYTHON").is_ok() {
        return true;
    }
    eprintln!("skipped: there is no `python3`, 3.10 or newer, on the path");
    false
}

#[test]
fn the_modules_own_tests_pass() {
    if !python() {
        return;
    }
    let tests = Command::new("python3")
        .args(["-m", "unittest", "discover", "-s", "tests"])
        .current_dir(module())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&tests.stderr).into_owned();
    assert!(tests.status.success() && said.contains("\nOK"), "{said}");
}
