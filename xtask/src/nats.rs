//! A NATS server of our own, with JetStream: on a free port, in a temporary folder, gone when we are.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::apt;
use crate::keeper::Keeper;
use crate::postgres::free_port;

const PATIENCE: Duration = Duration::from_secs(20);

/// A running server. Dropping it stops it and removes its folder.
pub(crate) struct Server {
    keeper: Keeper,
    port: u16,
    url: String,
}

/// The server's program, or a freshly installed one where that is ours to do.
pub(crate) fn find_or_install() -> Result<PathBuf, String> {
    if let Some(found) = find() {
        return Ok(found);
    }
    let otherwise = "there is no `nats-server` on this machine. Install the package `nats-server` (Debian, Ubuntu, \
                     Homebrew), or start the one in `compose.yaml` and test against it by hand with the variable named \
                     there";
    apt::install("nats-server", otherwise)?;
    find().ok_or_else(|| "the package `nats-server` brought no server".to_owned())
}

/// Debian puts it where only root looks.
fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.into_iter().map(|folder| folder.join("nats-server")).find(|program| program.is_file())
}

impl Server {
    /// Starts it.
    pub(crate) fn start(program: &Path) -> Result<Self, String> {
        let said = |error: std::io::Error| error.to_string();
        let folder = tempfile::Builder::new().prefix("cleave-nats-").tempdir().map_err(said)?;
        let port = free_port()?;
        let mut server = Command::new(program);
        server.args(["--addr", "127.0.0.1", "--port", &port.to_string(), "--jetstream", "--store_dir"]);
        let keeper = Keeper::start(folder.path(), server.arg(folder.path())).map_err(said)?;
        // From here on the keeper removes the folder.
        drop(folder.keep());
        let url = format!("nats://127.0.0.1:{port}");
        let mut started = Self { keeper, port, url };
        let give_up = Instant::now() + PATIENCE;
        while !started.is_up() {
            if Instant::now() > give_up {
                return Err(format!("the NATS server does not start:\n{}", started.keeper.log()));
            }
            thread::sleep(Duration::from_millis(20));
        }
        eprintln!("NATS listens on port {port}");
        Ok(started)
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether it takes connections.
    pub(crate) fn is_up(&mut self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok() && self.keeper.is_there()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_and_its_folder_are_gone_with_its_owner() {
        let Some(program) = find() else {
            eprintln!("skipped: no NATS server on this machine");
            return;
        };
        let mut server = Server::start(&program).unwrap();
        assert!(server.is_up());
        let (folder, port) = (server.keeper.folder.clone(), server.port);
        drop(server);
        assert!(!folder.exists());
        TcpStream::connect(("127.0.0.1", port)).unwrap_err();
    }
}
