//! `cleave staff`: people who work for the shop.

use std::io::BufRead as _;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::Output;
use super::{Failure, Workshop};
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum Staff {
    /// Let somebody work here
    Create(Create),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  cleave staff create --email ada@example.com --name Ada --role owner --password-stdin < password.txt"
)]
pub(super) struct Create {
    /// What they sign in with
    #[arg(long)]
    email: String,
    /// Their name
    #[arg(long)]
    name: String,
    /// What they may do: `owner` may do everything
    #[arg(long)]
    role: String,
    /// Read the password from standard input: its first line
    #[arg(long, required = true)]
    password_stdin: bool,
}

impl Staff {
    pub(super) async fn run(self, config: &Config, output: &Output) -> Result<(), Failure> {
        let Self::Create(create) = self;
        let mut password = String::new();
        if create.password_stdin {
            std::io::stdin().lock().read_line(&mut password)?;
        }
        let password = password.trim_end_matches(['\r', '\n']);
        if password.is_empty() {
            return Err("standard input holds no password; write it there as one line".into());
        }
        let workshop = Workshop::open(config).await?;
        let id = workshop.modules.hire(&create.email, &create.name, &create.role, password).await?;
        workshop.close().await;
        output.say(
            format!("{} may sign in as {} and work here as {}.", create.name, create.email, create.role),
            &json!({ "id": id.to_string(), "email": create.email, "role": create.role }),
        );
        Ok(())
    }
}
