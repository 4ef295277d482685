//! Starts the real binary on a free port in a folder of its own, and stops it.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
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

const EVERYTHING: &str = "user+product+order+payment";

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
    folder: TempDir,
    binary: PathBuf,
    store: Store,
    /// The process that is talked to comes first.
    processes: Vec<Process>,
    /// Where it is reached.
    pub address: String,
    /// How long it took from the start of the first process until it said that it is open.
    pub opened_in: Duration,
}

/// One process of it.
struct Process {
    child: Child,
    place: Place,
}

/// Where a process is reached, and its settings.
#[derive(Debug, Clone)]
struct Place {
    listen: SocketAddr,
    internal: SocketAddr,
    settings: PathBuf,
}

impl Server {
    /// Starts a shop with an owner in a new folder.
    ///
    /// # Errors
    /// It does not open.
    pub async fn start(binary: &Path, store: Store) -> Result<Self, Failure> {
        Self::start_apart(binary, store, &[EVERYTHING]).await
    }

    /// The same in several processes that run these modules, with `+` between the modules of one. The first is talked
    /// to, and runs none if its text is empty.
    ///
    /// # Errors
    /// One does not open.
    pub async fn start_apart(binary: &Path, store: Store, groups: &[&str]) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let places = places(folder.path(), groups)?;
        let mut opened = Vec::new();
        for place in places {
            opened.push(open(binary, folder.path(), &store, place).await?);
        }
        let (address, opened_in) =
            opened.first().map(|(_, address, time)| (address.clone(), *time)).unwrap_or_default();
        let processes = opened.into_iter().map(|(process, ..)| process).collect();
        let server = Self { folder, binary: binary.to_owned(), store, processes, address, opened_in };
        let at = groups.iter().position(|group| group.split('+').any(|module| module == "user")).unwrap_or(0);
        server.create_owner(at).await?;
        Ok(server)
    }

    /// The ids of its processes.
    pub fn pids(&self) -> Vec<u32> {
        self.processes.iter().filter_map(|process| process.child.id()).collect()
    }

    /// The file with the settings of a process, and its internal listener.
    ///
    /// # Errors
    /// There is no such process.
    pub fn settings(&self, at: usize) -> Result<(&Path, SocketAddr), Failure> {
        let place = &self.processes.get(at).ok_or("there is no such process")?.place;
        Ok((&place.settings, place.internal))
    }

    /// The binary with the settings and the folder of a process, for a command of its own.
    ///
    /// # Errors
    /// There is no such process.
    pub fn command(&self, at: usize) -> Result<Command, Failure> {
        let process = self.processes.get(at).ok_or("there is no such process")?;
        Ok(command(&self.binary, self.folder.path(), &self.store, &process.place))
    }

    /// The owner's e-mail address and password.
    pub fn owner(&self) -> (&'static str, &'static str) {
        (OWNER, PASSWORD)
    }

    /// Kills a process with SIGKILL and starts it again in the same folder.
    ///
    /// # Errors
    /// It does not open.
    pub async fn kill_and_restart(&mut self, at: usize) -> Result<(), Failure> {
        let process = self.processes.get_mut(at).ok_or("there is no such process")?;
        process.child.kill().await?;
        let (again, address, opened_in) =
            open(&self.binary, self.folder.path(), &self.store, process.place.clone()).await?;
        *process = again;
        if at == 0 {
            (self.address, self.opened_in) = (address, opened_in);
        }
        Ok(())
    }

    /// Stops it.
    ///
    /// # Errors
    /// It cannot be stopped.
    pub async fn stop(self) -> Result<(), Failure> {
        for mut process in self.processes {
            process.child.kill().await?;
        }
        Ok(())
    }

    async fn create_owner(&self, at: usize) -> Result<(), Failure> {
        let mut create = self
            .command(at)?
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

/// Addresses and settings of the processes. Several have fixed ports, because each is told those of the others.
fn places(folder: &Path, groups: &[&str]) -> Result<Vec<Place>, Failure> {
    let apart = groups.len() > 1;
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let free = || -> Result<SocketAddr, Failure> {
        if !apart {
            return Ok(nowhere);
        }
        Ok(TcpListener::bind(nowhere)?.local_addr()?)
    };
    let secret = folder.join("secret");
    std::fs::write(&secret, format!("{:032x}", rand::random::<u128>()))?;
    let mut places = Vec::new();
    for at in 0..groups.len() {
        let settings = folder.join(format!("{at}.toml"));
        places.push(Place { listen: free()?, internal: free()?, settings });
    }
    for (place, here) in places.iter().zip(groups) {
        let mut text = String::new();
        if apart {
            let modules = |group: &str| -> Vec<String> {
                group.split('+').filter(|module| !module.is_empty()).map(str::to_owned).collect()
            };
            writeln!(text, "[modules]\nrun = {:?}", modules(here))?;
            for (other, group) in places.iter().zip(groups).filter(|(_, group)| *group != here) {
                for module in modules(group) {
                    writeln!(text, "[modules.{module}]\nurl = [\"http://{}\"]", other.internal)?;
                }
            }
            writeln!(
                text,
                "[contracts]\nsecret = \"file:{}\"\n[events]\ntransport = \"http\"",
                secret.display()
            )?;
        }
        std::fs::write(&place.settings, text)?;
    }
    Ok(places)
}

fn command(binary: &Path, folder: &Path, store: &Store, place: &Place) -> Command {
    let mut command = Command::new(binary);
    command.kill_on_drop(true).arg("--data").arg(folder).arg("--config").arg(&place.settings);
    command.env("CLEAVE__LOG__FILTER", "warn");
    if let Store::Postgres(url) = store {
        command.env("CLEAVE__DATABASE__URL", url);
    }
    command
}

async fn open(
    binary: &Path,
    folder: &Path,
    store: &Store,
    place: Place,
) -> Result<(Process, String, Duration), Failure> {
    let began = Instant::now();
    let mut child = command(binary, folder, store, &place)
        .args(["serve", "--json", "--listen"])
        .arg(place.listen.to_string())
        .arg("--internal")
        .arg(place.internal.to_string())
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
            return Ok((Process { child, place }, address, opened_in));
        }
    }
    Err("the shop ended before it opened; its log on standard error says why".into())
}
