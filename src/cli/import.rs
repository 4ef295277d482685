//! `cleave import`: take in a file.

use std::fs::File;
use std::io::{BufReader, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use kernel::Currency;
use product::{Import as Imported, ImportStatus, Progress, RowFault};
use serde_json::json;

use super::output::Output;
use super::{Failure, Workshop};
use crate::compose::NotHere;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum Import {
    /// Products, as a CSV file in Shopify's export format; nothing is taken in unless every row is good
    Products(Products),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cleave import products products.csv --dry-run\n  cleave import products products.csv --currency EUR"
)]
pub(super) struct Products {
    /// The file
    file: PathBuf,
    /// The currency of its prices, which the file does not name [default: the shop's]
    #[arg(long)]
    currency: Option<Currency>,
    /// Only look whether every row is good
    #[arg(long)]
    dry_run: bool,
}

impl Import {
    pub(super) async fn run(self, config: &Config, output: &Output) -> Result<ExitCode, Failure> {
        let Self::Products(products) = self;
        let file =
            File::open(&products.file).map_err(|error| format!("{}: {error}", products.file.display()))?;
        let length = file.metadata()?.len();
        let workshop = Workshop::open(config).await?;
        let imports = workshop.modules.product.as_ref().ok_or(NotHere(product::NAME))?.imports();
        let currency = products.currency.unwrap_or(config.shop.default_currency);

        let bar = bar(length, output);
        let show = |progress: Progress| match progress {
            Progress::Read(rows) => bar.set_message(format!("{rows} rows read")),
            Progress::Applied(done, all) => {
                bar.set_length(all);
                bar.set_position(done);
                bar.set_message("products taken in");
            }
        };
        let reader = BufReader::new(file);
        let import = if products.dry_run {
            imports.preview(imports.next_id(), reader, currency, show).await?
        } else {
            imports.run(reader, currency, show).await?
        };
        bar.finish_and_clear();
        workshop.close().await;
        report(&import, products.dry_run, output);
        Ok(if import.status == ImportStatus::Refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn report(import: &Imported, dry_run: bool, output: &Output) {
    let counts = import.counts;
    for fault in &import.faults.errors {
        output.say(line("error", fault), &json!({ "error": fault }));
    }
    for fault in &import.faults.warnings {
        output.say(line("note", fault), &json!({ "warning": fault }));
    }
    let became = match (import.status, dry_run) {
        (ImportStatus::Refused, _) => "Nothing was taken in: mend the rows above and try again.",
        (_, true) => "Every row is good. Nothing was taken in, because this was a dry run.",
        (_, false) => "Taken in.",
    };
    output.say(
        format!(
            "{} rows: {} products with {} variants, {} of them new. {became}",
            counts.rows, counts.products, counts.variants, counts.created
        ),
        &json!({ "id": import.id, "status": import.status, "counts": counts, "dryRun": dry_run }),
    );
}

fn line(kind: &str, fault: &RowFault) -> String {
    format!("{kind}: row {}, {}: {}", fault.row, fault.column, fault.detail)
}

fn bar(length: u64, output: &Output) -> ProgressBar {
    if output.is_json() || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {msg}");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
