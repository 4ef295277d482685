//! `cleave serve`: open the shop until somebody says stop.

use std::net::SocketAddr;
use std::time::Instant;

use clap::Args;
use kernel::Clock;
use serde_json::json;
use user::FirstOwner;

use super::Failure;
use super::output::Output;
use crate::config::Config;
use crate::{Shop, demo};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cleave serve --demo\n  cleave serve --data /var/lib/cleave --listen 0.0.0.0:8080\n  \
                        CLEAVE__DATABASE__URL=postgres://shop@db cleave serve"
)]
pub(super) struct Serve {
    /// Where shops and staff reach the API [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub(super) listen: Option<SocketAddr>,
    /// Where modules and probes meet [default: 127.0.0.1:9080]
    #[arg(long, value_name = "ADDR")]
    pub(super) internal: Option<SocketAddr>,
    /// Fill an empty shop with a small catalogue, a customer and a staff login
    #[arg(long)]
    demo: bool,
}

impl Serve {
    pub(super) async fn run(self, config: Config, output: &Output) -> Result<(), Failure> {
        let began = Instant::now();
        let told = Stop::listen()?;
        let scheme = if config.contracts.tls.is_set() { "https" } else { "http" };
        let shop = Shop::build(config, Clock::system()).await?.open().await?;
        let internal = format!("{scheme}://{}", shop.internal());
        let probes = shop.probes().map_or_else(|| internal.clone(), |probes| format!("http://{probes}"));
        let address = format!("http://{}", shop.public());
        output.say(
            format!(
                "The shop is open at {address} after {} ms. Try it at {address}/docs\n\
                 Module calls are at {internal}, probes at {probes}. Stop with Ctrl-C.",
                began.elapsed().as_millis(),
            ),
            &json!({ "event": "open", "address": address, "internal": internal, "probes": probes }),
        );
        if self.demo {
            let filled = demo::fill(&shop).await?;
            output.say(filled.to_string(), &serde_json::to_value(&filled)?);
        } else if let Some(user) = &shop.modules.user {
            say_first_owner(user.first_owner().await?, &address, output);
        }
        told.said().await;
        output.say("Closing: finishing what was begun.", &json!({ "event": "closing" }));
        shop.close().await;
        output.say("The shop is closed.", &json!({ "event": "closed" }));
        Ok(())
    }
}

/// Tells whoever opens an empty shop how to get into it.
fn say_first_owner(owner: Option<FirstOwner>, address: &str, output: &Output) {
    match owner {
        Some(FirstOwner::With(token)) => {
            let token = token.reveal();
            output.say(
                format!(
                    "Nobody works here yet. Make yourself the owner, once, within a day:\n  \
                     curl {address}/v1/auth/setup -H 'content-type: application/json' \\\n    \
                     -d '{{\"token\":\"{token}\",\"email\":\"you@example.com\",\"name\":\"You\",\"password\":\"…\"}}'"
                ),
                &json!({ "event": "setup", "token": token }),
            );
        }
        Some(FirstOwner::Shown { until }) => output.say(
            format!(
                "Nobody works here yet. An earlier start or another process has printed how to become the owner; that \
                 is good until {until}. Without it:\n  \
                 cleave staff create --email you@example.com --name You --role owner --password-stdin"
            ),
            &json!({ "event": "setup", "shownUntil": until }),
        ),
        None => {}
    }
}

/// Ctrl-C and SIGTERM, heard from when this is made: who says stop while the shop still opens is heard, too.
struct Stop {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
}

impl Stop {
    #[cfg(unix)]
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { signals: [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?] })
    }

    #[cfg(unix)]
    async fn said(mut self) {
        let [interrupt, terminate] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn said(self) {
        drop(tokio::signal::ctrl_c().await);
    }
}
