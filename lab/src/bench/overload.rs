//! What a shop does when ten times as much is asked of it as it can do, and afterwards.

mod generator;
mod report;

use std::time::{Duration, Instant};

use super::load::Load;
use super::{checkout, fill, memory};
use crate::Failure;
use crate::server::{self, Server, Store};

use generator::{Kind, Mix, Outcome, offer};
pub(super) use report::Report;

/// Who comes, one after another: of sixteen five buy, ten look around, and one works here.
const COMING: &[u8; 16] = b"PBLPBLPBLPBLPBLS";
/// A rate is sustained while the 99th percentile of purchases is below this, and hardly anything is refused.
const BOUND_MS: f64 = 150.0;
/// How often a higher rate is tried, and by how much it is higher.
const STEPS: usize = 12;
const STEP: f64 = 1.1;
/// Clients while it is found out where to begin, and how long.
const CLIENTS: usize = 16;
const TRIAL: Duration = Duration::from_secs(2);
/// How many times as much is offered as can be sustained.
const TIMES: [f64; 3] = [2.0, 5.0, 10.0];
/// What is offered before and after, of what can be sustained.
const NORMAL: f64 = 0.8;
/// How long it is watched afterwards.
const AFTERWARDS: Duration = Duration::from_secs(15);

/// A stretch of an offer, and the memory the shop held at its end.
pub(super) struct Phase {
    name: String,
    rate: f64,
    outcome: Outcome,
    resident: Option<u64>,
}

/// The shop, and what is asked of it.
struct Overload {
    server: Server,
    mix: Mix,
    flood: Mix,
    seconds: Duration,
}

/// Measures a store.
pub(super) async fn measure(store: &str, seconds: u64) -> Result<Report, Failure> {
    let began = Instant::now();
    let overload = Overload::open(store, Duration::from_secs(seconds)).await?;
    let sustained = overload.sustained().await?;
    let mut phases = vec![overload.phase("0.8 × before", &overload.mix, sustained.rate * NORMAL).await?];
    let rate = sustained.rate;
    phases.push(sustained);
    for times in TIMES {
        phases.push(overload.phase(&format!("{times:.0} ×"), &overload.mix, rate * times).await?);
    }
    let after = offer(&overload.mix, rate * NORMAL, AFTERWARDS).await?;
    phases.push(overload.seen("0.8 × after", rate * NORMAL, after));
    // Half the purchases that can be sustained, beside ten times the browsing: of 41 who come one buys.
    let flood = rate * 0.5 * 5.0 / 16.0 * overload.flood.0.len() as f64;
    phases.push(overload.phase("0.5 × buying, 10 × browsing", &overload.flood, flood).await?);
    overload.server.stop().await?;
    Ok(Report { store: store.to_owned(), phases, took: began.elapsed() })
}

impl Overload {
    async fn open(store: &str, seconds: Duration) -> Result<Self, Failure> {
        let place = Store::named(store, "overload")?;
        let server = Server::start(&server::binary()?, place).await?;
        let staff = server.staff().await?;
        let variant = fill(&staff).await?;
        let address = server.address.trim_start_matches("http://").to_owned();
        let token = staff.token().ok_or("nobody works here")?.to_owned();
        let load = |who: u8| match who {
            b'P' => (Kind::Purchase, Load::post(&address, "/v1/checkout", &checkout(&variant))),
            b'B' => (Kind::Browsing, Load::get(&address, "/v1/products/bench-product-1")),
            b'L' => (Kind::Browsing, Load::get(&address, "/v1/products?limit=20")),
            _ => (
                Kind::Staff,
                Load::get(&address, "/v1/admin/orders?limit=20")
                    .with("authorization", &format!("Bearer {token}")),
            ),
        };
        let mix = Mix(COMING.iter().copied().map(load).collect());
        let flood = b"P".iter().chain(b"BL".iter().cycle().take(40)).copied().map(load);
        Ok(Self { flood: Mix(flood.collect()), server, mix, seconds })
    }

    async fn phase(&self, name: &str, mix: &Mix, rate: f64) -> Result<Phase, Failure> {
        let outcome = offer(mix, rate, self.seconds).await?;
        Ok(self.seen(name, rate, outcome))
    }

    fn seen(&self, name: &str, rate: f64, outcome: Outcome) -> Phase {
        crate::say(&format!("{name}: {rate:.0} offered, {:.0} answered a second", outcome.good()));
        Phase { name: name.to_owned(), rate, outcome, resident: memory(&self.server) }
    }

    /// The highest rate of a ladder at which, for twice as long as elsewhere, all but 1 of 100 are answered well and
    /// purchases in time.
    async fn sustained(&self) -> Result<Phase, Failure> {
        let purchase = self.mix.0.iter().find(|(kind, _)| *kind == Kind::Purchase);
        let (_, purchase) = purchase.ok_or("nobody buys")?;
        let most = purchase.run(CLIENTS, TRIAL).await?.per_second;
        let mut rate = most * 0.5 * 16.0 / 5.0;
        let mut best = None;
        for _ in 0..STEPS {
            let phase = self.seen("1 ×", rate, offer(&self.mix, rate, self.seconds * 2).await?);
            let outcome = &phase.outcome;
            let sustained = outcome.is_well() && outcome.p99(Kind::Purchase) <= BOUND_MS;
            match (sustained, &best) {
                (true, _) => best = Some(phase),
                // The trial promised too much.
                (false, None) => {
                    rate /= 1.7;
                    continue;
                }
                (false, Some(_)) => break,
            }
            rate *= STEP;
        }
        best.ok_or_else(|| "no rate is sustained on this machine as busy as it is".into())
    }
}
