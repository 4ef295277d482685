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
/// killed and started again by somebody else, who is no child of ours to wait for. The one that is ours is waited for from
/// the start: killed, it would else stay on as a zombie, whose number keeps another from starting in its folder.
const SCRIPT: &str = r#"
folder=$1
shift
exec 3<&0
"$@" >"$folder/server.log" 2>&1 3<&- &
server=$!
{
    read -r _
    noted=$(head -n 1 "$folder/data/postmaster.pid" 2>/dev/null)
    if [ -n "$noted" ]; then kill -INT "$noted"; else kill "$server"; fi 2>/dev/null
    while kill -0 "$noted" 2>/dev/null; do sleep 0.05; done
} <&3 &
end=$!
wait "$server"
wait "$end"
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use super::*;

    fn soon(what: impl Fn() -> bool) -> bool {
        let give_up = Instant::now() + Duration::from_secs(10);
        while !what() && Instant::now() < give_up {
            std::thread::sleep(Duration::from_millis(10));
        }
        what()
    }

    #[test]
    fn a_server_that_is_killed_leaves_nothing_of_itself_and_its_keeper_stays() {
        let folder = tempfile::tempdir().unwrap().keep();
        let noted = folder.join("number");
        let mut server = Command::new("sh");
        server.args(["-c", "echo $$ >\"$0\" && exec sleep 60"]).arg(&noted);
        let mut keeper = Keeper::start(&folder, &server).unwrap();
        assert!(soon(|| fs::read_to_string(&noted).is_ok_and(|number| number.ends_with('\n'))));
        let number = fs::read_to_string(&noted).unwrap();
        let is_there = |number: &str| Path::new("/proc").join(number.trim()).exists();
        assert!(is_there(&number));
        assert!(Command::new("kill").args(["-KILL", number.trim()]).status().unwrap().success());
        assert!(soon(|| !is_there(&number)), "it stays on as a zombie");
        assert!(keeper.is_there());
        drop(keeper);
        assert!(!folder.exists());
    }
}
