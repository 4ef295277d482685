//! The module on a real database: money moves once, and the ledger knows.

mod asking;
mod ending;
mod moving;
mod paying;
mod reported;
mod stores;
mod world;
