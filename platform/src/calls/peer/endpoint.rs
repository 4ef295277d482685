//! One address of a module elsewhere: its connections, and what is known of its health.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::Client;

use super::breaker::Breaker;
use super::{Credentials, PeerError};
use crate::calls::wire;

const CONNECT: Duration = Duration::from_secs(1);
/// Shorter than the internal listener keeps them, so that a call does not go out on a connection about to be closed.
const IDLE: Duration = Duration::from_secs(20);

/// An address, with its own pool of connections.
pub struct Endpoint {
    client: Client,
    base: String,
    address: Option<SocketAddr>,
    breaker: Breaker,
    /// Whether somebody was told why nothing can be said to it.
    told: AtomicBool,
}

impl Endpoint {
    /// The endpoint at `base`, such as `http://payment:9080`; at this very address when its name was resolved.
    pub(super) fn new(
        base: &str,
        address: Option<(&str, SocketAddr)>,
        credentials: &Credentials,
    ) -> Result<Self, PeerError> {
        let mut builder = credentials
            .client()?
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        if let Some((host, address)) = address {
            builder = builder.resolve(host, address);
        }
        let address = address.map(|(_, address)| address);
        let client = builder.build()?;
        let told = AtomicBool::new(false);
        Ok(Self { client, base: base.to_owned(), address, breaker: Breaker::default(), told })
    }

    /// Whether this is the endpoint of that base and address.
    pub(super) fn is(&self, base: &str, address: Option<SocketAddr>) -> bool {
        self.base == base && self.address == address
    }

    /// Whether it may be asked now.
    ///
    /// # Errors
    /// How long it is left alone.
    pub(super) fn admit(&self) -> Result<(), Duration> {
        self.breaker.admit(Instant::now())
    }

    /// Where it is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request and notes whether anybody was there.
    ///
    /// # Errors
    /// As the client says.
    pub async fn send(&self, request: reqwest::Request) -> Result<reqwest::Response, reqwest::Error> {
        let outcome = self.client.execute(request).await;
        match &outcome {
            Err(error) if wire::is_absence(error) => {
                self.breaker.failed(Instant::now());
                let misfit = wire::misfit(error).filter(|_| !self.told.swap(true, Ordering::Relaxed));
                if let Some(reason) = misfit {
                    tracing::warn!(address = self.base, reason, "a process elsewhere cannot be spoken to");
                }
            }
            Ok(_) => {
                self.breaker.succeeded();
                self.told.store(false, Ordering::Relaxed);
            }
            Err(_) => {}
        }
        outcome
    }
}
