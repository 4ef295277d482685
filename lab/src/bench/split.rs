//! What it costs to take a shop apart: the same loads on one process and on four, in one run.

use std::fmt;
use std::time::Duration;

use super::load::{Load, Rate};
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
/// Clock ticks in a second, as the system counts the time of processes. Linux has shown 100 to programs for decades.
const TICKS: f64 = 100.0;

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
                let (before, duration) = (ticks(&server), Duration::from_secs(seconds));
                let rate = request.run(clients, duration).await?;
                let used = (ticks(&server) - before) as f64 / TICKS;
                // The tenth of the time that warms up has answers, too.
                let answers = rate.per_second * duration.as_secs_f64() * 1.1;
                costs.push(Cost { layout, load, clients, rate, cpu: used / answers * 1000.0 });
            }
        }
        server.stop().await?;
    }
    Ok(Table { store: store.to_owned(), seconds, costs })
}

/// The processor time of all processes so far, in ticks.
fn ticks(server: &Server) -> u64 {
    let of = |pid: u32| -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in brackets may hold spaces; after it, user and system time are the 12th and 13th fields.
        let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
        Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
    };
    server.pids().into_iter().filter_map(of).sum()
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
