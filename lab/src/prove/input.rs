//! Everything nobody means: in every field of every body the shop describes, in every piece of every address, and every
//! name a body could be given besides. None may break the shop, and none may be taken for something else.

mod attack;
mod columns;
mod fields;
mod values;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use crate::Failure;
use crate::record::Record;
use crate::server::{self, Server, Store};

pub use attack::{Attack, Found};

/// Says everything nobody means.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask prove input --one-in 10\n  cargo xtask prove input --store postgres --json\n\nExits with 1 \
                  when an answer is a failure of the shop, or is none as they all are, or when something was taken that must not be."
)]
pub struct Input {
    /// The database the shop is started on: sqlite or postgres
    #[arg(long, default_value = "sqlite")]
    pub store: String,
    /// Of all there is to try, only one in so many
    #[arg(long, default_value_t = 1)]
    pub one_in: usize,
    /// The folder for the record
    #[arg(long)]
    pub record: Option<PathBuf>,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

impl Input {
    /// Does it with the binary beside ours. Returns whether the shop took it as it has to.
    ///
    /// # Errors
    /// The shop does not open, or does not answer.
    pub async fn run(self) -> Result<bool, Failure> {
        let store = Store::named(&self.store, "input")?;
        let began = Instant::now();
        let shop = Server::start(&server::binary()?, store).await?;
        let attack = Attack::on(&shop.staff().await?, self.one_in).await?;
        writeln!(std::io::stderr(), "names that no body has ...")?;
        let injected = attack.inject().await?;
        writeln!(std::io::stderr(), "values that nobody means ...")?;
        let confused = attack.confuse().await?;
        shop.stop().await?;
        let seconds = began.elapsed().as_secs_f64();
        let failures: Vec<&String> = injected.failures.iter().chain(&confused.failures).collect();
        if let Some(folder) = &self.record {
            self.kept(&injected, &confused, seconds).write(folder)?;
        }
        let mut out = std::io::stdout();
        if self.json {
            let told = json!({
                "injected": injected.sent, "confused": confused.sent, "accepted": confused.accepted,
                "cards": confused.cards, "failures": failures, "seconds": seconds,
            });
            writeln!(out, "{told}")?;
        } else {
            writeln!(
                out,
                "{} names and {} values, {} of them fair, {seconds:.0} s",
                injected.sent, confused.sent, confused.accepted
            )?;
            confused
                .cards
                .iter()
                .try_for_each(|field| writeln!(out, "took the number of a card: {field}"))?;
            failures.iter().try_for_each(|line| writeln!(out, "unexpected: {line}"))?;
        }
        Ok(failures.is_empty())
    }

    fn kept(&self, injected: &Found, confused: &Found, seconds: f64) -> Record {
        Record {
            name: format!("input-{}", self.store),
            promises: vec!["P26".to_owned(), "P33".to_owned()],
            command: format!("cargo xtask prove input --store {} --one-in {}", self.store, self.one_in),
            runs: injected.sent + confused.sent,
            faults: injected.sent + confused.sent,
            failures: (injected.failures.len() + confused.failures.len()) as u64,
            seconds,
            figures: [
                ("namesInjected".to_owned(), json!(injected.sent)),
                ("valuesSent".to_owned(), json!(confused.sent)),
                ("valuesThatWereFair".to_owned(), json!(confused.accepted)),
                ("fieldsThatTookACardNumber".to_owned(), json!(confused.cards)),
            ]
            .into(),
            not_covered: vec!["bytes that are no HTTP (the test suite sends some)".to_owned()],
        }
    }
}
