//! The real binary, killed at every step while customers buy: what was acknowledged is there, what was begun comes to an
//! end by itself, and the books agree.
//!
//! The supervisor arms fault points one by one, then in pairs, and sends signals in between. Customers and staff are a
//! process of their own, which repeats as the documentation says and keeps a journal. Then the books are read.

pub(super) mod books;
pub mod clients;
mod journal;
mod keeper;
mod plan;
mod points;
mod report;
mod services;
pub(super) mod tables;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde_json::json;

use crate::Failure;
use crate::server::{self, EVERYTHING, Server, Settings, Store};
use keeper::Keeper;
use points::Tally;
pub use report::Report;
use services::Services;

/// What a unit costs, in minor units.
const PRICE: i64 = 1000;
/// Units of each variant: more than can be sold.
const STOCK: i64 = 1_000_000;
/// How long the shop may take to bring everything to its end. A job whose worker died is anybody's after a minute, and a
/// reservation that nobody came back for ends after two.
const REST: Duration = Duration::from_mins(4);

/// Kills a shop again and again while customers buy.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask prove crash --seconds 120\n  \
                  cargo xtask prove crash --seconds 3600 --store postgres --placement split --record proof\n\n\
                  Exits with 1 when something was lost or done twice, when the books do not agree, or when a fault point \
                  that belongs to the shop was never come by though there was time for all.")]
pub struct Crash {
    /// Seconds during which it is killed
    #[arg(long, default_value_t = 120)]
    pub seconds: u64,
    /// Where it keeps its tables
    #[arg(long, value_enum, default_value_t = StoreKind::Sqlite)]
    pub store: StoreKind,
    /// One process, or one for each module and a gateway, with a broker between them
    #[arg(long, value_enum, default_value_t = Placement::One)]
    pub placement: Placement,
    /// From which the plan follows; another one each time when absent
    #[arg(long)]
    pub seed: Option<u64>,
    /// Where the figures are written for the page
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// For programs
    #[arg(long)]
    pub json: bool,
    /// The binary, built with the feature `faults`; the one beside ours when absent
    #[arg(skip)]
    pub binary: Option<PathBuf>,
    /// The program that acts as the customers, and its first arguments; ourselves when empty
    #[arg(skip)]
    pub clients: Vec<String>,
    /// Only these points, and only purchases that need no job: for a short run
    #[arg(skip)]
    pub only: Option<Vec<&'static str>>,
}

/// Where tables are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StoreKind {
    /// In SQLite files.
    Sqlite,
    /// On a PostgreSQL server.
    Postgres,
}

/// In how many processes the shop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Placement {
    /// In one.
    One,
    /// One for each module and a gateway.
    Split,
}

impl Placement {
    fn groups(self) -> &'static [&'static str] {
        match self {
            Self::One => &[EVERYTHING],
            Self::Split => &["", "user", "product", "order", "payment"],
        }
    }
}

impl Crash {
    /// Does it. Returns whether nothing was lost and every point was tried.
    ///
    /// # Errors
    /// The shop does not open when it is left alone.
    pub async fn run(self) -> Result<bool, Failure> {
        let report = self.campaign().await?;
        if let Some(folder) = &self.record {
            let record = report.record(&self);
            report.recovery_record(&record).write(folder)?;
            record.write(folder)?;
        }
        let text = if self.json { report.to_json() } else { report.to_string() };
        std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
        Ok(report.is_sound())
    }

    /// Does it, and says what became of it.
    ///
    /// # Errors
    /// As [`Crash::run`].
    pub async fn campaign(&self) -> Result<Report, Failure> {
        let began = Instant::now();
        let seed = self.seed.unwrap_or_else(rand::random);
        let binary = match &self.binary {
            Some(binary) => binary.clone(),
            None => server::binary()?,
        };
        let mut points = points::of(&binary).await?;
        points.retain(|point| point.belongs(self.store, self.placement));
        if let Some(only) = &self.only {
            points.retain(|point| only.contains(&point.name.as_str()));
        }
        let store = match self.store {
            StoreKind::Sqlite => Store::Sqlite,
            StoreKind::Postgres => Store::Postgres(server::postgres("crash")?),
        };
        let services = Services::start(&store, self.placement).await?;
        let journal = tempfile::tempdir()?;
        let mut tally = Tally::new(&journal.path().join("hits"))?;

        let settings = Self::settings(&services);
        let migrations = if self.only.is_some() { Vec::new() } else { migration_kills(&tally, &points) };
        let server =
            Server::start_disturbed(&binary, store.clone(), self.placement.groups(), settings, &migrations)
                .await?;
        tally.collect(&server.pids())?;
        let variants = stock(&server).await?;
        let mut keeper = Keeper::new(server, tally, points, self, seed, journal.path())?;
        keeper.open_the_doors(&variants, &self.clients, self.only.is_some()).await?;
        keeper.disturb(services).await?;
        keeper.settle(&store, seed, began).await
    }

    fn settings(services: &Services) -> Settings {
        let mut settings: Settings = vec![
            // A reservation that nobody comes back for ends while we look.
            ("CLEAVE__SHOP__RESERVATION_MINUTES", "1".to_owned()),
            // Clients are many on one address, and the owner signs in again and again.
            ("CLEAVE__GATEWAY__SIGN_INS_PER_SECOND", "0".to_owned()),
            ("CLEAVE__AUTH__ARGON2__MEMORY_KIB", "64".to_owned()),
            ("CLEAVE__AUTH__ARGON2__ITERATIONS", "1".to_owned()),
            ("CLEAVE__HTTP__SHUTDOWN_SECONDS", "6".to_owned()),
            ("CLEAVE__LOG__FILTER", "off".to_owned()),
        ];
        settings.extend(services.settings());
        settings
    }
}

/// The first start of each process, killed within its migrations.
fn migration_kills(tally: &Tally, points: &[points::Point]) -> Vec<Settings> {
    let named = points.iter().filter(|point| point.name.starts_with("migrate."));
    let folder = tally.folder().display().to_string();
    named
        .flat_map(|point| (1..=3).map(|hit| format!("{}=kill@{hit}", point.name)))
        .map(|armed| vec![("CLEAVE_FAULTS", armed), ("CLEAVE_FAULTS_FOLDER", folder.clone())])
        .collect()
}

/// Fills the shelves. Returns the variants.
async fn stock(server: &Server) -> Result<Vec<String>, Failure> {
    let staff = server.staff().await?;
    let mut variants = Vec::new();
    for number in 1..=3 {
        let body = json!({
            "title": format!("Thing {number}"), "status": "active",
            "variants": [{
                "sku": format!("THING-{number}"), "stock": STOCK,
                "prices": [{ "amount": PRICE, "currency": "USD" }],
            }],
        });
        let reply = staff.post("/v1/admin/products", &body, &[]).await?;
        let product = reply.expect(reqwest::StatusCode::CREATED)?;
        variants.push(product["variants"][0]["id"].as_str().unwrap_or_default().to_owned());
    }
    Ok(variants)
}
