//! Payment is moved out of a shop and merged back while customers buy: nobody may notice.

mod report;

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::Failure;
use crate::bench::load::Load;
use crate::bench::{checkout, fill};
use crate::books::Books;
use crate::offer::Offer;
use crate::server::{self, EVERYTHING, Server, Settings, Store};

pub use report::Report;

/// The most that is offered by itself.
const MOST: f64 = 500.0;
/// How much of what the machine carries is offered by itself.
const PART: f64 = 0.7;
/// Customers at the same time while it is found out what the machine carries, and for how long.
const CLIENTS: usize = 32;
const TRIAL: Duration = Duration::from_secs(4);
/// How long the shop may take to bring everything to its end.
const PATIENCE: Duration = Duration::from_mins(1);

/// Moves payment out of a shop on PostgreSQL and back while customers buy.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask switch\n  cargo xtask switch --rate 100 --moves 3 --json\n\n\
                        Every second move goes by steps: 1 %, 10 %, 100 %. Exits with 1 when a request failed, the books do not \
                        agree, or the 99th percentile of the seconds in which calls were sent another way is more than three \
                        times the ordinary one."
)]
pub struct Switch {
    /// Purchases a second [default: 70 % of what the machine carries, 500 at the most]
    #[arg(long)]
    pub rate: Option<f64>,
    /// How often payment is moved out and merged back
    #[arg(long, default_value_t = 10)]
    pub moves: u32,
    /// Seconds between two changes
    #[arg(long, default_value_t = 3.0)]
    pub pause: f64,
    /// For programs
    #[arg(long)]
    pub json: bool,
    /// How the shop is set
    #[arg(skip)]
    pub settings: Settings,
}

impl Switch {
    /// Does it with the binary beside ours. Returns whether all is well.
    ///
    /// # Errors
    /// The shop does not open, or a move is refused.
    pub async fn run(self) -> Result<bool, Failure> {
        let report = self.on(&server::binary()?, &server::postgres("switch")?).await?;
        let text = if self.json { report.to_json() } else { report.to_string() };
        std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
        Ok(report.is_sound() && report.is_calm())
    }

    /// Does it with a shop of this binary at this url.
    ///
    /// # Errors
    /// As [`Switch::run`].
    pub async fn on(&self, binary: &Path, url: &str) -> Result<Report, Failure> {
        let (rate, carries) = if let Some(rate) = self.rate {
            (rate, None)
        } else {
            let most = self.carries(binary, &format!("{url}_trial")).await?;
            ((most * PART).min(MOST), Some(most))
        };
        let (shop, variant) = self.open(binary, url).await?;
        let there = shop.internal(1)?;

        let mut moving = Moving { offer: Offer::begin(&shop.address, &variant, rate), changes: Vec::new() };
        self.pause().await;
        for round in 0..self.moves {
            let steps: &[&str] = if round % 2 == 1 { &["1", "10", "100"] } else { &["100"] };
            for percent in steps {
                moving.change(&shop, &["payment", "--url", &there, "--percent", percent]).await?;
                self.pause().await;
            }
            moving.change(&shop, &["payment", "--here"]).await?;
            self.pause().await;
        }
        let told = moving.offer.end().await?;

        let differences = Books::of(url)?.differences(&shop, &told.orders, PATIENCE).await?;
        shop.stop().await?;
        Ok(Report { rate, carries, moves: self.moves, told, changes: moving.changes, differences })
    }

    async fn pause(&self) {
        tokio::time::sleep(Duration::from_secs_f64(self.pause)).await;
    }

    /// A shop whose second process runs payment, too, and a variant to buy.
    async fn open(&self, binary: &Path, url: &str) -> Result<(Server, String), Failure> {
        let store = Store::Postgres(url.to_owned());
        let shop = Server::start_set(binary, store, &[EVERYTHING, "payment"], self.settings.clone()).await?;
        let staff = shop.staff().await?;
        let variant = fill(&staff).await?;
        Ok((shop, variant))
    }

    /// How many purchases a second the machine carries when payment is elsewhere, which costs it more than when it is not.
    async fn carries(&self, binary: &Path, url: &str) -> Result<f64, Failure> {
        let (shop, variant) = self.open(binary, url).await?;
        let there = shop.internal(1)?;
        shop.apply(0, &["payment", "--url", &there]).await?;
        let address = shop.address.trim_start_matches("http://").to_owned();
        let rate = Load::post(&address, "/v1/checkout", &checkout(&variant)).run(CLIENTS, TRIAL).await?;
        shop.stop().await?;
        Ok(rate.per_second)
    }
}

/// What is offered, and in which of its seconds calls were sent another way.
struct Moving {
    offer: Offer,
    changes: Vec<usize>,
}

impl Moving {
    async fn change(&mut self, shop: &Server, arguments: &[&str]) -> Result<(), Failure> {
        let began = self.offer.second(Instant::now());
        shop.apply(0, arguments).await?;
        self.changes.extend(began..=self.offer.second(Instant::now()));
        Ok(())
    }
}
