//! What it costs to take a shop apart: the same loads on one process and on four, in one run.

use std::fmt;
use std::time::Duration;

use super::load::{Load, Rate};
use super::used::Used;
use super::{checkout, fill};
use crate::Failure;
use crate::server::{self, Server, Store};

/// The layouts, and the processes of each; the first is talked to.
const LAYOUTS: [(&str, &[&str]); 3] = [
    ("one process", &["user+product+order+payment"]),
    ("four processes", &["order", "user", "product", "payment"]),
    ("four behind a gateway", &["", "user", "product", "order", "payment"]),
];
const CLIENTS: [usize; 2] = [1, 16];

/// What a load came to on a layout.
struct Cost {
    layout: &'static str,
    load: &'static str,
    clients: usize,
    rate: Rate,
    /// Seconds of processor time of all processes for a thousand answers.
    cpu: f64,
}

/// The table of all.
pub(super) struct Table {
    store: String,
    seconds: u64,
    costs: Vec<Cost>,
}

/// Measures all layouts on a store.
pub(super) async fn measure(store: &str, seconds: u64) -> Result<Table, Failure> {
    let mut costs = Vec::new();
    for (layout, groups) in LAYOUTS {
        let place = Store::named(store, "split")?;
        let server = Server::start_apart(&server::binary()?, place, groups).await?;
        let staff = server.staff().await?;
        let variant = fill(&staff).await?;
        let address = server.address.trim_start_matches("http://").to_owned();
        let loads = [
            ("purchase", Load::post(&address, "/v1/checkout", &checkout(&variant))),
            ("product by slug", Load::get(&address, "/v1/products/bench-product-1")),
        ];
        for (load, request) in loads {
            for clients in CLIENTS {
                let duration = Duration::from_secs(seconds);
                request.run(clients, duration / 10).await?;
                let before = Used::of(&server).await?;
                let rate = request.run(clients, duration).await?;
                let cpu = Used::of(&server).await?.since(&before, &rate).processor * 1000.0;
                costs.push(Cost { layout, load, clients, rate, cpu });
            }
        }
        server.stop().await?;
    }
    Ok(Table { store: store.to_owned(), seconds, costs })
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "On {}, {} s for each line, everything on the same two cores:\n",
            self.store, self.seconds
        )?;
        writeln!(
            f,
            "| load | clients | layout | per second | p50 | p99 | processor time per 1,000 | p50 × | time × |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|")?;
        for cost in &self.costs {
            let same = |one: &&Cost| one.load == cost.load && one.clients == cost.clients;
            let Some(one) = self.costs.iter().find(same) else { continue };
            writeln!(
                f,
                "| {} | {} | {} | {:.0} | {:.2} ms | {:.2} ms | {:.3} s | {:.1} | {:.1} |",
                cost.load,
                cost.clients,
                cost.layout,
                cost.rate.per_second,
                cost.rate.p50 as f64 / 1000.0,
                cost.rate.p99 as f64 / 1000.0,
                cost.cpu,
                cost.rate.p50 as f64 / one.rate.p50 as f64,
                cost.cpu / one.cpu,
            )?;
        }
        let refused: u64 = self.costs.iter().map(|cost| cost.rate.refused).sum();
        if refused > 0 {
            writeln!(f, "\n{refused} requests were refused.")?;
        }
        Ok(())
    }
}
