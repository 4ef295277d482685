//! Replays a real retailer's invoices through a shop's public API and checks the shop's books against the file.
//!
//! The rules by which a line of the file is a sale, a cancellation or nothing are in [`plan`]; they look at the file
//! only, so that the expectation does not depend on the shop.

pub mod check;
pub mod plan;
pub mod run;

use std::path::Path;

use crate::Failure;
use crate::api::Api;

pub use check::Report;
pub use plan::Plan;

/// How a replay is done.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only the first so many invoices; all when absent.
    pub limit: Option<usize>,
    /// Buyers at the same time.
    pub concurrency: usize,
    /// Whether to show how far it is.
    pub progress: bool,
}

/// Replays a file against a shop that holds nothing yet.
///
/// # Errors
/// The file cannot be read, or the shop refuses what it should do. Differences are not errors but part of the report.
pub async fn replay(file: &Path, api: &Api, staff: &Api, options: &Options) -> Result<Report, Failure> {
    let plan = Plan::read(file, options.limit)?;
    let journal = run::run(&plan, api, staff, options).await?;
    check::check(&plan, &journal, staff).await
}
