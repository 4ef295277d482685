//! Measures a shop beside the floor of the machine, in one run: what matters is the ratio.

pub mod calls;
pub mod floor;
pub(crate) mod load;
mod overload;
mod page;
mod report;
mod split;
mod steps;
mod used;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Failure;
use crate::api::Api;
use crate::server::{self, OWNER, PASSWORD, Server, Store};

use load::{Load, Rate};
use report::{Report, Row};
use steps::Steps;
use used::{Used, memory};

/// Measures reads and purchases.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask bench\n  cargo xtask bench --seconds 3 --clients 16,64 --store sqlite\n  \
                        cargo xtask bench --write docs/benchmarks.md\n  \
                        cargo xtask bench split --store sqlite\n  \
                        cargo xtask bench overload --seconds 5 --json --record records\n\n\
                        overload exits with 1 when an aim is missed, and says which."
)]
pub struct Bench {
    /// What: the shop beside the floor of the machine, one process beside several, or ten times as much as can be done
    #[arg(default_value = "floor", value_parser = ["floor", "split", "overload"])]
    what: String,
    /// Seconds for each figure
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Clients at the same time, one column each
    #[arg(long, value_delimiter = ',', default_value = "1,16,64")]
    clients: Vec<usize>,
    /// Databases, in this order
    #[arg(long, value_delimiter = ',', default_value = "sqlite,postgres")]
    store: Vec<String>,
    /// Write the report there as well, between the marks of this measurement if it has them
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// overload: for programs
    #[arg(long)]
    json: bool,
    /// overload: the folder for the record
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

/// Units of the product that is bought: more than can be sold while it is measured.
const STOCK: i64 = 100_000_000;

impl Bench {
    /// Measures everything and prints the report. Returns whether all that was promised held.
    ///
    /// # Errors
    /// A shop does not open, or refuses what it should do.
    pub async fn run(self) -> Result<bool, Failure> {
        match self.what.as_str() {
            "overload" => return self.overload().await,
            "split" => return self.split().await.map(|()| true),
            _ => {}
        }
        let mut report = Report::new(&self.clients, self.seconds);
        for store in &self.store {
            self.measure(store, &mut report).await?;
        }
        let text = report.to_string();
        self.tell(&text)?;
        Ok(true)
    }

    async fn split(self) -> Result<(), Failure> {
        let mut text = format!("{}\n", calls::measure().await?);
        for store in &self.store {
            text += &split::measure(store, self.seconds).await?.to_string();
            text.push('\n');
        }
        self.tell(&text)
    }

    async fn overload(self) -> Result<bool, Failure> {
        let (mut text, mut missed) = (String::new(), Vec::new());
        for store in &self.store {
            let report = overload::measure(store, self.seconds).await?;
            if let Some(folder) = &self.record {
                report.record().write(folder)?;
            }
            text += &if self.json { report.to_json().to_string() } else { report.to_string() };
            text.push('\n');
            missed.extend(report.missed());
        }
        self.tell(&text)?;
        for aim in &missed {
            crate::say(&format!("missed: {aim}"));
        }
        Ok(missed.is_empty())
    }

    fn tell(&self, text: &str) -> Result<(), Failure> {
        std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
        match &self.write {
            Some(file) => page::put(file, &self.what, text),
            None => Ok(()),
        }
    }

    async fn measure(&self, store: &str, report: &mut Report) -> Result<(), Failure> {
        let place = Store::named(store, "bench")?;
        // What the shop does with all of them at once: whom it would rather turn away is for `overload` to say.
        let everybody = self.clients.iter().max().unwrap_or(&1).to_string();
        let open = vec![("CLEAVE__GATEWAY__ADMISSION__MIN_CONCURRENCY", everybody)];
        let mut server = Server::start_set(&server::binary()?, place, &[server::EVERYTHING], open).await?;
        let staff = server.staff().await?;
        let variant = fill(&staff).await?;
        server.kill_and_restart(0).await?;
        report.start(store, server.opened_in, memory(&server), std::fs::metadata(server::binary()?)?.len());

        let address = server.address.trim_start_matches("http://").to_owned();
        let read = Load::get(&address, "/v1/products/bench-product-1");
        let size = read.once().await?;
        let bare = floor::Http::start(size).await?;
        let transaction = floor::Transaction::prepare(store).await?;
        let owner = json!({ "email": OWNER, "password": PASSWORD });
        let order = checkout(&variant);
        let token = format!("Bearer {}", staff.token().unwrap_or_default());
        let search = Load::get(&address, "/v1/admin/products?q=bench&limit=20").with("authorization", &token);
        let works = [
            (format!("a bare route with the same {size} bytes"), Work::Bare(Load::get(&bare.address, "/"))),
            ("product by slug".to_owned(), Work::Load(read)),
            ("list of 20".to_owned(), Work::Load(Load::get(&address, "/v1/products?limit=20"))),
            ("search by staff".to_owned(), Work::Load(search)),
            ("sign-in".to_owned(), Work::Load(Load::post(&address, "/v1/auth/login", &owner))),
            ("the minimal transaction of a purchase".to_owned(), Work::Floor(transaction)),
            ("purchase by /v1/checkout".to_owned(), Work::Load(Load::post(&address, "/v1/checkout", &order))),
            ("purchase in three steps".to_owned(), Work::Steps(Steps::of(&address, &order))),
        ];
        let mut rows: Vec<Row> =
            works.iter().map(|(what, work)| Row::new(format!("{store}: {what}"), work.is_ours())).collect();
        for clients in &self.clients {
            for (row, (_, work)) in rows.iter_mut().zip(&works) {
                let duration = Duration::from_secs(self.seconds);
                work.run(*clients, duration / 10).await?;
                let before = Used::of(&server).await?;
                let rate = work.run(*clients, duration).await?;
                row.push(rate, Used::of(&server).await?.since(&before, &rate));
            }
        }
        report.add(rows, memory(&server));
        bare.stop().await?;
        server.stop().await
    }
}

/// What is done again and again.
enum Work {
    Bare(Load),
    Load(Load),
    Steps(Steps),
    Floor(floor::Transaction),
}

impl Work {
    async fn run(&self, clients: usize, duration: Duration) -> Result<Rate, Failure> {
        match self {
            Self::Bare(load) | Self::Load(load) => load.run(clients, duration).await,
            Self::Steps(steps) => steps.run(clients, duration).await,
            Self::Floor(transaction) => transaction.run(clients, duration).await,
        }
    }

    /// Whether a shop does it.
    fn is_ours(&self) -> bool {
        matches!(self, Self::Load(_) | Self::Steps(_))
    }
}

/// A small catalogue. Returns the variant that is bought.
pub(crate) async fn fill(staff: &Api) -> Result<String, Failure> {
    let mut variant = String::new();
    for number in 1..=40 {
        let body = json!({
            "title": format!("Bench product {number}"), "slug": format!("bench-product-{number}"), "status": "active",
            "description": "A thing of the size that things have: with a text of some length that says what it is.",
            "variants": [{
                "sku": format!("BENCH-{number}"), "prices": [{ "amount": 1999, "currency": "USD" }], "stock": STOCK,
            }],
        });
        let reply = staff.post("/v1/admin/products", &body, &[]).await?;
        let product = reply.expect(reqwest::StatusCode::CREATED)?;
        // Not the one that is read, so that reading measures the kept answer and buying the database.
        if number == 40 {
            product["variants"][0]["id"].as_str().unwrap_or_default().clone_into(&mut variant);
        }
    }
    Ok(variant)
}

/// What buys one of a variant, in one call.
pub fn checkout(variant: &str) -> Value {
    json!({
        "currency": "USD", "items": [{ "variantId": variant, "quantity": 1 }], "email": "bench@example.com",
        "shippingAddress": { "name": "Bench", "line1": "1 Main St", "city": "Portland", "country": "US" },
        "payment": { "provider": "test", "token": "approve" },
    })
}
