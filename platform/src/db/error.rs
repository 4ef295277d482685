//! What can go wrong with a statement, in the words a caller can act on.

use kernel::{CallFailure, FailureReason};
use sqlx::error::ErrorKind;

/// When it is worth asking a database again that was busy, and one that was full or away.
const SOON_MS: u64 = 100;
const LATER_MS: u64 = 1000;

/// A statement or transaction that did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No connection came free in time, or the database is locked by somebody else. Nothing was done.
    #[error("the database is busy")]
    Busy,
    /// Two transactions stood in each other's way and this one was chosen to give up. Worth doing again.
    #[error("the transaction conflicted with another")]
    Conflict(#[source] sqlx::Error),
    /// A value that must be unique is taken.
    #[error("a unique value is taken")]
    Unique(#[source] sqlx::Error),
    /// A `CHECK` or a foreign key refused the change.
    #[error("a rule of the database refused the change")]
    Refused(#[source] sqlx::Error),
    /// There is no space left to write to.
    #[error("the disk is full")]
    Full(#[source] sqlx::Error),
    /// The database cannot be reached.
    #[error("the database cannot be reached")]
    Unreachable(#[source] sqlx::Error),
    /// The commit was tried and brought no clear answer.
    #[error("the commit brought no clear answer")]
    CommitUnknown(#[source] std::sync::Arc<sqlx::Error>),
    /// Another transaction of the same commit failed and took this one with it. Nothing was done.
    #[error("the transaction was undone together with another")]
    Undone(#[source] std::sync::Arc<sqlx::Error>),
    /// An earlier statement of the transaction failed, so that it can only be undone.
    #[error("the transaction had already failed")]
    Aborted,
    /// A row that must be there is not.
    #[error("a row that must be there is missing")]
    Missing,
    /// The database is set up in a way that breaks our promises, or runs a version that does.
    #[error("{0}")]
    Unsafe(String),
    /// Anything else: a bug in a statement, a broken file.
    #[error("the database failed")]
    Other(#[source] sqlx::Error),
    /// The schema is not what this binary needs.
    #[error("the migrations cannot be applied")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl DbError {
    /// Whether the change may have become durable although this error says that it failed.
    pub fn maybe_committed(&self) -> bool {
        matches!(self, Self::CommitUnknown(_) | Self::Unreachable(_))
    }

    /// Whether it failed for want of space, be it that the commit did.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Full(_) => true,
            Self::CommitUnknown(error) | Self::Undone(error) => is_full(error),
            _ => false,
        }
    }

    /// Whether doing the same transaction again may well succeed.
    pub fn is_worth_repeating(&self) -> bool {
        matches!(self, Self::Conflict(_) | Self::Undone(_) | Self::Busy)
    }

    /// What it means to another module, which learns nothing about the store itself. A disk that is full or fails may be
    /// well again in a moment; anything else that is not just busy is a fault of ours.
    pub fn to_caller(&self) -> CallFailure {
        let passing = |ms| CallFailure {
            reason: FailureReason::Overloaded,
            maybe_executed: self.maybe_committed(),
            retry_after_ms: Some(ms),
        };
        match self {
            _ if self.is_worth_repeating() => passing(SOON_MS),
            Self::Full(_) | Self::Unreachable(_) | Self::CommitUnknown(_) => {
                tracing::warn!(error = %self, "a contract call failed because the store cannot be written");
                passing(LATER_MS)
            }
            _ => {
                tracing::error!(error = %self, "the store failed under a contract call");
                CallFailure { maybe_executed: self.maybe_committed(), ..CallFailure::internal() }
            }
        }
    }
}

/// SQLite: FULL. PostgreSQL: `disk_full`.
fn is_full(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(reported) = error else { return false };
    matches!(reported.code().as_deref(), Some("13" | "53100"))
}

/// SQLite: IOERR and CANTOPEN with their extended codes, whose lowest byte is theirs. PostgreSQL: `io_error`, whose code
/// is no number.
fn is_disk_failure(code: &str) -> bool {
    const IO_ERROR: u32 = 10;
    const CANNOT_OPEN: u32 = 14;
    let is_sqlite = code.len() != 5;
    let lowest = code.parse::<u32>().map(|code| code & 0xff);
    code == "58030" || (is_sqlite && lowest.is_ok_and(|code| code == IO_ERROR || code == CANNOT_OPEN))
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::RowNotFound => Self::Missing,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unreachable(error),
            sqlx::Error::Database(reported) => match (reported.kind(), reported.code().as_deref()) {
                (ErrorKind::UniqueViolation, _) => Self::Unique(error),
                (
                    ErrorKind::CheckViolation | ErrorKind::ForeignKeyViolation | ErrorKind::NotNullViolation,
                    _,
                )
                // SQLite raises triggers as SQLITE_CONSTRAINT_TRIGGER, PostgreSQL as raise_exception.
                | (_, Some("1811" | "P0001")) => Self::Refused(error),
                // SQLite: BUSY and its extended codes.
                (_, Some("5" | "261" | "517" | "773")) => Self::Busy,
                _ if is_full(&error) => Self::Full(error),
                // SQLite: a file cannot be read, written, synced or opened. What failed may work again in a moment, as
                // a connection that is lost may come back.
                (_, Some(code)) if is_disk_failure(code) => Self::Unreachable(error),
                // PostgreSQL: division_by_zero, by which a statement that must change one row says that it has not.
                (_, Some("22012")) => Self::Missing,
                // PostgreSQL: serialization_failure, deadlock_detected, lock_not_available.
                (_, Some("40001" | "40P01" | "55P03")) => Self::Conflict(error),
                // PostgreSQL: admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections.
                (_, Some("57P01" | "57P02" | "57P03" | "53300")) => Self::Unreachable(error),
                _ => Self::Other(error),
            },
            _ => Self::Other(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_fails_is_told_from_a_statement_that_does() {
        for failing in ["10", "266", "778", "1034", "4874", "14", "58030"] {
            assert!(is_disk_failure(failing), "{failing}");
        }
        // The fourth is a PostgreSQL code whose lowest byte would be that of an I/O error.
        for another in ["1", "5", "13", "53258", "57P01", "1811"] {
            assert!(!is_disk_failure(another), "{another}");
        }
    }
}
