//! Keeps a server for as long as we are there, and clears up after it.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Runs the server in the background, waits for the end of its own standard input, stops the server and clears up.
///
/// That input is a pipe whose other end only we hold. However we end, by returning, a panic, Ctrl-C or SIGKILL, the
/// system closes it: there is no way out that leaves a server behind, and no signal to handle.
///
/// PostgreSQL is told by the number it wrote down itself, because it may run below another program, and may have been
/// killed and started again by somebody else, who is no child of ours to wait for.
const SCRIPT: &str = r#"
folder=$1
shift
"$@" >"$folder/server.log" 2>&1 &
server=$!
read -r _
noted=$(head -n 1 "$folder/data/postmaster.pid" 2>/dev/null)
kill -INT "$noted" 2>/dev/null || kill "$server" 2>/dev/null
wait "$server"
while kill -0 "$noted" 2>/dev/null; do sleep 0.05; done
rm -rf "$folder"
"#;

/// A server that is kept. Dropping it stops the server and removes its folder.
pub(crate) struct Keeper {
    child: Child,
    pub(crate) folder: PathBuf,
}

impl Keeper {
    /// Starts this server, whose files are in this folder.
    pub(crate) fn start(folder: &Path, server: &Command) -> std::io::Result<Self> {
        let child = Command::new("sh")
            .args(["-c", SCRIPT, "keeper"])
            .arg(folder)
            .arg(server.get_program())
            .args(server.get_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A group of its own: Ctrl-C ends us, and through the pipe the server, in good order.
            .process_group(0)
            .spawn()?;
        Ok(Self { child, folder: folder.to_owned() })
    }

    /// Whether it still keeps the server.
    pub(crate) fn is_there(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What the server has said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if let Err(error) = self.child.wait() {
            eprintln!("a server may still run in {}: {error}", self.folder.display());
        }
    }
}
