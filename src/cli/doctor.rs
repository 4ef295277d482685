//! `cleave doctor`: look at everything, mend nothing.

use std::process::ExitCode;
use std::time::Instant;

use kernel::Clock;
use platform::{Tasks, events};
use serde_json::json;

use super::Failure;
use super::output::Output;
use crate::config::Config;
use crate::databases::{Databases, describe};

pub(super) async fn run(config: &Config, output: &Output) -> Result<ExitCode, Failure> {
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
    databases.close().await;
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
