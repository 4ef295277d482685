//! The machinery every module shares: the store, contract calls, the event log, jobs, HTTP, TLS, telemetry.

pub mod books;
pub mod calls;
pub mod commands;
pub mod db;
pub mod events;
pub mod fault;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod http;
pub mod idempotency;
pub mod jobs;
pub mod metrics;
pub mod module;
#[cfg(feature = "sim")]
pub mod seam;
pub mod tasks;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tls;
pub mod waits;

pub use commands::{Commands, Effect};
pub use db::{Db, DbError, Tx};
pub use module::{Mount, Sweep};
pub use tasks::Tasks;
