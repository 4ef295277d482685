//! Proofs: each tries to break promises of the shop, says how often, and leaves a record.

pub mod paysim;
pub mod races;

use crate::Failure;

/// What is tried.
#[derive(Debug, clap::Subcommand)]
pub enum Prove {
    /// A payment provider does all that providers do, and every cent is explained
    Paysim(paysim::Scripts),
    /// Everybody at once: what may happen once happens once
    Races(races::Races),
}

impl Prove {
    /// Tries it. Returns whether the promises held.
    ///
    /// # Errors
    /// It could not be tried.
    pub async fn run(self) -> Result<bool, Failure> {
        match self {
            Self::Paysim(scripts) => scripts.run().await,
            Self::Races(races) => races.run().await,
        }
    }
}
