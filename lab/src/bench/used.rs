//! What a shop used while it worked: processor time, memory, statements and commits.

use platform::tls::plain_client;

use super::load::Rate;
use crate::Failure;
use crate::server::Server;

/// Clock ticks in a second, as the system counts the time of processes. Linux has shown 100 to programs for decades.
const TICKS: f64 = 100.0;

/// What was used, so far or for each answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Used {
    /// Seconds of processor time of all processes of the shop. What a database server uses is not in it.
    pub(super) processor: f64,
    /// Statements in all databases of its first process.
    pub(super) statements: f64,
    /// Transactions that were committed in them.
    pub(super) commits: f64,
}

impl Used {
    /// What a shop has used so far.
    pub(super) async fn of(server: &Server) -> Result<Self, Failure> {
        let metrics = plain_client()?.no_proxy().build()?.get(format!("{}/metrics", server.internal(0)?));
        let told = metrics.send().await?.error_for_status()?.text().await?;
        let sum = |name: &str| {
            let lines = told.lines().filter(|line| line.starts_with(name));
            lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
        };
        let ticks: u64 = server.pids().into_iter().filter_map(ticks).sum();
        Ok(Self {
            processor: ticks as f64 / TICKS,
            statements: sum("cleave_db_statements_total"),
            commits: sum("cleave_db_commits_total"),
        })
    }

    /// What was used since then for each answer of a load.
    pub(super) fn since(&self, before: &Self, rate: &Rate) -> Self {
        let answers = (rate.answers + rate.refused).max(1) as f64;
        Self {
            processor: (self.processor - before.processor) / answers,
            statements: (self.statements - before.statements) / answers,
            commits: (self.commits - before.commits) / answers,
        }
    }
}

fn ticks(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold spaces; after it, user and system time are the 12th and 13th fields.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// Resident memory of all its processes in bytes, where the system tells it.
pub(super) fn memory(server: &Server) -> Option<u64> {
    let of = |pid: u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib * 1024)
    };
    server.pids().into_iter().map(of).sum()
}
