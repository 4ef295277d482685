//! The broker of a shop is stopped for a while as customers buy: purchases go on, and nothing is lost.

use std::fmt;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::Failure;
use crate::bench::fill;
use crate::books::Books;
use crate::offer::{Offer, Times, Told, sound};
use crate::server::{self, Server, Store};

/// How long customers buy before and after.
const BESIDE: Duration = Duration::from_secs(10);
/// How long the shop may take to bring everything to its end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Stops the broker of a shop in three processes while customers buy.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  cargo xtask outage --seconds 60 --rate 50\n\n\
                        Exits with 1 when a request failed or the books do not agree.")]
pub struct Outage {
    /// Seconds without a broker
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Purchases a second
    #[arg(long, default_value_t = 50.0)]
    rate: f64,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// A NATS server of our own.
pub(crate) struct Broker {
    program: PathBuf,
    folder: TempDir,
    port: u16,
    running: Option<Child>,
}

/// What became of it.
struct Report {
    told: Told,
    /// The seconds without a broker.
    without: std::ops::RangeInclusive<usize>,
    differences: Vec<String>,
}

impl Outage {
    /// Does it with the binary beside ours. Returns whether all is well.
    ///
    /// # Errors
    /// The shop does not open, or there is no NATS server.
    pub async fn run(self) -> Result<bool, Failure> {
        let mut broker = Broker::start().await?;
        let url = server::postgres("outage")?;
        let settings = vec![
            ("CLEAVE__EVENTS__TRANSPORT", "nats".to_owned()),
            ("CLEAVE__NATS__URL", broker.url()),
            ("CLEAVE__NATS__ACCEPT_OLD", "true".to_owned()),
        ];
        let groups = ["order", "user+product", "payment"];
        let shop =
            Server::start_set(&server::binary()?, Store::Postgres(url.clone()), &groups, settings).await?;
        let variant = fill(&shop.staff().await?).await?;

        let offer = Offer::begin(&shop.address, &variant, self.rate);
        tokio::time::sleep(BESIDE).await;
        let stopped = offer.second(Instant::now());
        broker.stop().await?;
        tokio::time::sleep(Duration::from_secs(self.seconds)).await;
        broker.go_on().await?;
        let without = stopped..=offer.second(Instant::now());
        tokio::time::sleep(BESIDE).await;
        let told = offer.end().await?;
        let differences = Books::of(&url)?.differences(&shop, &told.orders, PATIENCE).await?;
        shop.stop().await?;

        let report = Report { told, without, differences };
        let text = if self.json { report.to_json() } else { report.to_string() };
        std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
        Ok(report.told.failed == 0 && report.differences.is_empty())
    }
}

impl Broker {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let program = std::env::var("CLEAVE_LAB_NATS_SERVER")
            .map_err(|_| "there is no NATS server; run this through `cargo xtask`, which brings one along")?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut broker = Self { program: program.into(), folder: tempfile::tempdir()?, port, running: None };
        broker.go_on().await?;
        Ok(broker)
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Stops it as a machine does that loses its power.
    pub(crate) async fn stop(&mut self) -> Result<(), Failure> {
        if let Some(mut running) = self.running.take() {
            running.kill().await?;
        }
        Ok(())
    }

    pub(crate) async fn go_on(&mut self) -> Result<(), Failure> {
        let mut command = Command::new(&self.program);
        command.args(["--addr", "127.0.0.1", "--port", &self.port.to_string(), "--jetstream", "--store_dir"]);
        command.arg(self.folder.path()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.running = Some(command.spawn()?);
        let give_up = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if Instant::now() > give_up {
                return Err("the NATS server does not start".into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Report {
    fn times(&self, without: bool) -> Times {
        self.told.times(|second| self.without.contains(&second) == without)
    }

    fn to_json(&self) -> String {
        let report = json!({
            "orders": self.told.orders.len(), "failed": self.told.failed, "failures": self.told.failures,
            "differences": self.differences, "with": self.times(false).to_json(),
            "without": self.times(true).to_json(),
        });
        format!("{report}\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", Times::HEAD)?;
        writeln!(f, "| with a broker {}", self.times(false))?;
        writeln!(f, "| without {}", self.times(true))?;
        writeln!(
            f,
            "\n{} orders were acknowledged, {} requests failed.",
            self.told.orders.len(),
            self.told.failed
        )?;
        sound(f, &self.told, &self.differences)
    }
}
