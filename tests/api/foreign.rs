//! The payment module of `examples/payment-python`, in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A running one. Dropping it ends it.
pub(crate) struct Foreign {
    child: Child,
    /// Where it is reached by others.
    pub internal: SocketAddr,
}

impl Foreign {
    /// Starts it, with its database in this folder, beside a user and an order module at these addresses.
    pub(crate) fn start(
        program: &Path,
        arguments: &[&str],
        folder: &Path,
        secret: &Path,
        user: SocketAddr,
        order: SocketAddr,
    ) -> Self {
        let mut child = Command::new("python3")
            .arg(program)
            .args(arguments)
            .args(["--listen", "127.0.0.1:0", "--secret"])
            .arg(secret)
            .args(["--user", &format!("http://{user}"), "--order", &format!("http://{order}"), "--data"])
            .arg(folder.join("payment-python.sqlite"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the payment module in Python needs `python3`, 3.10 or newer, on the path");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value =
            serde_json::from_str(&line).expect("it said on standard error why it does not start");
        Self { child, internal: said["internal"].as_str().unwrap().parse().unwrap() }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
