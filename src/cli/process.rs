//! `cleave process`: checkouts on their way.

use clap::{Args, Subcommand};

use super::output::Output;
use super::{Failure, Workshop};
use crate::compose::NotHere;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum Process {
    /// Show those that have not come to their end
    List(List),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cleave process list\n  cleave process list --state placed --json")]
pub(super) struct List {
    /// Only those in this state: paying, unknown, awaitingAction, securing, ending, placed, failed
    #[arg(long)]
    state: Option<String>,
}

impl Process {
    pub(super) async fn run(self, config: &Config, output: &Output) -> Result<(), Failure> {
        let Self::List(list) = self;
        let workshop = Workshop::open(config).await?;
        let processes = workshop
            .modules
            .order
            .as_ref()
            .ok_or(NotHere(order::NAME))?
            .processes(list.state.as_deref())
            .await?;
        if processes.is_empty() && !output.is_json() {
            output.say("No checkout is on its way.", &serde_json::Value::Null);
        }
        for process in processes {
            let value = serde_json::to_value(&process)?;
            let latest = process.log.last().map_or("begun", |entry| entry.input.as_str());
            output.say(
                format!(
                    "{}  {:15} order {}  since {}  last: {latest}",
                    process.id, process.state, process.order_id, process.created_at
                ),
                &value,
            );
        }
        workshop.close().await;
        Ok(())
    }
}
