//! `cleave events`: what happened.

use std::time::Duration;

use clap::{Args, Subcommand};
use kernel::{Call, Event};

use super::output::Output;
use super::{Failure, Workshop};
use crate::config::Config;
use crate::gateway::events::{EventFeed, Positions};

const PAGE: u32 = 500;
const LOOK_AGAIN: Duration = Duration::from_millis(300);

#[derive(Debug, Subcommand)]
pub(super) enum Events {
    /// Show events, oldest first
    Tail(Tail),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cleave events tail --follow\n  cleave events tail --type order. --json | jq .data"
)]
pub(super) struct Tail {
    /// Go on as events happen, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Only types that begin like this, such as `order.`
    #[arg(long = "type", value_name = "PREFIX", default_value = "")]
    kind: String,
    /// Leave out what happened before now
    #[arg(long)]
    new: bool,
}

impl Events {
    pub(super) async fn run(self, config: &Config, output: &Output) -> Result<(), Failure> {
        let Self::Tail(tail) = self;
        let workshop = Workshop::open(config).await?;
        let feed = EventFeed::new(workshop.modules.feeds.clone());
        let mut positions = Positions::new();
        let mut silent = tail.new;
        loop {
            let call = Call::by_module("cli", Duration::from_secs(10));
            let (events, after) = feed.read(&call, positions, PAGE).await?;
            positions = after;
            let full = events.len() == PAGE as usize;
            for event in events.iter().filter(|event| !silent && event.kind.starts_with(&tail.kind)) {
                output.say(line(event), &serde_json::to_value(event)?);
            }
            if full {
                continue;
            }
            silent = false;
            if !tail.follow {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                _ = tokio::signal::ctrl_c() => break,
            }
        }
        workshop.close().await;
        Ok(())
    }
}

fn line(event: &Event) -> String {
    format!("{}  {:24} {:34} {}", event.time, event.kind, event.subject, event.data)
}
