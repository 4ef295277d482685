//! Typed settings, loaded and checked once. The environment is read here and nowhere else.
//!
//! `config/default.toml` is compiled in and holds every setting. A field is missing there or here only until the
//! first test runs: the structs refuse both unknown and absent keys.

mod choice;
mod database;
mod duration;
mod gateway;
mod layers;
mod nats;
mod placement;
mod problem;
mod providers;
mod secret;
mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use kernel::Currency;
use platform::calls::SharedSecret;
use serde::Deserialize;

pub use choice::{ContractMode, EventTransport, LogFormat};
pub use database::{Database, DatabaseUrl, Place};
pub use gateway::{Admission, Gateway, Network};
pub use nats::{Credentials, Nats, NatsUrl};
pub use placement::Placement;
pub use problem::{ConfigError, Problem};
pub use providers::ElsewhereProvider;
pub use secret::{Secret, SecretError};
pub(crate) use tls::misfit;
pub use tls::{TlsFiles, TlsProblem};

/// The settings of one process.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where shops and staff reach the API.
    pub listen: SocketAddr,
    /// Where modules and probes meet.
    pub internal: SocketAddr,
    /// Where probes are answered as well, in the clear.
    pub probes: Probes,
    /// The folder for everything the shop keeps on disk.
    pub data: PathBuf,
    pub database: Database,
    pub modules: Placement,
    pub contracts: Contracts,
    pub http: Http,
    pub gateway: Gateway,
    pub log: Log,
    pub auth: Auth,
    pub shop: Shop,
    pub payment: Payment,
    pub events: Events,
    pub nats: Nats,
}

/// Where probes alone are answered; an empty text says nowhere.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub struct Probes(pub Option<SocketAddr>);

/// How modules call each other.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contracts {
    pub mode: ContractMode,
    /// Absent: made anew at every start, so that nobody else can call.
    #[serde(deserialize_with = "secret::optional")]
    pub secret: Option<SharedSecret>,
    pub tls: TlsFiles,
    #[serde(rename = "timeout_ms", deserialize_with = "duration::milliseconds")]
    pub timeout: Duration,
}

/// The public listener's limits.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    workers: usize,
    #[serde(rename = "body_limit_bytes")]
    pub body_limit: NonZeroUsize,
    #[serde(rename = "keep_alive_seconds", deserialize_with = "duration::seconds")]
    pub keep_alive: Duration,
    #[serde(rename = "client_request_timeout_seconds", deserialize_with = "duration::seconds")]
    pub client_request_timeout: Duration,
    pub max_connections: NonZeroUsize,
    #[serde(rename = "shutdown_seconds", deserialize_with = "duration::seconds")]
    pub shutdown: Duration,
}

/// What is logged, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    pub filter: String,
}

/// Tokens and passwords.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    #[serde(rename = "access_token_minutes", deserialize_with = "duration::minutes")]
    pub access_token: Duration,
    #[serde(rename = "refresh_token_days", deserialize_with = "duration::days")]
    pub refresh_token: Duration,
    pub issuer: String,
    pub password_min_length: NonZeroUsize,
    hash_workers: usize,
    pub hash_queue: NonZeroUsize,
    #[serde(rename = "hash_wait_ms", deserialize_with = "duration::milliseconds")]
    pub hash_wait: Duration,
    pub argon2: Argon2,
}

/// What one password hash costs.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Argon2 {
    pub memory_kib: NonZeroU32,
    pub iterations: NonZeroU32,
    pub parallelism: NonZeroU32,
}

/// The merchant's own choices.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shop {
    pub default_currency: Currency,
    pub order_number_prefix: String,
    pub order_number_length: NonZeroUsize,
    #[serde(rename = "reservation_minutes", deserialize_with = "duration::minutes")]
    pub reservation: Duration,
}

/// Providers of payment.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    pub test_provider: bool,
    /// Absent: the payment module makes one and keeps it in its database.
    #[serde(deserialize_with = "secret::optional")]
    pub webhook_secret: Option<payment::WebhookSecret>,
    #[serde(rename = "provider_timeout_seconds", deserialize_with = "duration::seconds")]
    pub provider_timeout: Duration,
    /// Those that are asked over HTTP, by name.
    #[serde(default)]
    pub providers: BTreeMap<String, ElsewhereProvider>,
}

/// The event log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    pub transport: EventTransport,
    #[serde(rename = "retention_days", deserialize_with = "duration::days")]
    pub retention: Duration,
    pub batch: NonZeroU32,
}

/// What can be said on the command line.
#[derive(Debug, Default, Clone, clap::Args)]
pub struct Flags {
    /// A TOML file with settings; `config/default.toml` in the source shows them all
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder the shop keeps its files in [default: ./data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where shops and staff reach the API [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Where modules and probes meet [default: 127.0.0.1:9080]
    #[arg(long, value_name = "ADDR")]
    pub internal: Option<SocketAddr>,
}

impl Config {
    /// Every setting with its default and the reason for it, as TOML.
    pub const DEFAULTS: &str = include_str!("../config/default.toml");

    /// Reads all layers: the defaults, the file, the environment, the flags.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        layers::load(flags, std::env::vars_os())
    }

    /// The defaults alone.
    pub fn untold() -> Result<Self, ConfigError> {
        layers::load(&Flags::default(), [])
    }

    /// Reads a file with this text, and these variables.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn read(
        file: &str,
        environment: impl IntoIterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
    ) -> Result<Self, ConfigError> {
        layers::told(file, environment)
    }

    /// Where this module keeps its tables.
    pub fn place(&self, module: &str) -> Place {
        self.database.place(module, &self.data)
    }
}

impl Contracts {
    /// Whether there is a way for other processes to prove that they are of this shop. Without one there are none.
    pub fn is_shared(&self) -> bool {
        self.secret.is_some() || self.tls.is_set()
    }
}

impl Http {
    /// Threads that answer requests.
    pub fn workers(&self) -> usize {
        if self.workers == 0 { cores() } else { self.workers }
    }
}

impl Auth {
    /// Threads that hash passwords: all cores but one when nothing was said, and never none.
    pub fn hash_workers(&self) -> usize {
        if self.hash_workers == 0 { cores().saturating_sub(1).max(1) } else { self.hash_workers }
    }
}

impl TryFrom<String> for Probes {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        text.parse()
            .map(|address| Self(Some(address)))
            .map_err(|_| "must be an address such as \"0.0.0.0:9090\"")
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

#[cfg(test)]
mod tests;
