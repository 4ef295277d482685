//! A NATS server for a test that stops it, empties it, or starts it again.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// A server of this test's own, with JetStream, in a temporary folder. Gone when dropped.
pub struct TestBroker {
    program: PathBuf,
    port: u16,
    folder: TempDir,
    running: Option<Child>,
}

impl TestBroker {
    /// Starts one. `None`, and a line that says so, when the machine has no `nats-server`; where the environment
    /// promises one (`CLEAVE_TEST_NATS`) that is a failure.
    pub fn start() -> Option<Self> {
        let Some(program) = program() else {
            assert!(
                super::variable("CLEAVE_TEST_NATS").is_none(),
                "there is no `nats-server` on this machine"
            );
            eprintln!("skipped: install `nats-server`, or run this through `cargo xtask test`");
            return None;
        };
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut broker = Self { program, port, folder: tempfile::tempdir().unwrap(), running: None };
        broker.go_on();
        Some(broker)
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Stops it as a machine does that loses its power.
    pub fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill().unwrap();
            running.wait().unwrap();
        }
    }

    /// Forgets everything it has kept. It has to be stopped.
    pub fn wipe(&mut self) {
        assert!(self.running.is_none());
        std::fs::remove_dir_all(self.folder.path().join("jetstream")).unwrap();
    }

    /// Starts it again.
    pub fn go_on(&mut self) {
        let mut command = Command::new(&self.program);
        command.args(["--addr", "127.0.0.1", "--port", &self.port.to_string(), "--jetstream"]);
        command.arg("--store_dir").arg(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.running = Some(command.spawn().unwrap());
        let give_up = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < give_up, "the NATS server does not start");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Deletes the streams of a test's shop on a server that others use, too.
pub async fn forget_streams(url: &str, prefix: &str, modules: &[&str]) {
    let jetstream = async_nats::jetstream::new(async_nats::connect(url).await.unwrap());
    for module in modules {
        // One that was never made cannot be deleted, and that is as well.
        drop(jetstream.delete_stream(format!("{}-{module}", prefix.replace('.', "-"))).await);
    }
}

/// Debian puts it where only root looks.
fn program() -> Option<PathBuf> {
    let path = super::variable("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.into_iter().map(|folder| folder.join("nats-server")).find(|program| program.is_file())
}
