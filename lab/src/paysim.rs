//! A payment provider to try a shop with: a process of its own with books of its own, that speaks the protocol of
//! `docs/payment-providers.md` and does so as badly as it is told to.
//!
//! How it takes a charge follows from the token, or from what was said at `/control/next` about the next calls. Its
//! books are a journal that is fsynced before anybody is answered, so it can be killed and knows afterwards what it
//! did: what it has charged does not depend on what the shop believes.

pub mod books;
mod hooks;
pub mod script;
mod serve;
mod wire;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::Failure;
use books::Books;
use hooks::Hooks;
use script::Script;
use serve::Desk;

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves a payment provider that does as it is told.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = Script::HELP)]
pub struct Paysim {
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:7100")]
    pub listen: SocketAddr,
    /// The file its books are kept in
    #[arg(long, default_value = "paysim.journal")]
    pub journal: PathBuf,
    /// Where its webhooks go
    #[arg(long, default_value = "http://127.0.0.1:8080/v1/webhooks/paysim")]
    pub webhooks: String,
    /// What the shop shows it with every call
    #[arg(long, default_value = Paysim::KEY)]
    pub key: String,
    /// What its webhooks are signed with
    #[arg(long, default_value = Paysim::SECRET)]
    pub secret: String,
}

/// One that runs beside us.
pub struct Running {
    options: Paysim,
    place: Place,
}

/// Where it runs.
enum Place {
    /// In a process of its own, which is this program with the verb `paysim`.
    Process(PathBuf, Box<Child>),
    /// In a task of this one.
    Here(JoinHandle<()>),
}

impl Paysim {
    /// The key of one that nobody has told another.
    pub const KEY: &str = "a-key-for-trying-things";
    /// The secret of one that nobody has told another.
    pub const SECRET: &str = "whsec_cGF5c2ltIHNpZ25zIGl0cyBob29rcyB3aXRoIHRoaXM=";

    /// Serves until it is killed. It says where on standard output.
    ///
    /// # Errors
    /// The address is taken, or the journal cannot be read.
    pub async fn run(self) -> Result<bool, Failure> {
        let (address, serving) = self.open().await?;
        writeln!(std::io::stdout(), "{address}")?;
        serving.await;
        Ok(true)
    }

    /// Opens it here. It serves as long as the future is driven.
    ///
    /// # Errors
    /// As [`Paysim::run`].
    pub async fn open(self) -> Result<(SocketAddr, impl Future<Output = ()> + Send + 'static), Failure> {
        let listener = TcpListener::bind(self.listen).await?;
        let books = Books::open(&self.journal)?;
        let hooks = Hooks::new(self.webhooks, &self.secret)?;
        let desk = Arc::new(Desk::new(books, hooks, self.key));
        Ok((listener.local_addr()?, serve::serve(listener, desk)))
    }
}

impl Running {
    /// Starts one as a process of its own: this program with the verb `paysim`.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(program: &Path, mut options: Paysim) -> Result<Self, Failure> {
        let (child, address) = spawn(program, &options).await?;
        options.listen = address;
        Ok(Self { options, place: Place::Process(program.to_owned(), Box::new(child)) })
    }

    /// Starts one here, for a test that has no program to start. To the shop it is another process all the same.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_here(mut options: Paysim) -> Result<Self, Failure> {
        let (address, serving) = options.clone().open().await?;
        options.listen = address;
        Ok(Self { options, place: Place::Here(tokio::task::spawn(serving)) })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.options.listen
    }

    /// Kills it with SIGKILL and starts it again on its journal. One that runs here stays as it is.
    ///
    /// # Errors
    /// It does not start again.
    pub async fn kill_and_restart(&mut self) -> Result<(), Failure> {
        if let Place::Process(program, child) = &mut self.place {
            child.kill().await?;
            **child = spawn(program, &self.options).await?.0;
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Place::Here(serving) = &self.place {
            serving.abort();
        }
    }
}

async fn spawn(program: &Path, options: &Paysim) -> Result<(Child, SocketAddr), Failure> {
    let mut command = Command::new(program);
    command.arg("paysim").arg("--listen").arg(options.listen.to_string());
    command.arg("--journal").arg(&options.journal).arg("--webhooks").arg(&options.webhooks);
    command.arg("--key").arg(&options.key).arg("--secret").arg(&options.secret);
    command.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child =
        command.spawn().map_err(|error| format!("{} does not start: {error}", program.display()))?;
    let stdout = child.stdout.take().ok_or("the provider has no standard output")?;
    let mut lines = BufReader::new(stdout).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await??;
    let address = line.ok_or("the provider ended before it listened")?.parse()?;
    Ok((child, address))
}
