//! Everybody at once: what may happen once happens once, and a limit is a limit, however many come at the same moment.
//!
//! Each race is a function over a shop that is open already, so that the shop's own tests run the same ones.

mod cart;
mod keys;
mod money;
mod mutants;
mod report;
mod stock;
mod tokens;
mod track;

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::Failure;
use crate::server::{self, EVERYTHING, Server, Settings, Store};

pub use cart::completions;
pub use keys::duplicates;
pub use money::{capture_or_cancel, refunds};
pub use report::{Heat, Report};
pub use stock::{adjustments, buyers};
pub use tokens::{tabs, thief};
pub use track::Track;

/// All races there are.
const RACES: [&str; 8] = ["stock", "cart", "refund", "capture", "idempotency", "tabs", "thief", "adjustment"];
/// How many buy, and how many units there are.
const BUYERS: [usize; 4] = [2, 8, 64, 512];
const UNITS: [i64; 3] = [1, 7, 100];

/// Sets everybody going at once.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask prove races\n  cargo xtask prove races --store postgres --placement replicas --rounds 5\n  \
                  cargo xtask prove races --mutants\n\nWith --mutants every guard is taken out of a copy of the sources, and the race has \
                  to notice. Exits with 1 when a limit did not hold, or when a guard was missed by nobody."
)]
pub struct Races {
    /// The database the shop is started on: sqlite or postgres
    #[arg(long, default_value = "sqlite")]
    pub store: String,
    /// Where the modules are: one process, or replicas, which are two of everything and need postgres
    #[arg(long, default_value = "one")]
    pub placement: String,
    /// How often each race is run
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Take the guards out, one after another, and demand that the races fail
    #[arg(long)]
    pub mutants: bool,
    /// Only the races of these names, with commas between
    #[arg(long)]
    pub only: Option<String>,
    /// The folder for the record
    #[arg(long)]
    pub record: Option<PathBuf>,
    /// For programs
    #[arg(long)]
    pub json: bool,
    /// The shop's program, when it is not the one beside ours
    #[arg(long, hide = true)]
    pub binary: Option<PathBuf>,
}

impl Races {
    /// Runs them. Returns whether all limits held, or all missing guards were noticed.
    ///
    /// # Errors
    /// The shop does not open, or a copy of it cannot be built.
    pub async fn run(self) -> Result<bool, Failure> {
        if let Some(other) =
            self.only.iter().flat_map(|only| only.split(',')).find(|race| !RACES.contains(race))
        {
            return Err(format!("there is no race `{other}`; there are {}", RACES.join(", ")).into());
        }
        if self.mutants {
            return mutants::run(&self).await;
        }
        let binary = match &self.binary {
            Some(binary) => binary.clone(),
            None => server::binary()?,
        };
        let report = self.on(&binary).await?;
        let text = if self.json { report.to_json() } else { report.to_string() };
        std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
        if let Some(dir) = &self.record {
            report.record(&self).write(dir)?;
        }
        Ok(report.is_sound())
    }

    /// Runs them with a shop of this binary.
    ///
    /// # Errors
    /// As [`Races::run`].
    pub async fn on(&self, binary: &Path) -> Result<Report, Failure> {
        let groups: &[&str] = match self.placement.as_str() {
            "one" => &[EVERYTHING],
            "replicas" => &[EVERYTHING, EVERYTHING],
            other => return Err(format!("there is no placement `{other}`; choose one or replicas").into()),
        };
        let store = match self.store.as_str() {
            "sqlite" if groups.len() > 1 => {
                return Err("a SQLite file belongs to one process; choose postgres for replicas".into());
            }
            name => Store::named(name, "races")?,
        };
        let shop = Server::start_set(binary, store, groups, settings()).await?;
        let mut addresses = Vec::new();
        for at in 0..groups.len() {
            addresses.push(shop.address_of(at)?.to_owned());
        }
        let track = Track::at(&addresses, &shop.staff().await?)?;
        let began = Instant::now();
        let mut report = Report::default();
        for round in 0..self.rounds {
            self.round(&track, &mut report).await;
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("round {} of {}, {:.0} s\n", round + 1, self.rounds, began.elapsed().as_secs_f64())
                    .as_bytes(),
            );
        }
        shop.stop().await?;
        report.seconds = began.elapsed().as_secs_f64();
        Ok(report)
    }

    /// Every race once. One that could not be run to its end is one that went wrong.
    async fn round(&self, track: &Track, report: &mut Report) {
        let heat = |race, ran: Result<Heat, Failure>| ran.unwrap_or_else(|error| Heat::failed(race, &*error));
        if self.wants("stock") {
            for (many, units) in BUYERS.iter().flat_map(|many| UNITS.map(|units| (*many, units))) {
                report.add(heat("stock", buyers(track, many, units).await));
            }
        }
        if self.wants("cart") {
            report.add(heat("cart", completions(track, "approve").await));
            report.add(heat("cart", completions(track, "late_webhook").await));
        }
        if self.wants("refund") {
            report.add(heat("refund", refunds(track).await));
        }
        if self.wants("capture") {
            report.add(heat("capture", capture_or_cancel(track).await));
        }
        if self.wants("idempotency") {
            report.add(heat("idempotency", duplicates(track).await));
        }
        if self.wants("tabs") {
            report.add(heat("tabs", tabs(track).await));
        }
        if self.wants("thief") {
            report.add(heat("thief", thief(track).await));
        }
        if self.wants("adjustment") {
            report.add(heat("adjustment", adjustments(track).await));
        }
    }

    fn wants(&self, race: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.split(',').any(|only| only == race))
    }
}

/// Passwords cost little here, and whoever has to wait waits.
fn settings() -> Settings {
    let settings = [
        ("CLEAVE__AUTH__ARGON2__MEMORY_KIB", "64"),
        ("CLEAVE__AUTH__ARGON2__ITERATIONS", "1"),
        ("CLEAVE__DATABASE__ACQUIRE_TIMEOUT_MS", "20000"),
    ];
    settings.map(|(name, value)| (name, value.to_owned())).to_vec()
}
