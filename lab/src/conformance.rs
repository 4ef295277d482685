//! Whether whoever serves a contract serves it as it is meant, in whatever language: asked over the wire, from outside.

mod credentials;
mod feed;
mod line;
mod payments;
mod report;

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::Failure;
pub use line::Line;
pub use report::{Check, Report};

/// What a check found amiss: a sentence.
type Amiss = String;

/// Which suite is run, and against whom.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask conformance payments http://127.0.0.1:9081 --secret file:/etc/cleave/secret\n  \
                        cargo xtask conformance payments http://127.0.0.1:9081 --secret env:SECRET --json\n\n\
                        The payments it makes stay there: give it a database that can be thrown away, and nobody else \
                        at work on it. The module has to have the test provider."
)]
pub struct Conformance {
    /// The contract: payments
    contract: String,
    /// The address of the internal listener that serves it
    url: String,
    /// The secret between the processes of the shop, as `env:NAME` or `file:/path`
    #[arg(long, default_value = "env:CLEAVE_SECRET")]
    secret: String,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

impl Conformance {
    /// Runs the suite. `false`: something is amiss.
    ///
    /// # Errors
    /// There is no such suite, or no secret.
    pub async fn run(self) -> Result<bool, Failure> {
        if self.contract != "payments" {
            return Err(
                format!("there is no suite for `{}`; there is one for `payments`", self.contract).into()
            );
        }
        let line = Line::new(&self.url, &secret(&self.secret)?)?;
        let report = payments(&line, !self.json).await?;
        let mut out = std::io::stdout();
        if self.json {
            writeln!(out, "{}", report.to_json())?;
        } else {
            writeln!(out, "{}", report.summary())?;
        }
        Ok(report.failed().is_empty())
    }
}

/// The suite of `payments.v1`, and of the log that comes with it. Says what it finds as it goes if it shall.
///
/// # Errors
/// Nobody answers at all.
pub async fn payments(line: &Line, aloud: bool) -> Result<Report, Failure> {
    line.reach().await?;
    let mut report = Report::new(aloud);
    credentials::check(line, &mut report).await;
    payments::check(line, &mut report).await;
    feed::check(line, &mut report).await;
    Ok(report)
}

fn secret(reference: &str) -> Result<String, Failure> {
    let text = match reference.split_once(':') {
        Some(("env", name)) => std::env::var(name).map_err(|_| format!("{name} is not set"))?,
        Some(("file", path)) => {
            let file = PathBuf::from(path);
            std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?
        }
        _ => return Err("a secret is given as `env:NAME` or `file:/path`".into()),
    };
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
