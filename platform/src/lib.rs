//! The machinery every module shares: the store, contract calls, the event log, jobs, HTTP, telemetry.

pub mod calls;
pub mod db;
pub mod events;
pub mod http;
pub mod jobs;
pub mod tasks;

pub use db::{Db, DbError, Tx};
pub use tasks::Tasks;
