//! `cleave events`: what happened.

use std::time::Duration;

use clap::{Args, Subcommand};
use kernel::{Call, Event};
use platform::events::{parked, replay};
use serde_json::json;

use super::output::Output;
use super::{Failure, Workshop};
use crate::asyncapi;
use crate::config::Config;
use crate::gateway::events::{EventFeed, Positions};

const PAGE: u32 = 500;
const LOOK_AGAIN: Duration = Duration::from_millis(300);

#[derive(Debug, Subcommand)]
pub(super) enum Events {
    /// Show events, oldest first
    Tail(Tail),
    /// Show events that a listener could not apply
    Parked,
    /// Let a listener try again what it has set aside
    Replay(Replay),
    /// Print the AsyncAPI document of everything that is said
    Schema,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cleave events replay order.payment-news")]
pub(super) struct Replay {
    /// The listener, as `cleave events parked` names it
    listener: String,
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
        match self {
            Self::Tail(tail) => tail.run(Workshop::open(config).await?, output).await,
            Self::Parked => list_parked(Workshop::open(config).await?, output).await,
            Self::Replay(replay) => replay.run(Workshop::open(config).await?, output).await,
            Self::Schema => {
                let document = asyncapi::document(&config.nats.prefix);
                output.say(serde_json::to_string_pretty(&document)?, &document);
                Ok(())
            }
        }
    }
}

async fn list_parked(workshop: Workshop, output: &Output) -> Result<(), Failure> {
    for db in workshop.databases.all() {
        for event in parked(db).await? {
            output.say(
                format!(
                    "{}  {} {} of /{}: {} (tried {} times)",
                    event.listener,
                    event.subject,
                    event.position,
                    event.source,
                    event.last_error,
                    event.attempts
                ),
                &json!({
                    "listener": event.listener, "source": event.source, "position": event.position,
                    "subject": event.subject, "attempts": event.attempts, "error": event.last_error,
                }),
            );
        }
    }
    workshop.close().await;
    Ok(())
}

impl Replay {
    async fn run(self, workshop: Workshop, output: &Output) -> Result<(), Failure> {
        let mut woken = 0;
        for db in workshop.databases.all() {
            woken += replay(db, &self.listener).await?;
        }
        let text = format!("{woken} events of {} will be tried again by the open shop.", self.listener);
        output.say(text, &json!({ "listener": self.listener, "events": woken }));
        workshop.close().await;
        Ok(())
    }
}

impl Tail {
    async fn run(self, workshop: Workshop, output: &Output) -> Result<(), Failure> {
        let feed = EventFeed::new(workshop.modules.feeds.clone());
        let mut positions = Positions::new();
        let mut silent = self.new;
        loop {
            let call = Call::by_module("cli", Duration::from_secs(10));
            let (events, after) = feed.read(&call, positions, PAGE).await?;
            positions = after;
            let full = events.len() == PAGE as usize;
            for event in events.iter().filter(|event| !silent && event.kind.starts_with(&self.kind)) {
                output.say(line(event), &serde_json::to_value(event)?);
            }
            if full {
                continue;
            }
            silent = false;
            if !self.follow {
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
