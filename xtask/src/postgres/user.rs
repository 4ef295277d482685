//! PostgreSQL refuses to run as root, so in a container it runs as somebody else.

use std::path::Path;
use std::process::{Command, Stdio};

/// Whether we are root.
pub(crate) fn is_root() -> bool {
    id(&["-u"]).as_deref() == Some("0")
}

/// A command that runs as an unprivileged user: ourselves, or under root `postgres`, or else `nobody`.
pub(crate) fn unprivileged(program: &Path) -> Result<Command, String> {
    if !is_root() {
        return Ok(Command::new(program));
    }
    // `setpriv` replaces itself by the program, so that the keeper waits for the server and not for a parent of it.
    let tool = Command::new("setpriv").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if tool.is_err() {
        return Err(
            "PostgreSQL does not run as root, and `setpriv` (package `util-linux`) is not here to run it \
             as somebody else"
                .to_owned(),
        );
    }
    let somebody = somebody();
    let group = id(&["-g", somebody]).ok_or("the user has no group")?;
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={somebody}"), format!("--regid={group}")]);
    command.args(["--clear-groups", "--"]).arg(program);
    Ok(command)
}

/// Makes that user the owner of a file or folder.
pub(crate) fn give(path: &Path) -> Result<(), String> {
    if !is_root() {
        return Ok(());
    }
    let number = id(&["-u", somebody()]).and_then(|number| number.parse().ok());
    std::os::unix::fs::chown(path, number, None).map_err(|error| format!("{}: {error}", path.display()))
}

fn somebody() -> &'static str {
    if id(&["-u", "postgres"]).is_some() { "postgres" } else { "nobody" }
}

fn id(arguments: &[&str]) -> Option<String> {
    let output = Command::new("id").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
