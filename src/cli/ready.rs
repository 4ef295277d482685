//! `cleave ready`: ask an open shop whether it takes requests, where nothing else is there to ask with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use reqwest::StatusCode;
use serde_json::json;

use super::Failure;
use super::output::Output;
use crate::config::Config;

/// Who does not answer within this is not ready.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  cleave ready --config /etc/cleave/cleave.toml    for a container's health check"
)]
pub(super) struct Ready {
    /// The internal listener of the process that is asked [default: 127.0.0.1:9080]
    #[arg(long, value_name = "ADDR")]
    pub(super) internal: Option<SocketAddr>,
}

pub(super) async fn run(config: &Config, output: &Output) -> Result<(), Failure> {
    let url = format!("http://{}/readyz", reachable(config.internal));
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
    let response = client.get(&url).send().await?;
    let ready = response.status() == StatusCode::OK;
    let said = response.text().await?;
    if !ready {
        return Err(format!("{url} says {said}").into());
    }
    output.say("ready", &json!({ "ready": true }));
    Ok(())
}

/// A listener on all addresses is reached on this machine's own.
fn reachable(mut listener: SocketAddr) -> SocketAddr {
    if listener.ip().is_unspecified() {
        listener.set_ip(match listener.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    listener
}
