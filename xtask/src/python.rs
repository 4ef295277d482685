//! Python, for the payment module that is written in it.

use std::process::{Command, Stdio};

use crate::apt;

/// What it is used for: `match` is as old as 3.10.
const ASKED: &str = "import sqlite3, sys; sys.exit(sys.version_info < (3, 10))";

/// Looks whether it is there, and brings it along where that is ours to do.
pub(crate) fn find_or_install() -> Result<(), String> {
    if is_there() {
        return Ok(());
    }
    apt::install("python3", "there is no `python3`, 3.10 or newer, on the path; install it")?;
    if is_there() {
        Ok(())
    } else {
        Err("the package `python3` brought none that is 3.10 or newer".to_owned())
    }
}

fn is_there() -> bool {
    let mut asked = Command::new("python3");
    asked.args(["-c", ASKED]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    asked.status().is_ok_and(|status| status.success())
}
