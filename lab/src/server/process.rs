//! A process of a shop: from its start until it is dead.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::place::Place;
use crate::Failure;

/// How long one may take to open.
const PATIENCE: Duration = Duration::from_secs(30);

/// One that has said that it is open.
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) place: Place,
    pub(super) address: String,
}

impl Process {
    /// Starts it and waits until it says where it is open.
    pub(super) async fn open(command: Command, place: Place) -> Result<Self, Failure> {
        let mut child = spawn(command)?;
        match opened(&mut child).await {
            Ok(address) => Ok(Self { child, place, address }),
            Err(error) => {
                // Its ports are free when it is gone, which is later than that its output ends.
                child.kill().await?;
                Err(error)
            }
        }
    }

    /// Kills it, unless it is dead.
    pub(super) async fn kill(&mut self) -> Result<(), Failure> {
        if self.child.try_wait()?.is_none() {
            self.child.kill().await?;
        }
        Ok(())
    }

    /// Waits until it has died. `false`: it has not within this time.
    pub(super) async fn has_died(&mut self, within: Duration) -> Result<bool, Failure> {
        match tokio::time::timeout(within, self.child.wait()).await {
            Ok(ended) => ended.map(|_| true).map_err(Into::into),
            Err(_) => Ok(false),
        }
    }

    /// Sends it a signal, unless it is dead.
    pub(super) fn signal(&self, signal: Signal) -> Result<(), Failure> {
        if let Some(pid) = self.child.id().and_then(|pid| Pid::from_raw(pid as i32)) {
            kill_process(pid, signal)?;
        }
        Ok(())
    }
}

/// Starts one and kills it after this time, or as soon as it is open. `false`: it was not.
pub(super) async fn kill_while_it_opens(command: Command, after: Duration) -> Result<bool, Failure> {
    let mut child = spawn(command)?;
    let opened = tokio::time::timeout(after, opened(&mut child)).await;
    child.kill().await?;
    Ok(opened.is_ok_and(|opened| opened.is_ok()))
}

fn spawn(mut command: Command) -> Result<Child, Failure> {
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    spawned.map_err(|error| format!("the shop cannot be started: {error}").into())
}

/// Waits until it says where it is open, and returns that.
async fn opened(child: &mut Child) -> Result<String, Failure> {
    let stdout = child.stdout.take().ok_or("the shop has no standard output")?;
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = tokio::time::timeout(PATIENCE, lines.next_line()).await?? {
        let said: Value = serde_json::from_str(&line)?;
        if let ("open", Some(address)) =
            (said["event"].as_str().unwrap_or_default(), said["address"].as_str())
        {
            // The pipe is read to its end, or the shop would one day wait for somebody to read.
            drop(tokio::task::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} }));
            return Ok(address.to_owned());
        }
    }
    Err("the shop ended before it opened; its log on standard error says why".into())
}
