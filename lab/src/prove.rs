//! Provers: each tries to break a promise of the shop, and says with figures how often it could.

#[cfg(feature = "sim")]
pub mod sim;

use clap::Subcommand;

use crate::Failure;

/// What can be proven.
#[derive(Debug, Subcommand)]
pub enum Prove {
    /// Run the modules on a clock and a schedule made of a seed, with everything going wrong, a hundred thousand times
    #[cfg(feature = "sim")]
    Sim(sim::Sim),
}

impl Prove {
    /// Tries it. Returns whether the promise was kept.
    ///
    /// # Errors
    /// It could not be tried.
    pub async fn run(self) -> Result<bool, Failure> {
        match self {
            #[cfg(feature = "sim")]
            Self::Sim(sim) => sim.run().await,
        }
    }
}
