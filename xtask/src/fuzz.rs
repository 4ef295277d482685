//! What fuzzing takes besides cargo: a nightly compiler, whose counters are not in the stable one, and `cargo-fuzz`.

use std::process::{Command, Stdio};

use crate::cargo;

/// The version whose command line we know.
const VERSION: &str = "0.13.2";

/// Looks whether both are there, and brings along what is not.
pub(crate) fn find_or_install() -> Result<(), String> {
    let mut asked = Command::new("rustup");
    asked.args(["run", "nightly", "rustc", "--version"]);
    if !succeeds(asked.stdout(Stdio::null()).stderr(Stdio::null())) {
        eprintln!("installing the nightly compiler with rustup");
        let mut install = Command::new("rustup");
        install
            .args(["toolchain", "install", "nightly", "--profile", "minimal"])
            .stdout(Stdio::from(std::io::stderr()));
        if !succeeds(&mut install) {
            return Err(
                "there is no nightly compiler; `rustup toolchain install nightly` brings one".to_owned()
            );
        }
    }
    if !cargo::has("fuzz") {
        eprintln!("installing cargo-fuzz {VERSION}");
        if !cargo::pass("install", &["cargo-fuzz", "--version", VERSION, "--locked"])? {
            return Err(format!("cargo-fuzz {VERSION} could not be installed"));
        }
    }
    Ok(())
}

fn succeeds(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}
