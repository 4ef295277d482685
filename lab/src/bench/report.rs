//! The figures, as a page of Markdown.

use std::fmt;
use std::process::Command;
use std::time::Duration;

use super::load::Rate;
use super::used::Used;

/// What was measured, in the order it is shown.
pub(super) struct Report {
    clients: Vec<usize>,
    seconds: u64,
    starts: Vec<Start>,
    rows: Vec<Row>,
}

struct Start {
    store: String,
    opened_in: Duration,
    idle: Option<u64>,
    busy: Option<u64>,
    binary: u64,
}

/// One thing that was measured, at each number of clients.
pub(super) struct Row {
    what: String,
    is_ours: bool,
    rates: Vec<Rate>,
    used: Vec<Used>,
}

impl Row {
    /// A row of something that the shop does, or that it is compared with.
    pub(super) fn new(what: String, is_ours: bool) -> Self {
        Self { what, is_ours, rates: Vec::new(), used: Vec::new() }
    }

    /// How often it was done, and what each time took of the shop.
    pub(super) fn push(&mut self, rate: Rate, used: Used) {
        self.rates.push(rate);
        self.used.push(used);
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {} |", self.what)?;
        for rate in &self.rates {
            let ms = |micros: u64| micros as f64 / 1000.0;
            write!(f, " {:.0} ({:.2} / {:.2} ms)", rate.per_second, ms(rate.p50), ms(rate.p99))?;
            if rate.refused > 0 {
                write!(f, ", {} refused", rate.refused)?;
            }
            write!(f, " |")?;
        }
        writeln!(f)
    }
}

impl Report {
    pub(super) fn new(clients: &[usize], seconds: u64) -> Self {
        Self { clients: clients.to_vec(), seconds, starts: Vec::new(), rows: Vec::new() }
    }

    /// How a shop with an existing database opened.
    pub(super) fn start(&mut self, store: &str, opened_in: Duration, idle: Option<u64>, binary: u64) {
        self.starts.push(Start { store: store.to_owned(), opened_in, idle, busy: None, binary });
    }

    /// What it then did, and the memory it held afterwards.
    pub(super) fn add(&mut self, rows: impl IntoIterator<Item = Row>, busy: Option<u64>) {
        self.rows.extend(rows);
        if let Some(start) = self.starts.last_mut() {
            start.busy = busy;
        }
    }

    /// The head of a table with a column for each number of clients.
    fn head(&self, f: &mut fmt::Formatter<'_>, what: &str) -> fmt::Result {
        write!(f, "\n| {what} |")?;
        for clients in &self.clients {
            write!(f, " {clients} client{} |", if *clients == 1 { "" } else { "s" })?;
        }
        writeln!(f, "\n|---{}|", "|---".repeat(self.clients.len()))
    }

    /// The ratio of two rows at each number of clients.
    fn ratio(&self, f: &mut fmt::Formatter<'_>, of: &str, to: &str, what: &str) -> fmt::Result {
        let find = |wanted: &str| self.rows.iter().find(|row| row.what.contains(wanted));
        let (Some(of), Some(to)) = (find(of), find(to)) else { return Ok(()) };
        write!(f, "| {what} |")?;
        for (rate, floor) in of.rates.iter().zip(&to.rates) {
            write!(f, " {:.2} |", rate.per_second / floor.per_second.max(f64::EPSILON))?;
        }
        writeln!(f)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |program: &str, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).output().ok();
            output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        writeln!(f, "# Benchmarks\n")?;
        writeln!(
            f,
            "Written by `cargo xtask bench` at commit {}, on {cores} cores that clients, shop and database share, {} s \
             for each figure. Absolute figures wander with the machine; the ratios to the floor of the same run do not.\n",
            said("git", &["rev-parse", "--short", "HEAD"]),
            self.seconds
        )?;
        writeln!(
            f,
            "| start with an existing database | ready after | idle memory | memory after the load | binary |"
        )?;
        writeln!(f, "|---|---|---|---|---|")?;
        let mb =
            |bytes: Option<u64>| bytes.map_or("–".into(), |bytes| format!("{:.1} MB", bytes as f64 / 1e6));
        for start in &self.starts {
            writeln!(
                f,
                "| {} | {} ms | {} | {} | {} |",
                start.store,
                start.opened_in.as_millis(),
                mb(start.idle),
                mb(start.busy),
                mb(Some(start.binary))
            )?;
        }
        self.head(f, "per second (p50 / p99)")?;
        self.rows.iter().try_for_each(|row| row.fmt(f))?;
        self.head(f, "ratio to the floor")?;
        for start in &self.starts {
            let row = |what: &str| format!("{}: {what}", start.store);
            let bare = row("a bare route");
            self.ratio(f, &row("product by slug"), &bare, &row("product by slug, aim 0.6"))?;
            self.ratio(f, &row("list of 20"), &bare, &row("list of 20"))?;
            let minimal = row("the minimal transaction");
            self.ratio(f, &row("purchase by"), &minimal, &row("purchase by /v1/checkout, aim 0.5"))?;
        }
        self.head(f, "seconds of processor time of the shop for 1,000")?;
        for row in self.rows.iter().filter(|row| row.is_ours) {
            write!(f, "| {} |", row.what)?;
            row.used.iter().try_for_each(|used| write!(f, " {:.3} |", used.processor * 1000.0))?;
            writeln!(f)?;
        }
        self.head(f, "statements and commits for each")?;
        for row in self.rows.iter().filter(|row| row.is_ours && row.what.contains("purchase")) {
            write!(f, "| {} |", row.what)?;
            row.used
                .iter()
                .try_for_each(|used| write!(f, " {:.1} and {:.1} |", used.statements, used.commits))?;
            writeln!(f)?;
        }
        Ok(())
    }
}
