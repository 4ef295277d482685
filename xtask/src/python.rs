//! Python, for the payment module that is written in it, and for schemathesis.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
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

/// Schemathesis, in an environment of its own in the cache, exactly as the workspace has pinned it.
pub(crate) fn schemathesis(workspace: &Path) -> Result<PathBuf, String> {
    find_or_install()?;
    let pinned = workspace.join("lab/src/prove/schema/requirements.txt");
    let text = std::fs::read(&pinned).map_err(|error| format!("{}: {error}", pinned.display()))?;
    let mut hash = DefaultHasher::new();
    text.hash(&mut hash);
    let cache =
        std::env::var_os("HOME").map_or_else(std::env::temp_dir, |home| PathBuf::from(home).join(".cache"));
    let folder = cache.join(format!("cleave/schemathesis-{:016x}", hash.finish()));
    let (program, ready) = (folder.join("bin/schemathesis"), folder.join("ready"));
    if ready.is_file() {
        return Ok(program);
    }
    eprintln!("installing schemathesis into {}", folder.display());
    let mut make = Command::new("python3");
    succeed(make.args(["-m", "venv", "--clear"]).arg(&folder), "python3 -m venv (package `python3-venv`)")?;
    let mut install = Command::new(folder.join("bin/python"));
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "-r",
    ]);
    succeed(install.arg(&pinned), "pip install")?;
    // Written last: what was interrupted is made anew.
    std::fs::write(&ready, "").map_err(|error| error.to_string())?;
    Ok(program)
}

fn succeed(command: &mut Command, name: &str) -> Result<(), String> {
    match command.stdout(Stdio::from(std::io::stderr())).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("{name} did not succeed")),
        Err(error) => Err(format!("{name} does not start: {error}")),
    }
}
