//! `cargo xtask services`: what a developer needs beside the shop, until Ctrl-C.

use std::io::{self, Write as _};
use std::thread;
use std::time::Duration;

use crate::postgres::{Binaries, Server};

/// Starts PostgreSQL and waits. Ctrl-C ends this process; the server notices that and stops by itself.
pub(crate) fn run() -> Result<bool, String> {
    let mut server = Server::start(&Binaries::find_or_install()?)?;
    let url = server.url();
    writeln!(
        io::stdout(),
        "export CLEAVE__DATABASE__URL={url}\nexport CLEAVE_TEST_POSTGRES={url}\nexport CLEAVE_TEST_STORE=postgres"
    )
    .map_err(|error| error.to_string())?;
    eprintln!("PostgreSQL is up; Ctrl-C stops it and forgets its data.");
    while server.is_up() {
        thread::sleep(Duration::from_millis(500));
    }
    Err("PostgreSQL stopped by itself".to_owned())
}
