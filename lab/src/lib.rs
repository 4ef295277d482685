//! Tools that try a shop from outside: a retailer's real quarter replayed, and benchmarks. Not part of the shop.

#![expect(clippy::disallowed_methods, reason = "the lab is no part of the shop: it measures bare sqlx on a bare runtime")]

pub mod api;
pub mod bench;
pub mod replay;
pub mod server;

/// What a tool fails with: a sentence and its causes.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
