//! The binary: arguments, settings, run.

use std::process::ExitCode;

use clap::Parser as _;
use cleave::cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().run().await
}
