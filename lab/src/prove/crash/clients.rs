//! Customers and staff in a process of their own, who repeat what was not answered as the documentation says: the same
//! request under the same `Idempotency-Key`, after a pause.

mod deeds;
mod sending;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::Failure;
use sending::Sender;

/// Acts at a shop that is killed again and again, until its standard input ends.
#[derive(Debug, Clone, clap::Args)]
pub struct Clients {
    /// The file that says where the shop is
    #[arg(long)]
    pub address: PathBuf,
    /// The journal
    #[arg(long)]
    pub journal: PathBuf,
    /// The variants that are bought
    #[arg(long, value_delimiter = ',')]
    pub variants: Vec<String>,
    /// Who acts at the same time
    #[arg(long, default_value_t = 64)]
    pub people: u64,
    /// From which all chance follows
    #[arg(long)]
    pub seed: u64,
    /// Only purchases that come to their end without a job or a webhook
    #[arg(long)]
    pub simple: bool,
}

/// How long whoever is in the middle of something may go on.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(clap::Parser)]
struct Alone {
    #[command(flatten)]
    clients: Clients,
}

impl Clients {
    /// Reads the arguments as they come after the name of the program, for who brings a program of their own.
    ///
    /// # Errors
    /// They are not what this takes.
    pub fn of(arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let program = std::iter::once("clients".to_owned());
        Ok(<Alone as clap::Parser>::try_parse_from(program.chain(arguments))?.clients)
    }

    /// Does it.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn run(self) -> Result<(), Failure> {
        let (over, told) = watch::channel(false);
        let sender = Arc::new(Sender::new(&self, told)?);
        let mut acting = tokio::task::JoinSet::new();
        for person in 0..self.people {
            let deeds = deeds::Deeds::new(Arc::clone(&sender), &self, person);
            acting.spawn(deeds.go_on());
        }
        // Whoever started us holds the other end: it closes when they want, and when they die.
        let mut closed =
            tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
        tokio::select! {
            _ = &mut closed => {}
            Some(ended) = acting.join_next() => {
                ended??;
                return Err("somebody has stopped acting".into());
            }
        }
        let _ = over.send(true);
        let ending = async {
            while let Some(ended) = acting.join_next().await {
                ended??;
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, ending).await.unwrap_or(Ok(()))
    }
}
