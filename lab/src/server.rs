//! Starts the real binary on a free port in a folder of its own, and stops it.

mod place;
mod process;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::Failure;
use crate::api::Api;
use place::{Place, places};
use process::Process;

/// The password of the owner every started shop has.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// The owner's e-mail address.
pub(crate) const OWNER: &str = "owner@lab.example";

/// All modules.
pub(crate) const MODULES: [&str; 4] = ["user", "product", "order", "payment"];
/// All modules in one process.
pub const EVERYTHING: &str = "user+product+order+payment";
const NO_PROCESS: &str = "there is no such process";

/// Where the shop keeps its tables.
#[derive(Debug, Clone)]
pub enum Store {
    /// In SQLite files in its folder.
    Sqlite,
    /// On this PostgreSQL server; the url may create databases, and its path names this shop's.
    Postgres(String),
}

impl Store {
    /// The store of this name, `sqlite` or `postgres`, for a shop that is called like this.
    ///
    /// # Errors
    /// There is none, or no PostgreSQL server was given to us.
    pub fn named(name: &str, shop: &str) -> Result<Self, Failure> {
        match name {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" => Ok(Self::Postgres(postgres(shop)?)),
            other => Err(format!("there is no store `{other}`; choose sqlite or postgres").into()),
        }
    }
}

/// A running shop.
pub struct Server {
    folder: TempDir,
    binary: PathBuf,
    store: Store,
    environment: Settings,
    /// The process that is talked to comes first.
    processes: Vec<Process>,
    /// Where it is reached.
    pub address: String,
    /// How long it took from the start of the first process until it said that it is open.
    pub opened_in: Duration,
}

/// Settings of all processes, by the names of the environment.
pub type Settings = Vec<(&'static str, String)>;

impl Server {
    /// Starts a shop with an owner in a new folder.
    ///
    /// # Errors
    /// It does not open.
    pub async fn start(binary: &Path, store: Store) -> Result<Self, Failure> {
        Self::start_apart(binary, store, &[EVERYTHING]).await
    }

    /// The same in several processes that run these modules, with `+` between the modules of one. The first is talked
    /// to, and runs none if its text is empty. Those that run the same modules are replicas, which takes PostgreSQL.
    ///
    /// # Errors
    /// One does not open.
    pub async fn start_apart(binary: &Path, store: Store, groups: &[&str]) -> Result<Self, Failure> {
        Self::start_set(binary, store, groups, Vec::new()).await
    }

    /// The same, set like this.
    ///
    /// # Errors
    /// One does not open.
    pub async fn start_set(
        binary: &Path,
        store: Store,
        groups: &[&str],
        settings: Settings,
    ) -> Result<Self, Failure> {
        Self::start_disturbed(binary, store, groups, settings, &[]).await
    }

    /// The same, after each process was started once with each of these settings besides, whatever came of that.
    ///
    /// # Errors
    /// One does not open when it is left alone.
    pub async fn start_disturbed(
        binary: &Path,
        store: Store,
        groups: &[&str],
        settings: Settings,
        disturbed: &[Settings],
    ) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let places = places(folder.path(), groups)?;
        let binary = binary.to_owned();
        let mut server = Self {
            folder,
            binary,
            store,
            environment: settings,
            processes: Vec::new(),
            address: String::new(),
            opened_in: Duration::ZERO,
        };
        for place in places {
            for besides in disturbed {
                if let Ok((mut process, _)) = server.open(place.clone(), besides).await {
                    process.kill().await?;
                }
            }
            let (process, opened_in) = server.open(place, &Vec::new()).await?;
            if server.processes.is_empty() {
                (server.address, server.opened_in) = (process.address.clone(), opened_in);
            }
            server.processes.push(process);
        }
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
        let place = &self.process(at)?.place;
        Ok((&place.settings, place.internal))
    }

    /// The binary with the settings and the folder of a process, for a command of its own.
    ///
    /// # Errors
    /// There is no such process.
    pub fn command(&self, at: usize) -> Result<Command, Failure> {
        Ok(self.command_of(&self.process(at)?.place))
    }

    /// The first process's API, signed in as the owner.
    ///
    /// # Errors
    /// It lets the owner not in.
    pub async fn staff(&self) -> Result<Api, Failure> {
        let api = Api::new(self.address.clone())?;
        let token = api.sign_in(OWNER, PASSWORD).await?;
        Ok(api.with_token(&token))
    }

    /// Where a process is reached, like [`Server::address`].
    ///
    /// # Errors
    /// There is no such process.
    pub fn address_of(&self, at: usize) -> Result<&str, Failure> {
        Ok(&self.process(at)?.address)
    }

    /// The url of a process's internal listener.
    ///
    /// # Errors
    /// There is no such process.
    pub fn internal(&self, at: usize) -> Result<String, Failure> {
        Ok(format!("http://{}", self.process(at)?.place.internal))
    }

    /// Kills a process with SIGKILL, unless it is dead.
    ///
    /// # Errors
    /// There is no such process.
    pub async fn kill(&mut self, at: usize) -> Result<(), Failure> {
        self.processes.get_mut(at).ok_or(NO_PROCESS)?.kill().await
    }

    /// Kills a process with SIGKILL, unless it is dead, and starts it again in the same folder.
    ///
    /// # Errors
    /// It does not open.
    pub async fn kill_and_restart(&mut self, at: usize) -> Result<(), Failure> {
        self.kill_and_restart_set(at, &Vec::new()).await
    }

    /// The same, with these settings besides.
    ///
    /// # Errors
    /// It does not open.
    pub async fn kill_and_restart_set(&mut self, at: usize, besides: &Settings) -> Result<(), Failure> {
        self.kill(at).await?;
        let (process, opened_in) = self.open(self.process(at)?.place.clone(), besides).await?;
        self.opened_in = opened_in;
        if at == 0 {
            self.address.clone_from(&process.address);
        }
        *self.processes.get_mut(at).ok_or(NO_PROCESS)? = process;
        Ok(())
    }

    /// Kills a process if it lives, starts it, and kills it again after this time, or as soon as it is open. `false`: it
    /// was not.
    ///
    /// # Errors
    /// There is no such process, or it cannot be started.
    pub async fn kill_while_it_opens(
        &mut self,
        at: usize,
        besides: &Settings,
        after: Duration,
    ) -> Result<bool, Failure> {
        self.kill(at).await?;
        process::kill_while_it_opens(self.serve(&self.process(at)?.place, besides), after).await
    }

    /// Waits until a process has died. `false`: it has not within this time.
    ///
    /// # Errors
    /// There is no such process.
    pub async fn has_died(&mut self, at: usize, within: Duration) -> Result<bool, Failure> {
        self.processes.get_mut(at).ok_or(NO_PROCESS)?.has_died(within).await
    }

    /// Sends a process a signal, unless it is dead.
    ///
    /// # Errors
    /// There is no such process, or it may not be signalled.
    pub fn signal(&self, at: usize, signal: Signal) -> Result<(), Failure> {
        self.process(at)?.signal(signal)
    }

    /// The folder it keeps its files in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sends the calls of a process another way: `cleave topology apply` with these arguments.
    ///
    /// # Errors
    /// It refuses; the error is what it said.
    pub async fn apply(&self, at: usize, arguments: &[&str]) -> Result<(), Failure> {
        let internal = self.process(at)?.place.internal.to_string();
        let mut command = self.command(at)?;
        command.args(["topology", "apply", "--internal", &internal]).args(arguments);
        let output = command.stdin(Stdio::null()).output().await?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
    }

    /// What does not agree in the tables of all its modules, as `cleave doctor --deep` has it, after waiting so long for
    /// what is under way.
    ///
    /// # Errors
    /// The doctor cannot read them.
    pub async fn differences(&self, patience: Duration) -> Result<Vec<String>, Failure> {
        // Settings without any: whoever has them looks at all modules.
        let everything = self.folder.path().join("everything.toml");
        std::fs::write(&everything, "")?;
        let mut command = self.command_with(&everything);
        let patience = patience.as_secs().to_string();
        command.args(["doctor", "--deep", "--json", "--patience", &patience]).stdin(Stdio::null());
        let output = command.output().await?;
        let said: Vec<Value> = output
            .stdout
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect();
        let told = |line: &Value| Some(format!("{}: {}", line["modules"], line["difference"].as_str()?));
        let differences: Vec<String> = said.iter().filter_map(told).collect();
        let agrees = said.iter().any(|line| line["books"] == "agree");
        if differences.is_empty() && !agrees {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        Ok(differences)
    }

    /// Stops it, and takes away what it has on a PostgreSQL server.
    ///
    /// # Errors
    /// It cannot be stopped.
    pub async fn stop(mut self) -> Result<(), Failure> {
        for at in 0..self.processes.len() {
            self.kill(at).await?;
        }
        let Store::Postgres(url) = &self.store else { return Ok(()) };
        let (server, name) = split(url)?;
        let mut admin = PgConnection::connect(&format!("{server}/postgres")).await?;
        for module in MODULES {
            let drop = format!("DROP DATABASE IF EXISTS {name}_{module} WITH (FORCE)");
            admin.execute(AssertSqlSafe(drop)).await?;
            admin.execute(AssertSqlSafe(format!("DROP ROLE IF EXISTS {name}_{module}"))).await?;
        }
        Ok(())
    }

    fn process(&self, at: usize) -> Result<&Process, Failure> {
        Ok(self.processes.get(at).ok_or(NO_PROCESS)?)
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

    fn command_of(&self, place: &Place) -> Command {
        self.command_with(&place.settings)
    }

    fn command_with(&self, settings: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        command.kill_on_drop(true).arg("--data").arg(self.folder.path()).arg("--config").arg(settings);
        command.env("CLEAVE__LOG__FILTER", "warn");
        if let Store::Postgres(url) = &self.store {
            command.env("CLEAVE__DATABASE__URL", url);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts a process, and returns it with how long that took.
    async fn open(&self, place: Place, besides: &Settings) -> Result<(Process, Duration), Failure> {
        let began = Instant::now();
        let process = Process::open(self.serve(&place, besides), place).await?;
        Ok((process, began.elapsed()))
    }

    /// What starts a process at this place.
    fn serve(&self, place: &Place, besides: &Settings) -> Command {
        let mut command = self.command_of(place);
        command.args(["serve", "--json", "--listen"]).arg(place.listen.to_string());
        command.arg("--internal").arg(place.internal.to_string());
        command.envs(besides.iter().map(|(name, value)| (name, value)));
        command
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
    postgres_on(&url, shop)
}

/// The url of a new shop on the PostgreSQL server of this url.
///
/// # Errors
/// It names no database.
pub fn postgres_on(url: &str, shop: &str) -> Result<String, Failure> {
    Ok(format!("{}/{shop}_{:08x}", split(url)?.0, rand::random::<u32>()))
}

/// A server's url and the name after it.
pub(crate) fn split(url: &str) -> Result<(&str, &str), Failure> {
    Ok(url.rsplit_once('/').ok_or("the url of the PostgreSQL server names no database")?)
}
