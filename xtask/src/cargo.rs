//! Starting cargo, always in the folder of the workspace.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::nats;
use crate::postgres::{Binaries, Server};
use crate::python;
use crate::strace;

/// A cargo command in the workspace's folder, with the environment it has when a person calls it: build scripts that
/// look at the variables cargo has set for us would run again, and all that depends on them be compiled again.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace()).args(arguments);
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|ours| name.to_string_lossy().starts_with(ours)) {
            command.env_remove(&name);
        }
    }
    command
}

/// The workspace's folder, asked for at run time: a target folder can outlive the clone it was built for.
fn workspace() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    here.and_then(|xtask| xtask.parent().map(PathBuf::from)).unwrap_or_else(|| ".".into())
}

/// Whether `cargo NAME` exists.
pub(crate) fn has(name: &str) -> bool {
    let mut asked = command(&[name, "--version"]);
    asked.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Runs a cargo command whose exit is ours.
pub(crate) fn pass<A: AsRef<OsStr>>(verb: &str, arguments: &[A]) -> Result<bool, String> {
    let status = command(&[verb]).args(arguments).status();
    Ok(status.map_err(|error| format!("cargo {verb} does not start: {error}"))?.success())
}

/// Hands over to the lab, built for speed because it measures, with the shop beside it and PostgreSQL running.
pub(crate) fn lab(verb: &str, arguments: &[OsString]) -> Result<bool, String> {
    if !pass("build", &["--release", "--package", "cleave", "--package", "lab"])? {
        return Ok(false);
    }
    let server = postgres();
    let mut run = command(&["run", "--quiet", "--release", "--package", "lab", "--", verb]);
    if let Some(server) = &server {
        run.env("CLEAVE_LAB_POSTGRES", server.url());
    }
    if verb == "outage" {
        run.env("CLEAVE_LAB_NATS_SERVER", nats::find_or_install()?);
    }
    let status = run.args(arguments).status().map_err(|error| format!("the lab does not start: {error}"))?;
    Ok(status.success())
}

/// A PostgreSQL server, or a line that says why there is none.
fn postgres() -> Option<Server> {
    let started = Binaries::find_or_install().and_then(|binaries| Server::start(&binaries));
    started.inspect_err(|reason| eprintln!("without PostgreSQL: {reason}")).ok()
}

/// Hands over to the provers, with the shop beside them in which every fault point is compiled, and with PostgreSQL and
/// NATS to break where they are.
pub(crate) fn prove(arguments: &[OsString]) -> Result<bool, String> {
    if arguments.first().is_some_and(|name| name == "power") {
        strace::find_or_install()?;
    }
    let shop =
        ["--profile", "prove", "--package", "cleave", "--package", "lab", "--features", "cleave/faults"];
    if !pass("build", &shop)? {
        return Ok(false);
    }
    let server = postgres();
    // Not by `cargo run`, which would build the lab once more, for itself alone and so without the feature.
    let ours = std::env::current_exe().map_err(|error| error.to_string())?;
    let lab = ours.parent().and_then(|folder| folder.parent()).ok_or("we are in no target folder")?;
    let mut run = Command::new(lab.join("prove/lab"));
    run.arg("prove").args(arguments);
    if let Some(server) = &server {
        run.env("CLEAVE_LAB_POSTGRES", server.url()).env("CLEAVE_LAB_POSTGRES_COMMAND", server.command());
    }
    if arguments.first().is_some_and(|name| name == "schema") {
        run.env("CLEAVE_LAB_SCHEMATHESIS", python::schemathesis(&workspace())?);
    }
    match nats::find_or_install() {
        Ok(program) => drop(run.env("CLEAVE_LAB_NATS_SERVER", program)),
        Err(reason) => eprintln!("without NATS: {reason}"),
    }
    let status = run.status().map_err(|error| format!("the lab does not start: {error}"))?;
    Ok(status.success())
}

/// Hands over to the simulation, for which the modules are built into the lab itself.
pub(crate) fn simulate(arguments: &[OsString]) -> Result<bool, String> {
    let build =
        ["run", "--quiet", "--profile", "prove", "--package", "lab", "--features", "sim", "--", "prove"];
    let status = command(&build).args(arguments).status();
    Ok(status.map_err(|error| format!("the lab does not start: {error}"))?.success())
}

/// Hands over to the lab, which runs tests of the suite, with the broker that some of them need.
pub(crate) fn suite(arguments: &[OsString]) -> Result<bool, String> {
    if !has("nextest") {
        return Err("cargo-nextest is not there; `cargo install --locked cargo-nextest` brings it".to_owned());
    }
    let broker = nats::Server::start(&nats::find_or_install()?)?;
    let mut run = command(&["run", "--quiet", "--package", "lab", "--", "prove"]);
    let status = run.args(arguments).env("CLEAVE_TEST_NATS", broker.url()).status();
    Ok(status.map_err(|error| format!("the lab does not start: {error}"))?.success())
}

/// Hands over to the lab where nothing is measured and nothing else is needed.
pub(crate) fn quick_lab(verb: &str, arguments: &[OsString]) -> Result<bool, String> {
    let mut run = command(&["run", "--quiet", "--package", "lab", "--", verb]);
    let status = run.args(arguments).status().map_err(|error| format!("the lab does not start: {error}"))?;
    Ok(status.success())
}
