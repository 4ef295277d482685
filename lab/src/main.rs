//! The lab's command line. `cargo xtask bench`, `replay`, `switch`, `outage`, `prove` and `conformance` call it.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lab::Failure;
use lab::api::Api;
use lab::bench::{self, Bench};
use lab::conformance::Conformance;
use lab::outage::Outage;
use lab::paysim::Paysim;
use lab::prove::Prove;
use lab::replay::{self, Options};
use lab::server::{Server, Store};
use lab::switch::Switch;

/// Tries a shop from outside.
#[derive(Debug, Parser)]
#[command(name = "lab", version)]
struct Lab {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Replay a retailer's invoices through a freshly started shop and check its books against the file
    Replay(Replay),
    /// Measure reads and purchases beside the floor of the machine
    Bench(Bench),
    /// Check whether whoever serves a contract keeps it, in whatever language
    Conformance(Conformance),
    /// Move payment out of a shop and back while customers buy
    Switch(Switch),
    /// Stop the broker of a shop while customers buy
    Outage(Outage),
    /// Be a payment provider that does as it is told
    Paysim(Paysim),
    /// Try to break a promise, and say with figures how often that worked
    #[command(
        subcommand,
        after_help = "`cargo xtask prove all` runs every one, and writes docs/reliability.md."
    )]
    Prove(Prove),
    /// The bare routes that the bench measures against
    #[command(hide = true)]
    Floor,
}

/// Replays a retailer's invoices.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask replay ../shared/data/online-retail/2010-12_2011-02.csv.gz --limit 200\n  \
                        cargo xtask replay FILE.csv.gz --store postgres"
)]
struct Replay {
    /// The invoices, as CSV, gzipped or not
    file: PathBuf,
    /// Only the first so many invoices
    #[arg(long)]
    limit: Option<usize>,
    /// Buyers at the same time
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
    /// The database the shop is started on: sqlite or postgres
    #[arg(long, default_value = "sqlite")]
    store: String,
    /// Do not show how far it is
    #[arg(long)]
    quiet: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Lab::parse().verb {
        Verb::Replay(replay) => replay.run().await,
        Verb::Bench(bench) => bench.run().await,
        Verb::Conformance(conformance) => conformance.run().await,
        Verb::Switch(switch) => switch.run().await,
        Verb::Outage(outage) => outage.run().await,
        Verb::Paysim(paysim) => paysim.run().await,
        Verb::Prove(prove) => prove.run().await,
        Verb::Floor => bench::floor::serve().await.map(|()| true),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "error: {failure}");
            ExitCode::FAILURE
        }
    }
}

impl Replay {
    async fn run(self) -> Result<bool, Failure> {
        let store = Store::named(&self.store, "replay")?;
        let server = Server::start(&lab::server::binary()?, store).await?;
        let api = Api::new(server.address.clone())?;
        let staff = server.staff().await?;
        let options = Options { limit: self.limit, concurrency: self.concurrency, progress: !self.quiet };
        let report = replay::replay(&self.file, &api, &staff, &options).await?;
        server.stop().await?;
        writeln!(std::io::stdout(), "{report}")?;
        Ok(report.differences.is_empty())
    }
}
