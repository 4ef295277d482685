//! `cargo xtask services`: what a developer needs beside the shop, until Ctrl-C.

use std::io::{self, Write as _};
use std::thread;
use std::time::Duration;

use crate::nats;
use crate::postgres::{Binaries, Server};

/// Starts the servers and waits. Ctrl-C ends this process; they notice that and stop by themselves.
pub(crate) fn run() -> Result<bool, String> {
    let mut server = Server::start(&Binaries::find_or_install()?)?;
    let mut broker = nats::Server::start(&nats::find_or_install()?)?;
    let (url, nats) = (server.url(), broker.url());
    writeln!(
        io::stdout(),
        "export CLEAVE__DATABASE__URL={url}\nexport CLEAVE_TEST_POSTGRES={url}\nexport CLEAVE_TEST_STORE=postgres\n\
         export CLEAVE_TEST_NATS={nats}"
    )
    .map_err(|error| error.to_string())?;
    eprintln!("PostgreSQL and NATS are up; Ctrl-C stops them and forgets their data.");
    while server.is_up() && broker.is_up() {
        thread::sleep(Duration::from_millis(500));
    }
    Err("a server stopped by itself".to_owned())
}
