//! What the shop stands on, broken as well: the backends and the postmaster of PostgreSQL, and the broker.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::process::Command;

use super::Placement;
use crate::Failure;
use crate::outage::Broker;
use crate::server::{Settings, Store, split};

/// How a PostgreSQL server is started again: its program and arguments, with the unit separator between them.
const POSTGRES_COMMAND: &str = "CLEAVE_LAB_POSTGRES_COMMAND";
/// How long it may take to recover.
const PATIENCE: Duration = Duration::from_mins(2);

/// The server and the broker.
pub(super) struct Services {
    postgres: Option<String>,
    command: Vec<String>,
    broker: Option<Broker>,
}

impl Services {
    pub(super) async fn start(store: &Store, placement: Placement) -> Result<Self, Failure> {
        let command = std::env::var(POSTGRES_COMMAND).unwrap_or_default();
        Ok(Self {
            postgres: match store {
                Store::Sqlite => None,
                Store::Postgres(url) => Some(url.clone()),
            },
            command: command.split('\u{1f}').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
            broker: match placement {
                Placement::One => None,
                Placement::Split => Some(Broker::start().await?),
            },
        })
    }

    /// What the shop is told of them.
    pub(super) fn settings(&self) -> Settings {
        let Some(broker) = &self.broker else { return Vec::new() };
        vec![
            ("CLEAVE__EVENTS__TRANSPORT", "nats".to_owned()),
            ("CLEAVE__NATS__URL", broker.url()),
            ("CLEAVE__NATS__ACCEPT_OLD", "true".to_owned()),
        ]
    }

    /// Kills one of them: at this turn, if it is one's turn. Returns what was killed.
    pub(super) async fn kill_in_turn(&mut self, turn: u64) -> Result<Option<&'static str>, Failure> {
        if turn % 37 == 36 && !self.command.is_empty() && self.postgres.is_some() {
            self.kill_postmaster().await?;
            return Ok(Some("postmaster"));
        }
        if turn % 11 == 7 && self.postgres.is_some() {
            return Ok(self.kill_backend().await?.then_some("backend"));
        }
        if turn % 13 == 5
            && let Some(broker) = &mut self.broker
        {
            broker.stop().await?;
            tokio::time::sleep(Duration::from_millis(400)).await;
            broker.go_on().await?;
            return Ok(Some("broker"));
        }
        Ok(None)
    }

    /// Kills a backend of the shop. The server then throws out everybody and recovers from its log.
    async fn kill_backend(&self) -> Result<bool, Failure> {
        let Some((server, name)) = self.postgres.as_deref().and_then(|url| split(url).ok()) else {
            return Ok(false);
        };
        let mut admin = connect(server).await?;
        let found: Option<(i32,)> = sqlx::query_as(AssertSqlSafe(format!(
            "SELECT pid FROM pg_stat_activity WHERE datname LIKE '{name}\\_%' ORDER BY random() LIMIT 1"
        )))
        .fetch_optional(&mut admin)
        .await?;
        drop(admin);
        let Some(pid) = found.and_then(|(pid,)| Pid::from_raw(pid)) else { return Ok(false) };
        kill_process(pid, Signal::KILL)?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(connect(server).await?);
        Ok(true)
    }

    /// Kills the server itself and starts it again in its folder.
    async fn kill_postmaster(&self) -> Result<(), Failure> {
        let Some((server, _)) = self.postgres.as_deref().and_then(|url| split(url).ok()) else {
            return Ok(());
        };
        let after = |flag: &str| self.command.iter().skip_while(|word| *word != flag).nth(1);
        let folder = PathBuf::from(after("-D").ok_or("the server's command names no folder")?);
        let noted = std::fs::read_to_string(folder.join("postmaster.pid"))?;
        let pid = noted.lines().next().and_then(|line| line.trim().parse().ok()).and_then(Pid::from_raw);
        let pid = pid.ok_or("the server has written down no number")?;
        kill_process(pid, Signal::KILL)?;
        let give_up = Instant::now() + PATIENCE;
        while test_kill_process(pid).is_ok() && Instant::now() < give_up {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (program, arguments) = self.command.split_first().ok_or("the server has no command")?;
        // Its children hold its memory until they have noticed; until then it does not start.
        loop {
            let mut again = Command::new(program);
            again.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut started = again.spawn()?;
            if tokio::time::timeout(Duration::from_millis(500), started.wait()).await.is_err() {
                break;
            }
            if Instant::now() > give_up {
                return Err("PostgreSQL does not start again".into());
            }
        }
        drop(connect(server).await?);
        Ok(())
    }
}

/// A connection, once the server takes any.
async fn connect(server: &str) -> Result<PgConnection, Failure> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        match PgConnection::connect(&format!("{server}/postgres")).await {
            Ok(connection) => return Ok(connection),
            Err(error) if Instant::now() > give_up => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
