//! JetStream beside the log: what the log says is published there, so that listeners elsewhere hear it at once.
//!
//! The log stays the truth. A broker that is away, was emptied, repeats itself or forgets costs time and nothing else:
//! whoever is not brought exactly what comes next reads the log. So nothing here is remembered, neither how far was
//! published nor how far was heard; both are asked for or begun anew.

mod brought;
mod feeds;
mod follow;
mod message;
mod publish;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, Event as Happening, ServerAddr};

use crate::calls::SharedSecret;

pub use feeds::BrokeredFeeds;

/// Older servers may forget what they have acknowledged, or give it to nobody.
const OLDEST: Version = Version(2, 10, 23);
/// How long the broker may take for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a connection that is awaited is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Where the broker is, and how it is used.
#[derive(Clone)]
pub struct BrokerOptions {
    /// Its addresses, `nats://host:4222` or `tls://host:4222`; they may hold a name and a password, or a token.
    pub urls: Vec<String>,
    /// The text of a credentials file.
    pub credentials: Option<String>,
    /// What all subjects of this shop begin with.
    pub prefix: String,
    /// How long it keeps an event.
    pub keep: Duration,
    /// On how many servers of a cluster it keeps it.
    pub replicas: usize,
    /// Use a server that may lose what it has acknowledged.
    pub accept_old: bool,
    /// What events are sealed with: a broker is a place where others may publish, too.
    pub secret: SharedSecret,
}

/// The connection to the broker. Nobody ever waits for it.
#[derive(Clone)]
pub struct Broker(Arc<Inner>);

struct Inner {
    client: Client,
    jetstream: Context,
    options: BrokerOptions,
    /// How often it was connected.
    connections: Arc<AtomicU64>,
}

/// Why a broker cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// What was said about it makes no sense.
    #[error("the broker cannot be reached as the settings say")]
    Settings(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It may lose what it has acknowledged.
    #[error(
        "the NATS server is version {version}, and before {OLDEST} JetStream may lose what it has acknowledged; use a \
         newer server, or set `nats.accept_old = true`: listeners then fetch what it loses from the log"
    )]
    TooOld {
        /// The version it says it has.
        version: String,
    },
    /// It answers, but not as a place for events.
    #[error("the NATS server has no JetStream; start it with `--jetstream`")]
    NoJetStream,
    /// It does not answer.
    #[error("the NATS server does not answer; until it does, listeners read the logs over HTTP")]
    Away,
}

impl Broker {
    /// Begins to connect, and goes on trying whenever there is no connection.
    ///
    /// # Errors
    /// The settings make no sense.
    pub async fn connect(options: BrokerOptions) -> Result<Self, BrokerError> {
        let unusable = |error: std::io::Error| BrokerError::Settings(Box::new(error));
        let addresses: Result<Vec<ServerAddr>, _> = options.urls.iter().map(|url| url.parse()).collect();
        let connections = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&connections);
        let mut connect = ConnectOptions::new()
            .name("cleave")
            .retry_on_initial_connect()
            .max_reconnects(None)
            .connection_timeout(PATIENCE)
            .request_timeout(Some(PATIENCE))
            .event_callback(move |happening| {
                tell(&happening, &counted);
                std::future::ready(())
            });
        if let Some(credentials) = &options.credentials {
            connect = connect.credentials(credentials).map_err(unusable)?;
        }
        // It is a large future, and made once.
        let client = Box::pin(connect.connect(addresses.map_err(unusable)?))
            .await
            .map_err(|error| BrokerError::Settings(error.into()))?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(PATIENCE);
        Ok(Self(Arc::new(Inner { client, jetstream, options, connections })))
    }

    /// Looks for so long whether it is there and fit for use. Returns its version.
    ///
    /// # Errors
    /// It is not there, or not fit.
    pub async fn greet(&self, patience: Duration) -> Result<String, BrokerError> {
        let looked = async {
            while !self.is_connected() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(patience, looked).await.map_err(|_| BrokerError::Away)?;
        self.fit()
    }

    /// Its version, if it is there and fit for use.
    fn fit(&self) -> Result<String, BrokerError> {
        let info =
            self.0.client.try_server_info().filter(|_| self.is_connected()).ok_or(BrokerError::Away)?;
        if !info.jetstream {
            return Err(BrokerError::NoJetStream);
        }
        let new_enough = Version::parse(&info.version).is_some_and(|version| version >= OLDEST);
        if new_enough || self.0.options.accept_old {
            Ok(info.version)
        } else {
            Err(BrokerError::TooOld { version: info.version })
        }
    }

    fn is_connected(&self) -> bool {
        self.0.client.connection_state() == State::Connected
    }

    /// Which of its connections this is.
    fn connection(&self) -> u64 {
        self.0.connections.load(Ordering::Acquire)
    }

    /// What the subjects of a module's events have in common.
    fn subjects(&self, module: &str) -> String {
        format!("{}.{module}.>", self.0.options.prefix)
    }

    /// The stream of a module's events: a stream's name cannot hold dots.
    fn stream(&self, module: &str) -> String {
        format!("{}-{module}", self.0.options.prefix.replace('.', "-"))
    }
}

fn tell(happening: &Happening, connections: &AtomicU64) {
    match happening {
        Happening::Connected => {
            connections.fetch_add(1, Ordering::Release);
            tracing::info!("the broker is there");
        }
        Happening::Disconnected => tracing::warn!("the broker is away; listeners read the logs meanwhile"),
        Happening::ServerError(error) => tracing::error!(error = %error, "the broker refuses"),
        _ => {}
    }
}

/// What a server says of itself: `2.10.23`, or `2.11.0-preview.2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32, u32);

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('-').next()?.split('.').map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}
