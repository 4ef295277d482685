//! `cargo xtask`: everything CI does, and everything a developer does more than once.

mod apt;
mod cargo;
mod fuzz;
mod keeper;
mod nats;
mod postgres;
mod prove;
mod python;
mod services;
mod steps;
mod strace;
mod summary;
mod test;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks, services and measurements of Cleave, each in one command.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    after_help = "Examples:\n  \
        cargo xtask test                  everything, as CI runs it\n  \
        cargo xtask test --only sqlite    one step\n  \
        cargo xtask services              PostgreSQL and NATS to develop against, until Ctrl-C\n  \
        cargo xtask replay FILE.csv.gz    a real shop's orders through the API\n  \
        cargo xtask conformance payments http://127.0.0.1:9081    does it keep the contract?"
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the whole suite: format, lints, tests on both databases and in every contract mode, docs
    #[command(after_help = test::EXAMPLES)]
    Test(test::Options),
    /// Start PostgreSQL and NATS in temporary folders, print what to export, run until Ctrl-C
    Services,
    /// Check licences and advisories of all dependencies (needs `cargo-deny`)
    Audit,
    /// Measure reads and purchases beside the floor of the machine
    #[command(disable_help_flag = true)]
    Bench(Passed),
    /// Move payment out of a shop and back while customers buy, and count
    #[command(disable_help_flag = true)]
    Switch(Passed),
    /// Stop the broker of a shop while customers buy, and count
    #[command(disable_help_flag = true)]
    Outage(Passed),
    /// Replay a retailer's quarter through the API and check it to the penny
    #[command(disable_help_flag = true)]
    Replay(Passed),
    /// Try to break a promise of the shop, and say with figures how often that worked
    #[command(disable_help_flag = true)]
    Prove(Passed),
    /// Be a payment provider that does as it is told
    #[command(disable_help_flag = true)]
    Paysim(Passed),
    /// Check whether whoever serves a contract keeps it, in whatever language
    #[command(disable_help_flag = true)]
    Conformance(Passed),
}

/// Arguments that are the lab's affair.
#[derive(clap::Args)]
struct Passed {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().verb {
        Verb::Test(options) => test::run(&options),
        Verb::Services => services::run(),
        Verb::Audit => cargo::pass("deny", &["check"]),
        Verb::Bench(passed) => cargo::lab("bench", &passed.arguments),
        Verb::Switch(passed) => cargo::lab("switch", &passed.arguments),
        Verb::Outage(passed) => cargo::lab("outage", &passed.arguments),
        Verb::Replay(passed) => cargo::lab("replay", &passed.arguments),
        Verb::Prove(passed) => prove::run(&passed.arguments),
        Verb::Paysim(passed) => cargo::quick_lab("paysim", &passed.arguments),
        Verb::Conformance(passed) => cargo::quick_lab("conformance", &passed.arguments),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn everything_after_a_measurement_is_the_labs_affair() {
        let line = ["cargo xtask", "replay", "--limit", "5", "--help", "file"];
        let Ok(Arguments { verb: Verb::Replay(passed) }) = Arguments::try_parse_from(line) else {
            panic!("not taken as a replay");
        };
        assert_eq!(passed.arguments, ["--limit", "5", "--help", "file"]);
    }
}
