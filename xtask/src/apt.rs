//! Bringing a server onto a machine that has none, where that is ours to do: on Debian, as root.

use std::path::Path;
use std::process::Command;

use crate::postgres::user;

/// Installs a package, or says what to do `otherwise`.
pub(crate) fn install(package: &str, otherwise: &str) -> Result<(), String> {
    if !Path::new("/usr/bin/apt-get").exists() || !user::is_root() {
        return Err(otherwise.to_owned());
    }
    eprintln!("installing {package} with apt-get");
    run(&["update"])?;
    run(&["install", "-y", "--no-install-recommends", package])
}

fn run(arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdout(std::io::stderr());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("apt-get {} did not succeed", arguments.join(" "))),
        Err(error) => Err(format!("apt-get does not start: {error}")),
    }
}
