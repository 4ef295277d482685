//! `cleave topology`: where the calls for each module go, in a process that is open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use kernel::contract::Route;
use kernel::{Call, Clock};
use platform::calls::{ALL, Credentials, Peer, SharedSecret};
use platform::tls::OPERATOR;
use serde_json::to_value;

use super::Failure;
use super::output::Output;
use crate::config::Config;
use crate::topology::{
    PlaceModule, PlacedModule, Placements, ShowTopology, Topologies as _, TopologiesClient,
};

const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(super) struct Command {
    /// The internal listener of the process that is asked [default: 127.0.0.1:9080]
    #[arg(long, value_name = "ADDR", global = true)]
    pub(super) internal: Option<SocketAddr>,
    #[command(subcommand)]
    topology: Topology,
}

#[derive(Debug, Subcommand)]
enum Topology {
    /// Show where the calls for each module go
    Show,
    /// Send a module's calls another way, while customers buy
    Apply(Apply),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cleave topology apply payment --url http://10.0.0.7:9080 --percent 1\n  \
                  cleave topology apply payment --percent 100\n  \
                  cleave topology apply payment --here\n\n\
                  The process at --internal is asked, with the secret or the certificate of the settings: with TLS, the \
                  settings of that process, or a certificate for `operator`. What is applied lasts until that process \
                  ends; write it into its settings, too."
)]
struct Apply {
    /// The module
    module: String,
    /// An internal listener of a process that runs it elsewhere, on the same database; may be given several times
    #[arg(long = "url", value_name = "URL")]
    urls: Vec<String>,
    /// How much of its calls goes there, such as 10 or 0.5
    #[arg(long, default_value_t = 100.0, value_name = "PERCENT", conflicts_with = "here")]
    percent: f64,
    /// All its calls stay in the process that is asked
    #[arg(long)]
    here: bool,
    /// The version of the topology that this is meant for [default: the one it has now]
    #[arg(long)]
    version: Option<u64>,
}

impl Command {
    pub(super) async fn run(self, config: &Config, output: &Output) -> Result<(), Failure> {
        let client = operator(config)?;
        let call = Call::by_module(OPERATOR, PATIENCE);
        let shown = client.show(&call, ShowTopology {}).await?;
        let placements = match self.topology {
            Topology::Show => shown,
            Topology::Apply(apply) => client.place(&call, apply.change(shown.version)?).await?,
        };
        say(&placements, output)
    }
}

/// The process at the internal listener that the settings name, asked with what they have in common.
pub(super) fn operator(config: &Config) -> Result<TopologiesClient, Failure> {
    if !config.contracts.is_shared() {
        return Err("the open process has made a secret of its own; give it and this command the same \
                    `contracts.secret`, or [contracts.tls]"
            .into());
    }
    let peer = Arc::new(next_door(config, config.internal)?);
    Ok(TopologiesClient::new(Route::Through(Arc::new(peer.channel(OPERATOR)))))
}

/// The process at this address, as one that has these settings speaks to it.
pub(super) fn next_door(config: &Config, address: SocketAddr) -> Result<Peer, Failure> {
    let clock = Clock::system();
    let secret = config.contracts.secret.clone().unwrap_or_else(|| SharedSecret::random(&clock));
    let credentials = Credentials { secret, tls: config.contracts.tls.load(&clock)?, clock };
    Ok(Peer::next_door("process", address, credentials)?)
}

impl Apply {
    fn change(self, current: u64) -> Result<PlaceModule, Failure> {
        if !(0.0..=100.0).contains(&self.percent) {
            return Err("--percent is between 0 and 100".into());
        }
        let per_mille = if self.here { 0 } else { (self.percent * 10.0).round() as u32 };
        if per_mille == 0 && !self.here && self.percent > 0.0 {
            return Err("--percent cannot be less than 0.1".into());
        }
        Ok(PlaceModule {
            version: self.version.unwrap_or(current),
            module: self.module,
            urls: self.urls,
            per_mille,
        })
    }
}

fn say(placements: &Placements, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        output.say("", &to_value(placements)?);
        return Ok(());
    }
    output.say(format!("version {}", placements.version), &serde_json::Value::Null);
    for module in &placements.modules {
        output.say(line(module), &serde_json::Value::Null);
    }
    Ok(())
}

fn line(module: &PlacedModule) -> String {
    let urls = module.urls.join(", ");
    let place = match module.per_mille {
        0 => "here".to_owned(),
        ALL => format!("at {urls}"),
        some => format!("{} % at {urls}, the rest here", f64::from(some) / 10.0),
    };
    format!("{:8} {place}", module.module)
}
