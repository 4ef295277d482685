//! Starts the real binary on a free port in a folder of its own, and stops it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::Failure;

/// The password of the owner every started shop has.
const PASSWORD: &str = "correct horse battery staple";
/// The owner's e-mail address.
const OWNER: &str = "owner@lab.example";

/// Where the shop keeps its tables.
#[derive(Debug, Clone)]
pub enum Store {
    /// In SQLite files in its folder.
    Sqlite,
    /// On this PostgreSQL server; the url may create databases, and its path names this shop's.
    Postgres(String),
}

/// A running shop.
pub struct Server {
    child: Child,
    folder: TempDir,
    binary: PathBuf,
    store: Store,
    /// Where it is reached.
    pub address: String,
    /// How long it took from the start of the process until it said that it is open.
    pub opened_in: Duration,
}

impl Server {
    /// Starts a shop with an owner in a new folder.
    ///
    /// # Errors
    /// It does not open.
    pub async fn start(binary: &Path, store: Store) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let (child, address, opened_in) = open(binary, folder.path(), &store).await?;
        let server = Self { child, folder, binary: binary.to_owned(), store, address, opened_in };
        server.create_owner().await?;
        Ok(server)
    }

    /// Its process id.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// The owner's e-mail address and password.
    pub fn owner(&self) -> (&'static str, &'static str) {
        (OWNER, PASSWORD)
    }

    /// Kills it with SIGKILL and starts it again in the same folder.
    ///
    /// # Errors
    /// It does not open.
    pub async fn kill_and_restart(&mut self) -> Result<(), Failure> {
        self.child.kill().await?;
        let (child, address, opened_in) = open(&self.binary, self.folder.path(), &self.store).await?;
        (self.child, self.address, self.opened_in) = (child, address, opened_in);
        Ok(())
    }

    /// Stops it.
    ///
    /// # Errors
    /// It cannot be stopped.
    pub async fn stop(mut self) -> Result<(), Failure> {
        self.child.kill().await?;
        Ok(())
    }

    async fn create_owner(&self) -> Result<(), Failure> {
        let mut create = command(&self.binary, self.folder.path(), &self.store)
            .args([
                "staff",
                "create",
                "--email",
                OWNER,
                "--name",
                "Owner",
                "--role",
                "owner",
                "--password-stdin",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        if let Some(stdin) = &mut create.stdin {
            stdin.write_all(PASSWORD.as_bytes()).await?;
            stdin.write_all(b"\n").await?;
        }
        if create.wait().await?.success() { Ok(()) } else { Err("the owner could not be created".into()) }
    }
}

/// The shop's release binary, which stands beside ours.
///
/// # Errors
/// It was not built.
pub fn binary() -> Result<PathBuf, Failure> {
    let ours = std::env::current_exe()?;
    let shop = ours.with_file_name("cleave");
    if shop.exists() {
        return Ok(shop);
    }
    Err(format!("{} is missing; build it with `cargo build --release --package cleave`", shop.display())
        .into())
}

/// The url of a new shop on the PostgreSQL server that we were given.
///
/// # Errors
/// We were given none.
pub fn postgres(shop: &str) -> Result<String, Failure> {
    let url = std::env::var("CLEAVE_LAB_POSTGRES")
        .map_err(|_| "there is no PostgreSQL; run this through `cargo xtask`, which brings one along")?;
    let (server, _) = url.rsplit_once('/').ok_or("CLEAVE_LAB_POSTGRES is not a url with a database")?;
    Ok(format!("{server}/{shop}_{:08x}", rand::random::<u32>()))
}

fn command(binary: &Path, folder: &Path, store: &Store) -> Command {
    let mut command = Command::new(binary);
    command.kill_on_drop(true).arg("--data").arg(folder).env("CLEAVE__LOG__FILTER", "warn");
    if let Store::Postgres(url) = store {
        command.env("CLEAVE__DATABASE__URL", url);
    }
    command
}

async fn open(binary: &Path, folder: &Path, store: &Store) -> Result<(Child, String, Duration), Failure> {
    let began = Instant::now();
    let mut child = command(binary, folder, store)
        .args(["serve", "--listen", "127.0.0.1:0", "--internal", "127.0.0.1:0", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{} cannot be started: {error}", binary.display()))?;
    let stdout = child.stdout.take().ok_or("the shop has no standard output")?;
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await?? {
        let said: Value = serde_json::from_str(&line)?;
        if let ("open", Some(address)) =
            (said["event"].as_str().unwrap_or_default(), said["address"].as_str())
        {
            let address = address.to_owned();
            let opened_in = began.elapsed();
            // The pipe is read to its end, or the shop would one day wait for somebody to read.
            drop(tokio::task::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} }));
            return Ok((child, address, opened_in));
        }
    }
    Err("the shop ended before it opened; its log on standard error says why".into())
}
