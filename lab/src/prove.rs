//! Provers: each tries to break a promise of the shop, and says with figures how often it could.

pub mod access;
pub mod crash;
mod door;
pub mod fuzz;
pub mod input;
pub mod page;
pub mod paysim;
pub mod power;
pub mod races;
pub mod schema;
#[cfg(feature = "sim")]
pub mod sim;
mod stocked;
pub mod suite;

use clap::Subcommand;

use crate::{Failure, record};

/// What can be proven.
#[derive(Debug, Subcommand)]
pub enum Prove {
    /// Everybody at every door: whoever may not come in stays out
    Access(access::Access),
    /// Kill the shop at every step while customers buy, and look whether anything is lost
    Crash(Box<crash::Crash>),
    /// The customers of that shop, in a process of their own
    #[command(hide = true)]
    CrashClients(crash::clients::Clients),
    /// Bytes that nobody chose, for everything that reads bytes from outside
    Fuzz(fuzz::Fuzz),
    /// Write down for everybody what the records of provers say
    Page(page::Page),
    /// Everything nobody means, in every field of every request
    Input(input::Input),
    /// A payment provider does all that providers do, and every cent is explained
    Paysim(paysim::Scripts),
    /// Cut the power at every write, fill the disk and break it: nothing that was acknowledged is lost
    Power(power::Power),
    /// Everybody at once: what may happen once happens once
    Races(races::Races),
    /// Requests made of what the shop says of itself, by a tool that knows no more of it
    Schema(schema::Schema),
    /// What tests show: promises that hold or do not, whatever chance brings
    Suite(suite::Suite),
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
        record::begin();
        match self {
            Self::Access(access) => access.run().await,
            Self::Crash(crash) => crash.run().await,
            Self::CrashClients(clients) => clients.run().await.map(|()| true),
            Self::Fuzz(fuzz) => fuzz.run().await,
            Self::Page(page) => page.run().map(|()| true),
            Self::Input(input) => input.run().await,
            Self::Paysim(scripts) => scripts.run().await,
            Self::Power(power) => power.run().await,
            Self::Races(races) => races.run().await,
            Self::Schema(schema) => schema.run().await,
            Self::Suite(suite) => suite.run().await,
            #[cfg(feature = "sim")]
            Self::Sim(sim) => sim.run().await,
        }
    }
}
