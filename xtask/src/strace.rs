//! `strace`, which records what a shop writes and makes its calls fail.

use std::process::Command;

use crate::apt;

const OTHERWISE: &str = "strace is missing; install the package strace";

/// Makes sure that it is there.
pub(crate) fn find_or_install() -> Result<(), String> {
    if Command::new("strace").arg("--version").output().is_ok() {
        return Ok(());
    }
    apt::install("strace", OTHERWISE)
}
