//! The machinery every module shares: the store, contract calls, the event log, jobs, HTTP, telemetry.

pub mod http;
