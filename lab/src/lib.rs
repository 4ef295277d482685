//! Tools that try a shop from outside: a retailer's real quarter replayed, and benchmarks. Not part of the shop.

pub mod api;
pub mod replay;
pub mod server;

/// What a tool fails with: a sentence and its causes.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
