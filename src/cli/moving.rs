//! `cleave move`: bring a module's tables to another database, while customers buy.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;
use kernel::{Call, Clock};
use platform::db::{Destination, PostgresOptions, Progress, Store, relocate};
use platform::tls::OPERATOR;
use platform::{Db, Tasks};
use serde_json::{json, to_value};
use sqlx::ConnectOptions as _;

use super::Failure;
use super::output::Output;
use super::topology::operator;
use crate::config::{Config, Flags};
use crate::databases::{self, describe};
use crate::declared::{Declared, MODULES};
use crate::topology::{Connection, MoveTables, Moved, Moving, ShowMove, Topologies as _};

/// How long a process may take to answer that it has begun, or how far it is.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cleave move payment --config now/shop.toml --to new/shop.toml --rehearse\n  \
                  cleave move payment --config now/shop.toml --to new/shop.toml\n  \
                  cleave move payment --config now/shop.toml --to new/shop.toml --closed\n\n\
                  The process that runs the module copies its tables, brings after what changes meanwhile, and compares \
                  both sides. Writing then pauses for less than two seconds; whoever wants to write waits. From there \
                  on it works with the new database and the old one refuses changes. Start the process with its new \
                  settings when it suits you: with the old ones it will not open."
)]
pub(super) struct Move {
    /// The module
    module: String,
    /// Settings in which the module's database is the new one, on PostgreSQL
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Do all but the last step: nothing changes, and you know how long it takes
    #[arg(long)]
    rehearse: bool,
    /// No process runs the module now: this one brings its tables over
    #[arg(long)]
    closed: bool,
    /// The internal listener of the process that runs the module [default: 127.0.0.1:9080]
    #[arg(long, value_name = "ADDR")]
    pub(super) internal: Option<SocketAddr>,
}

impl Move {
    pub(super) async fn run(self, config: &Config, output: &Output) -> Result<(), Failure> {
        let declared = MODULES
            .iter()
            .find(|declared| declared.name == self.module)
            .ok_or_else(|| format!("there is no module `{}`", self.module))?;
        let new = Config::load(&Flags { config: Some(self.to.clone()), ..Flags::default() })?;
        let place = new.place(declared.name);
        let Store::Postgres(to) = databases::store(&place, &new).await? else {
            return Err(format!(
                "{} keeps the tables of the {module} module in a file; write the new database's url there, under \
                 `[database.{module}]`",
                self.to.display(),
                module = declared.name
            )
            .into());
        };
        let bar = if output.is_json() || !std::io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            ProgressBar::new_spinner()
        };
        bar.enable_steady_tick(LOOK_AGAIN);
        let name = describe(&place);
        let moved = if self.closed {
            self.here(config, declared, *to, &name, &bar).await?
        } else {
            self.in_the_open(config, declared, &to, &name, &bar).await?
        };
        bar.finish_and_clear();
        self.report(&moved, &name, output)
    }

    /// Asks the process that runs the module, and waits for it.
    async fn in_the_open(
        &self,
        config: &Config,
        declared: &Declared,
        to: &PostgresOptions,
        name: &str,
        bar: &ProgressBar,
    ) -> Result<Moved, Failure> {
        let client = operator(config)?;
        let call = || Call::by_module(OPERATOR, PATIENCE);
        let asked = MoveTables {
            module: declared.name.to_owned(),
            database: Connection::new(to.connect.to_url_lossy()),
            name: name.to_owned(),
            rehearse: self.rehearse,
        };
        let mut moving: Moving = client.relocate(&call(), asked).await.map_err(|error| -> Failure {
            format!(
                "the process at {} does not begin: {error}. If no process runs the module, say --closed",
                config.internal
            )
            .into()
        })?;
        loop {
            if let Some(moved) = moving.moved {
                return Ok(moved);
            }
            if let Some(why) = moving.failed {
                return Err(why.into());
            }
            bar.set_message(format!("{}, {} rows", moving.doing, moving.rows));
            tokio::time::sleep(LOOK_AGAIN).await;
            let asked = ShowMove { module: declared.name.to_owned() };
            moving = client.relocation(&call(), asked).await?;
        }
    }

    /// Brings the tables over itself.
    async fn here(
        &self,
        config: &Config,
        declared: &Declared,
        to: PostgresOptions,
        name: &str,
        bar: &ProgressBar,
    ) -> Result<Moved, Failure> {
        let (tasks, place) = (Tasks::new(), config.place(declared.name));
        let store = databases::store(&place, config).await?;
        let db = Db::open_unchecked(declared.name, &store, Clock::system(), &tasks).await?;
        db.migrate(declared.migrations).await?;
        let (progress, mut step) = Progress::new();
        let destination =
            Destination { to, name: name.to_owned(), from: describe(&place), rehearse: self.rehearse };
        let shown = async {
            while step.changed().await.is_ok() {
                let step = step.borrow();
                bar.set_message(format!("{}, {} rows", step.doing, step.rows));
            }
            std::future::pending::<()>().await;
        };
        let relocated = tokio::select! {
            relocated = relocate(&db, declared.migrations, &destination, &progress, &tasks) => relocated?,
            () = shown => return Err("nothing was moved".into()),
        };
        db.close().await;
        tasks.stop(PATIENCE).await;
        Ok(relocated.into())
    }

    fn report(&self, moved: &Moved, name: &str, output: &Output) -> Result<(), Failure> {
        let rows: u64 = moved.tables.iter().map(|table| table.rows).sum();
        for table in &moved.tables {
            let line = format!("{:20} {:>10} rows  {}", table.table, table.rows, table.checksum);
            output.say(line, &to_value(table)?);
        }
        let then = if self.rehearse {
            format!(
                "Rehearsed: writing would have paused for {} ms. Nothing has changed; what is in {name} is overwritten \
                 by the next move.",
                moved.paused_ms
            )
        } else {
            format!(
                "Moved to {name}: writing paused for {} ms. Put {} in place of the settings before the next start; with \
                 the old ones the {} module no longer opens.",
                moved.paused_ms,
                self.to.display(),
                self.module
            )
        };
        output.say(
            format!("{rows} rows alike on both sides, {} changes brought after. {then}", moved.followed),
            &json!({
                "module": self.module, "to": name, "rehearsed": self.rehearse, "rows": rows,
                "followed": moved.followed, "pausedMs": moved.paused_ms,
            }),
        );
        Ok(())
    }
}
