//! What is asked of a move, how far it is, how it went, and why not.

use std::time::Duration;

use tokio::sync::watch;

use crate::db::{DbError, PostgresOptions};

/// Why tables were not moved. They are where they were, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum RelocateError {
    /// Nothing would move.
    #[error("the tables are in that database already")]
    SameDatabase,
    /// Something is there that would be overwritten.
    #[error("there are tables of a shop in that database already; name an empty one, or drop it first")]
    NotEmpty,
    /// The tables of the two are not the same.
    #[error("the table `{table}` is not alike in both databases, or has a column this does not know")]
    Unlike {
        /// Which, or whose.
        table: String,
    },
    /// What arrived is not what was sent.
    #[error("the rows of `{table}` have not arrived as they were sent")]
    Differs {
        /// Which.
        table: String,
    },
    /// Another process would go on with the old tables.
    #[error("other processes have these tables open: {others}; stop them first, they would not follow")]
    InUse {
        /// What they call themselves.
        others: String,
    },
    /// Somebody else began with these tables.
    #[error(
        "another process opened these tables and called the move off; only one may run the module meanwhile"
    )]
    CalledOff,
    /// There is too much to write.
    #[error("changes come faster than they can be brought after; try it when there is less to do")]
    TooBusy,
    /// The module was moved before, in this process.
    #[error("this process has moved the module before; start it anew with its new settings first")]
    MovedBefore,
    /// The old tables refuse changes and the new ones are complete, and could not be told so.
    #[error("all has arrived, but the new database could not be told; run `cleave move` again")]
    Unfinished(#[source] Box<RelocateError>),
    /// A database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A row that cannot be read.
    #[error("a row cannot be read")]
    Row(#[from] serde_json::Error),
}

impl RelocateError {
    pub(super) fn unlike(table: &str) -> Self {
        Self::Unlike { table: table.to_owned() }
    }
}

/// Where a move goes, and how.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The database.
    pub to: PostgresOptions,
    /// What it is called, for people and without passwords.
    pub name: String,
    /// What the old one is called.
    pub from: String,
    /// Do all but the last step, and leave everything as it was.
    pub rehearse: bool,
}

/// A table that was read on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Its name.
    pub table: String,
    /// How many rows it had then.
    pub rows: u64,
    /// The sum of the SHA-256 digests of its rows, each cut to 128 bits.
    pub checksum: String,
}

/// How a move went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relocated {
    /// The tables, as they were compared.
    pub tables: Vec<Compared>,
    /// Rows that changed meanwhile and were brought after.
    pub followed: u64,
    /// How long writing paused.
    pub paused: Duration,
}

/// How far a move is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is being done.
    pub doing: &'static str,
    /// How many rows of it are done.
    pub rows: u64,
}

/// Tells how far a move is.
#[derive(Debug, Clone)]
pub struct Progress(watch::Sender<Step>);

impl Progress {
    /// One that has not begun, and where to look at it.
    pub fn new() -> (Self, watch::Receiver<Step>) {
        let (sender, receiver) = watch::channel(Step { doing: "begins", rows: 0 });
        (Self(sender), receiver)
    }

    pub(super) fn doing(&self, doing: &'static str) {
        self.0.send_replace(Step { doing, rows: 0 });
    }

    pub(super) fn rows(&self, more: u64) {
        self.0.send_modify(|step| step.rows += more);
    }
}
