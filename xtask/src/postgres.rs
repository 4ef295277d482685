//! A PostgreSQL server of our own: on a free port, in a temporary folder, gone when we are.

mod binaries;
pub(crate) mod user;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use binaries::Binaries;

use crate::keeper::Keeper;

const PATIENCE: Duration = Duration::from_secs(30);

/// A running server. Dropping it stops it and removes its folder.
pub(crate) struct Server {
    keeper: Keeper,
    url: String,
    command: OsString,
}

impl Server {
    /// Creates a cluster and starts it.
    pub(crate) fn start(binaries: &Binaries) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("cleave-postgres-").tempdir().map_err(said)?;
        let password = password()?;
        initialise(binaries, folder.path(), &password)?;

        let port = free_port()?;
        let mut server = user::unprivileged(&binaries.path("postgres"))?;
        server.arg("-D").arg(folder.path().join("data")).args(["-p", &port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=400",
            "log_min_messages=error",
        ] {
            server.args(["-c", setting]);
        }
        let keeper = Keeper::start(folder.path(), &server).map_err(said)?;
        let words: Vec<&OsStr> = std::iter::once(server.get_program()).chain(server.get_args()).collect();
        let command = words.join(OsStr::new("\u{1f}"));
        let url = format!("postgres://cleave:{password}@127.0.0.1:{port}/postgres");
        // From here on the keeper removes the folder.
        drop(folder.keep());
        let started = Self { keeper, url, command };
        started.wait_until_ready()?;
        eprintln!("PostgreSQL {} listens on port {port}", binaries.version());
        Ok(started)
    }

    /// The server's url with a role that may create databases and roles.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How it is started once more in its folder after it was killed, with the unit separator between the words.
    pub(crate) fn command(&self) -> &OsStr {
        &self.command
    }

    /// Whether it still runs.
    pub(crate) fn is_up(&mut self) -> bool {
        self.is_ready() && self.keeper.is_there()
    }

    fn wait_until_ready(&self) -> Result<(), String> {
        let started = Instant::now();
        while !self.is_ready() {
            let log = self.keeper.log();
            if started.elapsed() > PATIENCE || log.contains("FATAL") {
                return Err(format!("PostgreSQL does not start:\n{log}"));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// The server writes `ready` into its own file once it takes connections.
    fn is_ready(&self) -> bool {
        let file = fs::read_to_string(self.keeper.folder.join("data/postmaster.pid")).unwrap_or_default();
        file.lines().any(|line| line.trim() == "ready")
    }
}

fn initialise(binaries: &Binaries, folder: &Path, password: &str) -> Result<(), String> {
    let password_file = folder.join("password");
    fs::write(&password_file, password).map_err(said)?;
    user::give(folder)?;
    user::give(&password_file)?;
    let output = user::unprivileged(&binaries.path("initdb"))?
        .arg("-D")
        .arg(folder.join("data"))
        .arg("--pwfile")
        .arg(&password_file)
        // Only the fresh and empty cluster goes unsynced; the server itself keeps `fsync` on.
        .args(["--username=cleave", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"])
        .current_dir(folder)
        .output()
        .map_err(said)?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("initdb cannot create a cluster:\n{}", String::from_utf8_lossy(&output.stderr)))
}

fn password() -> Result<String, String> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes)).map_err(said)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

pub(crate) fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(said)?;
    Ok(listener.local_addr().map_err(said)?.port())
}

fn said(error: std::io::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cargo test` passes on a machine without PostgreSQL; there this says so and looks no further.
    fn server() -> Option<Server> {
        let Some(binaries) = Binaries::find() else {
            eprintln!("skipped: no PostgreSQL on this machine");
            return None;
        };
        Some(Server::start(&binaries).unwrap())
    }

    #[test]
    fn a_server_and_its_folder_are_gone_with_its_owner() {
        let Some(mut server) = server() else { return };
        assert!(server.is_up());
        let folder = server.keeper.folder.clone();
        let address = server.url.split(['@', '/']).nth(3).unwrap().to_owned();
        std::net::TcpStream::connect(&address).unwrap();
        drop(server);
        assert!(!folder.exists());
        std::net::TcpStream::connect(&address).unwrap_err();
    }

    #[test]
    fn a_panic_leaves_no_server_behind() {
        let Some(server) = server() else { return };
        let folder = server.keeper.folder.clone();
        let panicked = thread::spawn(move || {
            let _held = server;
            panic!("on purpose");
        });
        panicked.join().unwrap_err();
        assert!(!folder.exists());
    }
}
