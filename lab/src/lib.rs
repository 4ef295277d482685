//! Tools that try a shop from outside: a retailer's real quarter replayed, benchmarks, shops that are taken apart while
//! customers buy, and whether a module that is not ours keeps its contract. Not part of the shop.

#![expect(
    clippy::disallowed_methods,
    reason = "the lab is no part of the shop: it measures bare sqlx on a bare runtime"
)]

pub mod api;
pub mod bench;
pub mod books;
pub mod conformance;
pub mod described;
pub mod offer;
pub mod outage;
pub mod paysim;
pub mod prove;
pub mod record;
pub mod replay;
pub mod server;
pub mod switch;

/// What a tool fails with: a sentence and its causes.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Says how far it is, to who waits for it.
fn say(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{text}\n").as_bytes());
}

/// Counts times of one microsecond to ten minutes, exact to three digits.
fn histogram() -> hdrhistogram::Histogram<u64> {
    let mut histogram = hdrhistogram::Histogram::new_with_bounds(1, 600_000_000, 3)
        .unwrap_or_else(|_| unreachable!("the bounds are in order"));
    histogram.auto(true);
    histogram
}
