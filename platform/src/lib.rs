//! The machinery every module shares: the store, contract calls, the event log, jobs, HTTP, telemetry.

pub mod db;
pub mod http;
pub mod tasks;

pub use db::{Db, DbError, Tx};
pub use tasks::Tasks;
