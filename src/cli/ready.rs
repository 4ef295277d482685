//! `cleave ready`: ask an open shop whether it takes requests, where nothing else is there to ask with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use kernel::Clock;
use platform::calls::{Credentials, Peer, SharedSecret};
use reqwest::{Method, Request, StatusCode};
use serde_json::json;

use super::Failure;
use super::output::Output;
use super::topology::next_door;
use crate::config::Config;

/// Who does not answer within this is not ready.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  cleave ready --config /etc/cleave/cleave.toml    for a container's health check"
)]
pub(super) struct Ready {
    /// The internal listener of the process that is asked [default: `probes`, else `internal` of the settings]
    #[arg(long, value_name = "ADDR")]
    pub(super) internal: Option<SocketAddr>,
}

impl Ready {
    pub(super) async fn run(self, config: &Config, output: &Output) -> Result<(), Failure> {
        let endpoint = match config.probes.0.filter(|_| self.internal.is_none()) {
            Some(probes) => {
                let clock = Clock::system();
                let nobody = Credentials::secret(SharedSecret::random(&clock), clock);
                Peer::next_door("process", reachable(probes), nobody)?.endpoint()?
            }
            None => next_door(config, reachable(config.internal))?.endpoint()?,
        };
        let url = format!("{}/readyz", endpoint.base());
        let mut request = Request::new(Method::GET, url.parse()?);
        *request.timeout_mut() = Some(PATIENCE);
        let response = endpoint.send(request).await?;
        let ready = response.status() == StatusCode::OK;
        let said = response.text().await?;
        if !ready {
            return Err(format!("{url} says {said}").into());
        }
        output.say("ready", &json!({ "ready": true }));
        Ok(())
    }
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
