//! `cleave doctor`: look at everything, mend nothing.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use kernel::Clock;
use platform::{Db, Tasks, events};
use serde_json::json;

use super::Failure;
use super::output::Output;
use crate::books::Books;
use crate::compose::look_at_broker;
use crate::config::{Config, EventTransport, NatsUrl};
use crate::databases::{Databases, describe};
use crate::declared::Declared;
use crate::topology::Set;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cleave doctor                            this shop's databases\n  \
                  cleave doctor shop.toml payment.toml     whether the settings of all processes fit together\n  \
                  cleave doctor --deep shop.toml payment.toml    and whether stock, orders, money and events agree")]
pub(super) struct Doctor {
    /// The settings of all processes of a shop, one file each
    files: Vec<PathBuf>,
    /// Read the books, too: whether stock, orders, money and events agree. Reads every order once or more
    #[arg(long)]
    deep: bool,
    /// How long what does not agree may take to come to its end by itself, in seconds
    #[arg(long, default_value_t = 10, value_name = "SECONDS", requires = "deep")]
    patience: u64,
}

impl Doctor {
    pub(super) async fn run(self, config: &Config, output: &Output) -> Result<ExitCode, Failure> {
        let patience = self.deep.then(|| Duration::from_secs(self.patience));
        let healthy = if self.files.is_empty() {
            one(config, patience, output).await?
        } else {
            set(&self.files, patience, output).await?
        };
        Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Looks at the settings of all processes together.
async fn set(files: &[PathBuf], deep: Option<Duration>, output: &Output) -> Result<bool, Failure> {
    let set = Set::load(files)?;
    let mut faults = set.faults();
    faults.extend(set.probe().await);
    for fault in &faults {
        output.say(fault, &json!({ "healthy": false, "fault": fault }));
    }
    if faults.is_empty() {
        let text = format!("{} processes fit together.", files.len());
        output.say(text, &json!({ "healthy": true, "processes": files.len() }));
    }
    let Some(patience) = deep.filter(|_| faults.is_empty()) else { return Ok(faults.is_empty()) };
    let databases = set.databases().await?;
    let healthy = read(databases.iter().map(|(db, module)| (db, *module)), patience, output).await?;
    for (db, _) in &databases {
        db.close().await;
    }
    Ok(healthy)
}

/// Looks at the databases of one.
async fn one(config: &Config, deep: Option<Duration>, output: &Output) -> Result<bool, Failure> {
    let databases = Databases::open(config, &Clock::system(), &Tasks::new()).await?;
    let mut healthy = true;
    for (db, declared) in databases.declared() {
        let (module, migrations) = (declared.name, declared.migrations);
        let began = Instant::now();
        db.ping().await?;
        let answered = began.elapsed();
        let pending = db.pending_migrations(migrations).await?;
        let parked = if pending == 0 { events::parked(db).await?.len() } else { 0 };
        let advice = match (pending, parked) {
            (0, 0) => "well".to_owned(),
            (0, parked) => format!(
                "{parked} events are parked; `cleave events parked` says why, `cleave events replay` tries again"
            ),
            (pending, _) => format!("{pending} migrations are missing; run `cleave migrate`"),
        };
        healthy &= pending == 0 && parked == 0;
        let place = describe(&config.place(module));
        output.say(
            format!("{module:8} {advice} (answers in {} µs, {place})", answered.as_micros()),
            &json!({
                "module": module, "database": place, "answersInMicros": answered.as_micros() as u64,
                "pendingMigrations": pending, "parkedEvents": parked, "healthy": pending == 0 && parked == 0,
            }),
        );
    }
    if config.events.transport == EventTransport::Nats {
        healthy &= broker(config, output).await;
    }
    if let Some(patience) = deep {
        healthy &= read(databases.declared(), patience, output).await?;
    }
    databases.close().await;
    Ok(healthy)
}

/// Reads the books of these modules.
async fn read<'d>(
    databases: impl Iterator<Item = (&'d Db, &'static Declared)>,
    patience: Duration,
    output: &Output,
) -> Result<bool, Failure> {
    let differences = Books::of(databases).differences(patience).await?;
    for difference in &differences {
        output.say(
            format!("books    {}: {}", difference.modules.join(" and "), difference.says),
            &json!({ "healthy": false, "modules": difference.modules, "difference": difference.says }),
        );
    }
    if differences.is_empty() {
        output.say("books    agree", &json!({ "books": "agree", "healthy": true }));
    }
    Ok(differences.is_empty())
}

/// Says whether the broker is there and fit for use.
async fn broker(config: &Config, output: &Output) -> bool {
    let looked = look_at_broker(config).await;
    let place = config.nats.urls.iter().map(NatsUrl::to_string).collect::<Vec<_>>().join(", ");
    let (version, advice) = match &looked {
        Ok(version) => (Some(version), format!("well (version {version}, {place})")),
        Err(unfit) => (None, unfit.to_string()),
    };
    output.say(
        format!("{:8} {advice}", "nats"),
        &json!({ "broker": place, "version": version, "advice": advice, "healthy": looked.is_ok() }),
    );
    looked.is_ok()
}
