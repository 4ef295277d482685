//! Schemathesis, made by others who do not know the shop: requests made of what the shop says of itself, and answers held
//! against the same words.

mod runner;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use super::stocked::Stocked;
use crate::Failure;
use crate::record::Record;
use crate::server::{self, Server, Store};
use runner::{Found, Runner};

/// Holds a shop against its own description.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask prove schema\n  cargo xtask prove schema --examples 200 --seed 7 --json\n\nExits with 1 when \
                  an answer is a failure of the shop, when it is not as the description says, or when something was taken \
                  that the description rules out. Needs Python and, the first time, the network."
)]
pub struct Schema {
    /// The database the shop is started on: sqlite or postgres
    #[arg(long, default_value = "sqlite")]
    pub store: String,
    /// Requests made by chance for each operation, besides the edge cases
    #[arg(long, default_value_t = 20)]
    pub examples: u32,
    /// What chance is made of; the same is tried again with the same
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Seconds that each of the five runs may take
    #[arg(long, default_value_t = 900)]
    pub patience: u64,
    /// The folder for the record
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

impl Schema {
    /// Does it with the binary beside ours. Returns whether the shop is as it says.
    ///
    /// # Errors
    /// The shop does not open, or schemathesis is not there or does not come to an end.
    pub async fn run(self) -> Result<bool, Failure> {
        let store = Store::named(&self.store, "schema")?;
        let began = Instant::now();
        let shop = Server::start(&server::binary()?, store).await?;
        let stocked = Stocked::fill(&shop.staff().await?).await?;
        let runner =
            Runner::new(&shop.address, &stocked.samples.ids, self.examples, self.seed, self.patience)?;
        let mut found = Found::default();
        for (document, who) in [
            ("store", "guest"),
            ("store", "customer"),
            ("store", "staff"),
            ("admin", "staff"),
            ("admin", "guest"),
        ] {
            writeln!(std::io::stderr(), "the {document} document, for {who} ...")?;
            // Signed in anew each time: an access token is good for minutes.
            let token = match who {
                "customer" => {
                    Some(shop.staff().await?.sign_in(&stocked.ada.email, super::stocked::PASSWORD).await?)
                }
                "staff" => shop.staff().await?.token().map(str::to_owned),
                _ => None,
            };
            found.add(&format!("{document} for {who}"), &runner.run(document, token.as_deref()).await?);
        }
        shop.stop().await?;
        let seconds = began.elapsed().as_secs_f64();
        if let Some(folder) = &self.record {
            self.kept(&found, seconds).write(folder)?;
        }
        self.tell(&found, seconds)?;
        Ok(found.failures.is_empty())
    }

    fn tell(&self, found: &Found, seconds: f64) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        if self.json {
            let told = json!({
                "requests": found.requests, "operations": found.operations, "failures": found.failures,
                "seconds": seconds, "seed": self.seed,
            });
            writeln!(out, "{told}")?;
            return Ok(());
        }
        for failure in &found.failures {
            writeln!(out, "unexpected: {failure}")?;
        }
        let operations: u64 = found.operations.values().sum();
        writeln!(
            out,
            "{} requests at {operations} operations, {} unexpected, {seconds:.0} s",
            found.requests,
            found.failures.len()
        )?;
        Ok(())
    }

    fn kept(&self, found: &Found, seconds: f64) -> Record {
        let figures: BTreeMap<_, _> = found
            .operations
            .iter()
            .map(|(run, count)| (format!("operations, {run}"), json!(count)))
            .collect();
        Record {
            name: format!("schema-{}", self.store),
            promises: vec!["P26".to_owned(), "P33".to_owned()],
            command: format!(
                "cargo xtask prove schema --store {} --examples {} --seed {}",
                self.store, self.examples, self.seed
            ),
            runs: found.requests,
            faults: found.requests,
            failures: found.failures.len() as u64,
            seconds,
            figures,
            not_covered: vec![
                "that whatever the description allows is accepted: rules of the shop go beyond it".to_owned(),
            ],
        }
    }
}
