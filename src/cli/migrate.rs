//! `cleave migrate`: bring every module's tables up to this version.

use kernel::Clock;
use platform::Tasks;
use serde_json::json;

use super::Failure;
use super::output::Output;
use crate::config::Config;
use crate::databases::{Databases, describe};

pub(super) async fn run(config: &Config, output: &Output) -> Result<(), Failure> {
    let databases = Databases::open(config, &Clock::system(), &Tasks::new()).await?;
    for (db, declared) in databases.declared() {
        let (module, migrations) = (declared.name, declared.migrations);
        let pending = db.pending_migrations(migrations).await?;
        db.migrate(migrations).await?;
        let place = describe(&config.place(module));
        output.say(
            format!("{module:8} {pending} applied, now current ({place})"),
            &json!({ "module": module, "applied": pending, "database": place }),
        );
    }
    databases.close().await;
    Ok(())
}
