//! Everybody at every door: each operation the shop describes, asked for by everybody there could be, for what is theirs,
//! what is another's and what has never been. What has to come of it follows from one table.

mod cell;
mod matrix;
mod objects;
mod people;
mod table;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use crate::Failure;
use crate::record::Record;
use crate::server::{self, Server, Store};

pub use matrix::{Found, Matrix};
pub(super) use objects::objects;
pub use table::{Needs, Row, TABLE};

/// Tries every door.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask prove access\n  cargo xtask prove access --store postgres --json\n\nExits with 1 when \
                  somebody came in who may not, or stayed outside who may."
)]
pub struct Access {
    /// The database the shop is started on: sqlite or postgres
    #[arg(long, default_value = "sqlite")]
    pub store: String,
    /// The folder for the record
    #[arg(long)]
    pub record: Option<PathBuf>,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

impl Access {
    /// Does it with the binary beside ours. Returns whether everybody came in who may, and nobody else.
    ///
    /// # Errors
    /// The shop does not open.
    pub async fn run(self) -> Result<bool, Failure> {
        let store = Store::named(&self.store, "access")?;
        let began = Instant::now();
        let shop = Server::start(&server::binary()?, store).await?;
        writeln!(std::io::stderr(), "everybody gets a key ...")?;
        let matrix = Matrix::of(&shop.staff().await?, &[]).await?;
        writeln!(std::io::stderr(), "and tries it at every door ...")?;
        let found = matrix.go_through().await?;
        shop.stop().await?;
        let seconds = began.elapsed().as_secs_f64();
        if let Some(folder) = &self.record {
            self.kept(&found, seconds).write(folder)?;
        }
        let mut out = std::io::stdout();
        if self.json {
            let told = json!({ "cells": found.cells, "served": found.served, "unexpected": found.unexpected, "seconds": seconds });
            writeln!(out, "{told}")?;
        } else {
            writeln!(out, "{} cells, {} of them served, {seconds:.0} s", found.cells, found.served)?;
            found.unexpected.iter().try_for_each(|line| writeln!(out, "unexpected: {line}"))?;
        }
        Ok(found.unexpected.is_empty())
    }

    fn kept(&self, found: &Found, seconds: f64) -> Record {
        let mut not_covered =
            vec!["an access token whose time is over (the test suite shows one)".to_owned()];
        not_covered
            .extend(found.without_object.iter().map(|name| format!("{name} for something that is there")));
        Record {
            name: format!("access-{}", self.store),
            promises: vec!["P25".to_owned(), "P29".to_owned()],
            command: format!("cargo xtask prove access --store {}", self.store),
            runs: found.cells,
            faults: 0,
            failures: found.unexpected.len() as u64,
            seconds,
            figures: [
                ("operations".to_owned(), json!(TABLE.len())),
                ("served".to_owned(), json!(found.served)),
            ]
            .into(),
            not_covered,
        }
    }
}
