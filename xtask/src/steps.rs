//! The steps of the suite: what each runs, and on what.

use std::process::Command;

use crate::cargo;

/// One step of `cargo xtask test`.
pub(crate) struct Step {
    /// The word for `--only`.
    pub name: &'static str,
    /// What it proves, in a line.
    pub proves: &'static str,
    /// Whether it needs a PostgreSQL server.
    pub needs_postgres: bool,
    work: Work,
}

enum Work {
    /// A cargo command as it is.
    Cargo(&'static [&'static str]),
    /// The tests of these packages on a store, with contract calls made this way.
    Tests { packages: &'static [&'static str], store: &'static str, contracts: &'static str },
}

const EVERYTHING: &[&str] = &["--workspace"];
// The other suites start the binary, whose contract calls are set by its own configuration.
const FRONT_DOOR: &[&str] = &["--package", "cleave", "--test", "api"];

/// All of them, in the order they run: the quick refusals first.
pub(crate) const ALL: &[Step] = &[
    Step {
        name: "format",
        proves: "the code is formatted",
        needs_postgres: false,
        work: Work::Cargo(&["fmt", "--all", "--check"]),
    },
    Step {
        name: "lints",
        proves: "clippy has nothing to say",
        needs_postgres: false,
        work: Work::Cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step {
        name: "sqlite",
        proves: "every test passes on SQLite",
        needs_postgres: false,
        work: Work::Tests { packages: EVERYTHING, store: "sqlite", contracts: "local" },
    },
    Step {
        name: "postgres",
        proves: "every test passes on PostgreSQL",
        needs_postgres: true,
        work: Work::Tests { packages: EVERYTHING, store: "postgres", contracts: "local" },
    },
    Step {
        name: "encoded",
        proves: "the shop works when modules only exchange bytes",
        needs_postgres: false,
        work: Work::Tests { packages: FRONT_DOOR, store: "sqlite", contracts: "encoded" },
    },
    Step {
        name: "http",
        proves: "the shop works when modules call each other over HTTP",
        needs_postgres: false,
        work: Work::Tests { packages: FRONT_DOOR, store: "sqlite", contracts: "http" },
    },
    Step {
        name: "examples",
        proves: "the examples in the documentation run",
        needs_postgres: false,
        work: Work::Cargo(&["test", "--doc", "--workspace"]),
    },
    Step {
        name: "docs",
        proves: "the documentation builds without a warning",
        needs_postgres: false,
        work: Work::Cargo(&["doc", "--workspace", "--no-deps"]),
    },
];

impl Step {
    /// The command of this step. What a developer has exported for another run is taken out of its way.
    pub(crate) fn command(&self, nextest: bool, postgres: Option<&str>) -> Command {
        let mut command = match self.work {
            Work::Cargo(arguments) => cargo::command(arguments),
            Work::Tests { packages, store, contracts } => {
                let mut command = if nextest {
                    cargo::command(&["nextest", "run", "--no-fail-fast", "--no-tests=pass"])
                } else {
                    // Examples in the documentation have a step of their own.
                    cargo::command(&["test", "--no-fail-fast", "--lib", "--bins", "--tests"])
                };
                command.args(packages);
                command.env("CLEAVE_TEST_STORE", store).env("CLEAVE_TEST_CONTRACTS", contracts);
                command
            }
        };
        if self.name == "docs" {
            command.env("RUSTDOCFLAGS", "-D warnings");
        }
        match postgres {
            Some(url) => command.env("CLEAVE_TEST_POSTGRES", url),
            None => command.env_remove("CLEAVE_TEST_POSTGRES"),
        };
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn variable(command: &Command, name: &str) -> Option<String> {
        let (_, value) = command.get_envs().find(|(other, _)| *other == name)?;
        value.map(|value| value.to_string_lossy().into_owned())
    }

    #[test]
    fn each_step_has_a_name_of_its_own() {
        let names: BTreeSet<_> = ALL.iter().map(|step| step.name).collect();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn both_databases_and_all_three_contract_modes_are_tested() {
        let tried: BTreeSet<_> = ALL
            .iter()
            .map(|step| step.command(true, step.needs_postgres.then_some("postgres://x")))
            .filter_map(|command| {
                Some((variable(&command, "CLEAVE_TEST_STORE")?, variable(&command, "CLEAVE_TEST_CONTRACTS")?))
            })
            .collect();
        for (store, contracts) in
            [("sqlite", "local"), ("postgres", "local"), ("sqlite", "encoded"), ("sqlite", "http")]
        {
            assert!(tried.contains(&(store.to_owned(), contracts.to_owned())), "{store} {contracts}");
        }
    }

    #[test]
    fn a_step_without_postgres_does_not_see_one() {
        for step in ALL.iter().filter(|step| !step.needs_postgres) {
            assert_eq!(variable(&step.command(false, None), "CLEAVE_TEST_POSTGRES"), None);
        }
    }
}
