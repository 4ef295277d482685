//! The steps of the suite: what each runs, and on what.

use std::process::Command;

use crate::cargo;

macro_rules! apart {
    ($processes:literal) => {
        [
            Step {
                name: $processes,
                proves: "the shop works in these processes",
                needs_postgres: false,
                needs_nats: true,
                work: Work::Apart { processes: $processes, transport: "http" },
            },
            Step {
                name: concat!("nats:", $processes),
                proves: "the shop works in these processes when events travel through a broker",
                needs_postgres: false,
                needs_nats: true,
                work: Work::Apart { processes: $processes, transport: "nats" },
            },
        ]
    };
}

/// One step of `cargo xtask test`.
pub(crate) struct Step {
    /// The word for `--only`.
    pub name: &'static str,
    /// What it proves, in a line.
    pub proves: &'static str,
    /// Whether it needs a PostgreSQL server.
    pub needs_postgres: bool,
    /// Whether it needs a NATS server.
    pub needs_nats: bool,
    work: Work,
}

enum Work {
    /// A cargo command as it is.
    Cargo(&'static [&'static str]),
    /// The tests of these packages on a store, with contract calls made this way.
    Tests { packages: &'static [&'static str], store: &'static str, contracts: &'static str },
    /// The front door of a shop in these processes, `/` between them, `+` between the modules of one, with events
    /// travelling this way.
    Apart { processes: &'static str, transport: &'static str },
    /// These tests of the front door of a shop whose payment module is written in Python.
    InPython { tests: &'static [&'static str] },
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
        needs_nats: false,
        work: Work::Cargo(&["fmt", "--all", "--check"]),
    },
    Step {
        name: "lints",
        proves: "clippy has nothing to say",
        needs_postgres: false,
        needs_nats: false,
        work: Work::Cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step {
        name: "lab-lints",
        proves: "nor where fault points and the simulation are compiled",
        needs_postgres: false,
        needs_nats: false,
        work: Work::Cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--features",
            "cleave/faults,lab/sim",
            "--",
            "-D",
            "warnings",
        ]),
    },
    Step {
        name: "sqlite",
        proves: "every test passes on SQLite",
        needs_postgres: false,
        needs_nats: true,
        work: Work::Tests { packages: EVERYTHING, store: "sqlite", contracts: "local" },
    },
    Step {
        name: "postgres",
        proves: "every test that keeps something passes on PostgreSQL",
        needs_postgres: true,
        needs_nats: true,
        work: Work::Tests { packages: EVERYTHING, store: "postgres", contracts: "local" },
    },
    Step {
        name: "encoded",
        proves: "the shop works when modules only exchange bytes",
        needs_postgres: false,
        needs_nats: true,
        work: Work::Tests { packages: FRONT_DOOR, store: "sqlite", contracts: "encoded" },
    },
    Step {
        name: "http",
        proves: "the shop works when modules call each other over HTTP",
        needs_postgres: false,
        needs_nats: true,
        work: Work::Tests { packages: FRONT_DOOR, store: "sqlite", contracts: "http" },
    },
    Step {
        name: "python",
        proves: "customers buy, and get their money back, with payment in another language",
        needs_postgres: false,
        needs_nats: false,
        // The others are about what a shop does whoever takes the money; they pass as well and take two minutes.
        work: Work::InPython { tests: &["purchase::", "fulfilling::", "payments::"] },
    },
    Step {
        name: "faults",
        proves: "a purchase survives a kill at each of its steps",
        needs_postgres: false,
        needs_nats: false,
        work: Work::Cargo(&["test", "--package", "cleave", "--features", "faults", "--test", "faults"]),
    },
    Step {
        name: "simulation",
        proves: "in two thousand shops made of seeds everything ends well, and in broken ones it does not",
        needs_postgres: false,
        needs_nats: false,
        work: Work::Cargo(&["test", "--package", "lab", "--features", "sim", "--lib", "prove::sim"]),
    },
    Step {
        name: "examples",
        proves: "the examples in the documentation run",
        needs_postgres: false,
        needs_nats: false,
        work: Work::Cargo(&["test", "--doc", "--workspace"]),
    },
    Step {
        name: "docs",
        proves: "the documentation builds without a warning",
        needs_postgres: false,
        needs_nats: false,
        work: Work::Cargo(&["doc", "--workspace", "--no-deps"]),
    },
];

/// The shop taken apart in every way there is, but for the one way of not doing so, with events over HTTP and over a
/// broker. The first are run each time, over one of the two: all four alone, payment and order
/// each alone beside the others, and two and two.
pub(crate) static PLACEMENTS: [[Step; 2]; 14] = [
    apart!("user/product/order/payment"),
    apart!("user+product+order/payment"),
    apart!("user+product+payment/order"),
    apart!("user+product/order+payment"),
    apart!("user/product+order+payment"),
    apart!("user+order/product+payment"),
    apart!("user+order+payment/product"),
    apart!("user+payment/product+order"),
    apart!("user/product/order+payment"),
    apart!("user/order/product+payment"),
    apart!("user/payment/product+order"),
    apart!("user+product/order/payment"),
    apart!("user+order/product/payment"),
    apart!("user+payment/product/order"),
];

/// How many of [`PLACEMENTS`] are run each time: with the shop in one process a third of fifteen.
const REPRESENTATIVE: usize = 4;

/// A third of the placements, the transports in turn.
pub(crate) fn representative() -> impl Iterator<Item = &'static Step> {
    PLACEMENTS[..REPRESENTATIVE].iter().zip([1, 0].into_iter().cycle()).map(|(both, over)| &both[over])
}

impl Step {
    /// Whether it needs Python: its own tests are part of the workspace's.
    pub(crate) fn needs_python(&self) -> bool {
        match self.work {
            Work::InPython { .. } => true,
            Work::Tests { packages, .. } => packages == EVERYTHING,
            Work::Cargo(_) | Work::Apart { .. } => false,
        }
    }

    /// The command of this step. What a developer has exported for another run is taken out of its way. Where everything
    /// would be tested, only these packages are, if any are named.
    pub(crate) fn command(
        &self,
        nextest: bool,
        only: &[String],
        postgres: Option<&str>,
        nats: Option<&str>,
    ) -> Command {
        let mut command = match self.work {
            Work::Cargo(arguments) => cargo::command(arguments),
            Work::Tests { packages: EVERYTHING, store, contracts } if !only.is_empty() => {
                let packages: Vec<&str> = only.iter().flat_map(|package| ["--package", package]).collect();
                tests(nextest, &packages, store, contracts)
            }
            Work::Tests { packages, store, contracts } => tests(nextest, packages, store, contracts),
            Work::Apart { processes, transport } => {
                let mut command = tests(nextest, FRONT_DOOR, "sqlite", "local");
                command.env("CLEAVE_TEST_PLACEMENT", processes).env("CLEAVE_TEST_TRANSPORT", transport);
                command
            }
            Work::InPython { tests: these } => {
                let mut command = tests(nextest, FRONT_DOOR, "sqlite", "local");
                command.env("CLEAVE_TEST_PAYMENT", "python").arg("--").args(these);
                command
            }
        };
        if self.name == "docs" {
            command.env("RUSTDOCFLAGS", "-D warnings");
        }
        for (name, url) in [("CLEAVE_TEST_POSTGRES", postgres), ("CLEAVE_TEST_NATS", nats)] {
            match url {
                Some(url) => command.env(name, url),
                None => command.env_remove(name),
            };
        }
        command
    }
}

fn tests(nextest: bool, packages: &[&str], store: &str, contracts: &str) -> Command {
    let mut command = if nextest {
        let profile = if store == "postgres" { "postgres" } else { "default" };
        cargo::command(&["nextest", "run", "--no-fail-fast", "--no-tests=pass", "--profile", profile])
    } else {
        // Examples in the documentation have a step of their own.
        cargo::command(&["test", "--no-fail-fast", "--lib", "--bins", "--tests"])
    };
    command.args(packages);
    for name in ["CLEAVE_TEST_PLACEMENT", "CLEAVE_TEST_TRANSPORT", "CLEAVE_TEST_PAYMENT", "CLEAVE_TEST_TLS"] {
        command.env_remove(name);
    }
    command.env("CLEAVE_TEST_STORE", store).env("CLEAVE_TEST_CONTRACTS", contracts);
    command.env("CLEAVE_TEST_PYTHON", "is there");
    command
}

#[cfg(test)]
mod checks {
    use super::*;
    use std::collections::BTreeSet;
    use std::ffi::OsStr;

    #[test]
    fn every_way_to_part_four_modules_is_there_once() {
        let mut partings = BTreeSet::new();
        for [step, over_nats] in &PLACEMENTS {
            assert_eq!(over_nats.name.strip_prefix("nats:"), Some(step.name));
            let parting: BTreeSet<BTreeSet<&str>> =
                step.name.split('/').map(|process| process.split('+').collect()).collect();
            let modules: Vec<&str> = parting.iter().flatten().copied().collect();
            assert_eq!(BTreeSet::from_iter(modules.clone()).len(), 4, "{}", step.name);
            assert_eq!(modules.len(), 4, "{}", step.name);
            assert!(partings.insert(parting), "{} is there twice", step.name);
        }
        // The number of partitions of a set of four is Bell's B(4) = 15; one of them is to leave it whole.
        assert_eq!(partings.len(), 14);
    }

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
            .map(|step| step.command(true, &[], step.needs_postgres.then_some("postgres://x"), None))
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
    fn what_is_left_out_on_the_second_database_asks_for_none() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let settings = std::fs::read_to_string(root.join(".config/nextest.toml")).unwrap();
        let (_, named) = settings.split_once("default-filter").unwrap();
        let binaries: Vec<&str> =
            named.split("binary(=").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        assert!(!binaries.is_empty());
        for binary in binaries {
            let text = std::fs::read_to_string(root.join("tests").join(binary).with_extension("rs")).unwrap();
            let words = ["CLEAVE_TEST_STORE", "CLEAVE_TEST_POSTGRES", "testing::"];
            assert!(!words.iter().any(|word| text.contains(word)), "{binary} asks for a store");
        }
        let of =
            |step: &str| ALL.iter().find(|known| known.name == step).unwrap().command(true, &[], None, None);
        assert!(of("postgres").get_args().any(|argument| argument == "postgres"));
        assert!(!of("sqlite").get_args().any(|argument| argument == "postgres"));
    }

    #[test]
    fn payment_is_in_python_in_one_step_and_in_no_other() {
        let named = |step: &&Step| {
            variable(&step.command(true, &[], None, None), "CLEAVE_TEST_PAYMENT") == Some("python".into())
        };
        let steps: Vec<_> = ALL.iter().filter(named).map(|step| step.name).collect();
        assert_eq!(steps, ["python"]);
        let needing: Vec<_> = ALL.iter().filter(|step| step.needs_python()).map(|step| step.name).collect();
        assert_eq!(needing, ["sqlite", "postgres", "python"]);
    }

    #[test]
    fn a_step_without_postgres_does_not_see_one() {
        for step in ALL.iter().filter(|step| !step.needs_postgres) {
            assert_eq!(variable(&step.command(false, &[], None, None), "CLEAVE_TEST_POSTGRES"), None);
        }
    }

    #[test]
    fn packages_that_are_named_are_tested_alone() {
        let only = ["payment".to_owned(), "payment-api".to_owned()];
        let sqlite = ALL.iter().find(|step| step.name == "sqlite").unwrap();
        let command = sqlite.command(false, &only, None, None);
        let arguments: Vec<_> = command.get_args().collect();
        assert!(arguments.ends_with(&["--package", "payment", "--package", "payment-api"].map(OsStr::new)));
        assert!(!arguments.contains(&OsStr::new("--workspace")));

        let apart = PLACEMENTS[0][0].command(false, &only, None, None);
        assert!(!apart.get_args().any(|argument| argument == "payment"), "the front door is everybody's");
    }

    #[test]
    fn every_run_takes_the_shop_apart_over_both_transports() {
        let transports: BTreeSet<_> = representative()
            .filter_map(|step| {
                variable(&step.command(true, &[], None, Some("nats://x")), "CLEAVE_TEST_TRANSPORT")
            })
            .collect();
        assert_eq!(transports, BTreeSet::from(["http".to_owned(), "nats".to_owned()]));
        assert_eq!(representative().count(), REPRESENTATIVE);
    }
}
