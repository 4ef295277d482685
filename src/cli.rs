//! The command line: one file for each command.

mod certs;
mod contract;
mod doctor;
mod events;
#[cfg(feature = "faults")]
mod faults;
mod import;
mod migrate;
mod modules;
mod moving;
mod output;
mod plan;
mod process;
mod ready;
mod serve;
mod staff;
mod topology;

use std::error::Error;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use kernel::Clock;
use platform::Tasks;
use platform::telemetry::{self, Format};

use crate::compose::Modules;
use crate::config::{Config, ContractMode, EventTransport, Flags, LogFormat};
use crate::databases::Databases;

use output::Output;

/// What a command can fail with: a sentence for whoever typed it, and its causes.
type Failure = Box<dyn Error + Send + Sync>;

/// A headless shop in one binary, which can be taken apart by configuration.
#[derive(Debug, Parser)]
#[command(
    name = "cleave",
    version,
    after_help = "Examples:\n  cleave serve --demo                      a shop with a small catalogue, on 127.0.0.1:8080\n  \
                  cleave import products products.csv      take in an export in Shopify's format\n  \
                  cleave events tail --follow --json       every event as it happens, one JSON object a line\n  \
                  cleave doctor                            is everything as it should be?"
)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    flags: GlobalFlags,
    /// Answer in JSON, for programs
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Args)]
struct GlobalFlags {
    /// A TOML file with settings; `config/default.toml` in the source shows them all
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<std::path::PathBuf>,
    /// The folder the shop keeps its files in [default: ./data]
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<std::path::PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open the shop
    Serve(serve::Serve),
    /// Apply the migrations that are missing
    Migrate,
    /// Look whether everything is as it should be
    Doctor(doctor::Doctor),
    /// Ask an open shop whether it takes requests
    Ready(ready::Ready),
    /// Say the steps from one set of settings to another
    Plan(plan::Plan),
    /// Bring a module's tables to another database, while customers buy
    Move(moving::Move),
    /// Take in a file
    #[command(subcommand)]
    Import(import::Import),
    /// People who work for the shop
    #[command(subcommand)]
    Staff(staff::Staff),
    /// Make certificates for trying TLS between processes
    Certs(certs::Certs),
    /// What happened
    #[command(subcommand)]
    Events(events::Events),
    /// Checkouts on their way
    #[command(subcommand)]
    Process(process::Process),
    /// What another implementation of a module has to match
    Contract(contract::Contract),
    /// What the modules are to each other
    #[command(subcommand)]
    Modules(modules::Modules),
    /// Where the calls for each module go
    Topology(topology::Command),
    /// The places where this binary can be made to fail
    #[cfg(feature = "faults")]
    Faults(faults::Faults),
}

impl Cli {
    /// Runs the command. A failure is told on standard error, with its causes.
    pub async fn run(self) -> ExitCode {
        let output = Output::new(self.common.json);
        match Box::pin(self.dispatch(&output)).await {
            Ok(code) => code,
            Err(failure) => {
                output.failure(failure.as_ref());
                ExitCode::FAILURE
            }
        }
    }

    async fn dispatch(self, output: &Output) -> Result<ExitCode, Failure> {
        let (listen, internal) = match &self.command {
            Command::Serve(serve) => (serve.listen, serve.internal),
            Command::Topology(topology) => (None, topology.internal),
            Command::Move(moving) => (None, moving.internal),
            Command::Ready(ready) => (None, ready.internal),
            _ => (None, None),
        };
        #[cfg(feature = "faults")]
        faults::arm()?;
        let GlobalFlags { config, data } = self.common.flags;
        let config = match &self.command {
            // The others may name the very files that are made here.
            Command::Certs(_) => Config::untold()?,
            _ => Config::load(&Flags { config, data, listen, internal })?,
        };
        let format = match config.log.format {
            LogFormat::Pretty => Format::Pretty,
            LogFormat::Json => Format::Json,
        };
        telemetry::init(format, &config.log.filter)?;
        match self.command {
            Command::Serve(serve) => serve.run(config, output).await.map(|()| ExitCode::SUCCESS),
            Command::Migrate => migrate::run(&config, output).await.map(|()| ExitCode::SUCCESS),
            Command::Doctor(doctor) => doctor.run(&config, output).await,
            Command::Ready(ready) => ready.run(&config, output).await.map(|()| ExitCode::SUCCESS),
            Command::Certs(certs) => certs.run(output).map(|()| ExitCode::SUCCESS),
            Command::Plan(plan) => plan.run(output).map(|()| ExitCode::SUCCESS),
            Command::Move(moving) => moving.run(&config, output).await.map(|()| ExitCode::SUCCESS),
            Command::Import(import) => import.run(&config, output).await,
            Command::Staff(staff) => staff.run(&config, output).await.map(|()| ExitCode::SUCCESS),
            Command::Events(events) => events.run(&config, output).await.map(|()| ExitCode::SUCCESS),
            Command::Contract(contract) => contract.run(output),
            Command::Modules(modules) => modules.run(&config, output).map(|()| ExitCode::SUCCESS),
            Command::Topology(topology) => topology.run(&config, output).await.map(|()| ExitCode::SUCCESS),
            Command::Process(process) => process.run(&config, output).await.map(|()| ExitCode::SUCCESS),
            #[cfg(feature = "faults")]
            Command::Faults(faults) => {
                faults.run(output);
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// The modules on their databases, without listeners: for commands that do one thing and end. Another process may
/// have the shop open meanwhile.
struct Workshop {
    databases: Databases,
    modules: Modules,
    tasks: Tasks,
}

impl Workshop {
    async fn open(config: &Config) -> Result<Self, Failure> {
        let mut config = config.clone();
        config.contracts.mode = ContractMode::Local;
        // Nobody listens here.
        config.events.transport = EventTransport::Http;
        let (clock, tasks) = (Clock::system(), Tasks::new());
        let databases = Databases::open(&config, &clock, &tasks).await?;
        databases.migrate(&config).await?;
        let modules = Modules::compose(&config, &databases, &clock, &tasks, config.internal).await?;
        Ok(Self { databases, modules, tasks })
    }

    async fn close(self) {
        self.tasks.stop(std::time::Duration::from_secs(5)).await;
        self.databases.close().await;
    }
}
