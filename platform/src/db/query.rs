//! One statement, whichever database it goes to.

use std::future::Future;
use std::time::Instant;

use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use super::error::DbError;
use super::statement::{Bind, Sql, Statement};
use super::tx::TxInner;
use super::{Db, Engine, Tx, later};

/// A row that both databases can bring. `#[derive(sqlx::FromRow)]` makes one of a struct.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// A statement with its values, and where it goes: `&Db` or `&mut Tx`.
#[must_use = "a query does nothing until it is run"]
pub struct Query<T> {
    target: T,
    statement: Statement,
}

impl<T> Query<T> {
    pub(super) fn new(target: T, sql: Sql) -> Self {
        #[cfg(feature = "sim")]
        let sql = Sql::each(crate::seam::text(sql.sqlite()), crate::seam::text(sql.postgres()));
        Self { target, statement: Statement::new(sql) }
    }

    /// Binds the next placeholder: `$1`, then `$2`, and so on. Before any `{list}` or `{rows}`.
    pub fn bind<V: Bind>(mut self, value: V) -> Self {
        self.statement.bind(value);
        self
    }

    /// Puts these values where the next `{list}` stands. Without any the list matches nothing, and its `NOT IN`
    /// matches nothing either.
    pub fn list<V: Bind>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        let first = self.statement.bound();
        for value in values {
            self.statement.bind(value);
        }
        self.statement.end_list(first);
        self
    }

    /// Puts one row for each item where the next `{rows}` stands; `bind` binds an item's columns in order.
    /// Without any item the statement is not sent and changes nothing.
    pub fn rows<I>(mut self, items: impl IntoIterator<Item = I>, bind: impl Fn(Self, I) -> Self) -> Self {
        let mut ends = vec![self.statement.bound()];
        for item in items {
            self = bind(self, item);
            ends.push(self.statement.bound());
        }
        self.statement.end_rows(&ends);
        self
    }

    /// Puts these names where the next `{columns}` stands: those of one row, for all the statements that read it.
    pub fn columns(mut self, names: &'static str) -> Self {
        self.statement.columns(names);
        self
    }
}

#[expect(private_bounds, reason = "a statement goes to `&Db` or `&mut Tx` and to nothing else")]
impl<T: Target> Query<T> {
    /// Runs it. Returns the number of rows it changed.
    ///
    /// # Errors
    /// The database refused it or could not be asked.
    pub async fn run(self) -> Result<u64, DbError> {
        if self.statement.is_empty() {
            return Ok(0);
        }
        self.target.run(self.statement).await
    }

    /// Runs it. Returns its first row, of which there must be one.
    ///
    /// # Errors
    /// [`DbError::Missing`] without a row; else as [`Query::run`].
    pub async fn one<R: Row>(self) -> Result<R, DbError> {
        self.maybe().await?.ok_or(DbError::Missing)
    }

    /// Runs it. Returns its first row, if there is one.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub async fn maybe<R: Row>(self) -> Result<Option<R>, DbError> {
        // Not `fetch_optional`: on SQLite that stops a changing statement before it has done all its rows.
        Ok(self.all().await?.into_iter().next())
    }

    /// Runs it. Returns all its rows.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub async fn all<R: Row>(self) -> Result<Vec<R>, DbError> {
        if self.statement.is_empty() {
            return Ok(Vec::new());
        }
        self.target.all(self.statement).await
    }
}

impl Query<&mut Tx> {
    /// Leaves it for later: it is sent with others, in one go, before the next statement that is run, or with the
    /// commit. What is wrong with it is said then, and the transaction is undone.
    ///
    /// Those that are sent together must not build on each other: on PostgreSQL none sees what another changes.
    pub fn later(self) {
        self.leave(false);
    }

    /// The same for a statement that must change exactly one row. If it does not, whatever is sent next or the commit
    /// answers [`DbError::Missing`], and the transaction is undone.
    pub fn later_changing_one(self) {
        self.leave(true);
    }

    fn leave(self, changes_one: bool) {
        if !self.statement.is_empty() {
            self.target.later.push((self.statement, changes_one));
        }
    }
}

/// Where a statement goes.
trait Target: Send {
    fn run(self, statement: Statement) -> impl Future<Output = Result<u64, DbError>> + Send;
    fn all<R: Row>(self, statement: Statement) -> impl Future<Output = Result<Vec<R>, DbError>> + Send;
}

/// The drivers' own functions, which speak to one database each.
pub(super) mod drivers {
    pub(in crate::db) use sqlx::{query_as_with, query_with};
}

impl Target for &Db {
    async fn run(self, statement: Statement) -> Result<u64, DbError> {
        #[cfg(feature = "sim")]
        crate::seam::turn(crate::seam::Step::Read).await?;
        #[cfg(feature = "sim")]
        let _busy = crate::seam::Busy::new();
        self.0.stats.statement();
        match self.engine() {
            Engine::Sqlite { readers, .. } => {
                let (text, values, keep) = statement.for_sqlite()?;
                let since = Instant::now();
                let connection = readers.acquire().await;
                self.0.stats.queued(since);
                let mut connection = connection?;
                let query = drivers::query_with(text, values).persistent(keep);
                let done = query.execute(&mut *connection).await?;
                Ok(done.rows_affected())
            }
            Engine::Postgres { pool, .. } => {
                let (text, values, keep) = statement.for_postgres()?;
                let since = Instant::now();
                let connection = pool.acquire().await;
                self.0.stats.queued(since);
                let mut connection = connection?;
                let query = drivers::query_with(text, values).persistent(keep);
                let done = query.execute(&mut *connection).await?;
                Ok(done.rows_affected())
            }
        }
    }

    async fn all<R: Row>(self, statement: Statement) -> Result<Vec<R>, DbError> {
        #[cfg(feature = "sim")]
        crate::seam::turn(crate::seam::Step::Read).await?;
        #[cfg(feature = "sim")]
        let _busy = crate::seam::Busy::new();
        self.0.stats.statement();
        match self.engine() {
            Engine::Sqlite { readers, .. } => {
                let (text, values, keep) = statement.for_sqlite()?;
                let since = Instant::now();
                let connection = readers.acquire().await;
                self.0.stats.queued(since);
                let mut connection = connection?;
                let query = drivers::query_as_with(text, values).persistent(keep);
                Ok(query.fetch_all(&mut *connection).await?)
            }
            Engine::Postgres { pool, .. } => {
                let (text, values, keep) = statement.for_postgres()?;
                let since = Instant::now();
                let connection = pool.acquire().await;
                self.0.stats.queued(since);
                let mut connection = connection?;
                let query = drivers::query_as_with(text, values).persistent(keep);
                Ok(query.fetch_all(&mut *connection).await?)
            }
        }
    }
}

impl Target for &mut Tx {
    async fn run(self, statement: Statement) -> Result<u64, DbError> {
        if let TxInner::Sqlite(lease) = &mut self.inner {
            self.later.push((statement, false));
            self.db.0.stats.statements(self.later.len());
            return Ok(later::send(lease, std::mem::take(&mut self.later)).await?.changed);
        }
        self.send_later().await?;
        self.db.0.stats.statement();
        let TxInner::Postgres(tx) = &mut self.inner else { return Err(DbError::Aborted) };
        let (text, values, keep) = statement.for_postgres()?;
        let query = drivers::query_with(text, values).persistent(keep);
        let done = query.execute(tx.connection().await?).await;
        tx.answered(&done);
        Ok(done?.rows_affected())
    }

    async fn all<R: Row>(self, statement: Statement) -> Result<Vec<R>, DbError> {
        if let TxInner::Sqlite(lease) = &mut self.inner {
            self.later.push((statement, false));
            self.db.0.stats.statements(self.later.len());
            let last = later::send(lease, std::mem::take(&mut self.later)).await?;
            let rows = last.rows.iter().map(R::from_row).collect();
            lease.answered(&rows);
            return Ok(rows?);
        }
        self.send_later().await?;
        self.db.0.stats.statement();
        let TxInner::Postgres(tx) = &mut self.inner else { return Err(DbError::Aborted) };
        let (text, values, keep) = statement.for_postgres()?;
        let query = drivers::query_as_with(text, values).persistent(keep);
        let rows = query.fetch_all(tx.connection().await?).await;
        tx.answered(&rows);
        Ok(rows?)
    }
}

#[cfg(test)]
mod tests;
