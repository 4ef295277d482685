//! One statement, whichever database it goes to.

use std::fmt::Write as _;

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, FromRow, Postgres, Sqlite, SqlitePool, Type};

use super::error::DbError;
use super::group::Lease;
use super::postgres::PgTx;
use super::stats::Stats;

/// The text of a statement: one for both databases, or one each where they disagree.
///
/// A text may hold markers that become as many placeholders as there are values: `IN {list}` and
/// `VALUES {rows}`. Values themselves never become part of a text.
#[derive(Debug, Clone, Copy)]
pub struct Sql {
    sqlite: &'static str,
    postgres: &'static str,
}

impl Sql {
    /// A statement that the two databases want worded differently.
    pub const fn each(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite, postgres }
    }

    pub(super) const fn sqlite(self) -> &'static str {
        self.sqlite
    }

    pub(super) const fn postgres(self) -> &'static str {
        self.postgres
    }
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self { sqlite: text, postgres: text }
    }
}

/// A value that both databases can store.
pub trait Bind:
    for<'q> Encode<'q, Sqlite> + Type<Sqlite> + for<'q> Encode<'q, Postgres> + Type<Postgres>
{
}
impl<T> Bind for T where
    T: for<'q> Encode<'q, Sqlite> + Type<Sqlite> + for<'q> Encode<'q, Postgres> + Type<Postgres>
{
}

/// A row that both databases can bring. `#[derive(sqlx::FromRow)]` makes one of a struct.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

pub(super) enum Target<'c> {
    SqlitePool(&'c SqlitePool),
    Lease(&'c mut Lease),
    PostgresPool(&'c PgPool),
    PgTx(&'c mut PgTx),
}

enum Values {
    Sqlite(SqliteArguments),
    Postgres(PgArguments),
}

/// A statement with its values.
#[must_use = "a query does nothing until it is run"]
pub struct Query<'c> {
    target: Target<'c>,
    text: &'static str,
    /// What the markers of the text become, in their order.
    expansions: Vec<String>,
    values: Values,
    bound: usize,
    refused: Option<BoxDynError>,
    /// A multi-row statement without rows has nothing to do.
    empty: bool,
    stats: &'c Stats,
}

impl<'c> Query<'c> {
    pub(super) fn new(target: Target<'c>, sql: Sql, stats: &'c Stats) -> Self {
        let (text, values) = match target {
            Target::SqlitePool(_) | Target::Lease(_) => {
                (sql.sqlite(), Values::Sqlite(SqliteArguments::default()))
            }
            Target::PostgresPool(_) | Target::PgTx(_) => {
                (sql.postgres(), Values::Postgres(PgArguments::default()))
            }
        };
        Self { target, text, expansions: Vec::new(), values, bound: 0, refused: None, empty: false, stats }
    }

    /// Binds the next placeholder: `$1`, then `$2`, and so on. Before any `{list}` or `{rows}`.
    pub fn bind<T: Bind>(mut self, value: T) -> Self {
        self.push(value);
        self
    }

    /// Puts these values where the next `{list}` stands. Without any the list matches nothing, and its `NOT IN`
    /// matches nothing either.
    pub fn list<T: Bind>(mut self, values: impl IntoIterator<Item = T>) -> Self {
        let first = self.bound + 1;
        for value in values {
            self.push(value);
        }
        let text = if self.bound < first { "(NULL)".to_owned() } else { placeholders(first, self.bound) };
        self.expansions.push(text);
        self
    }

    /// Puts one row for each item where the next `{rows}` stands; `bind` binds an item's columns in order.
    /// Without any item the statement is not sent and changes nothing.
    pub fn rows<I>(mut self, items: impl IntoIterator<Item = I>, bind: impl Fn(Self, I) -> Self) -> Self {
        let mut text = String::new();
        for item in items {
            let first = self.bound + 1;
            self = bind(self, item);
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(&placeholders(first, self.bound));
        }
        self.empty |= text.is_empty();
        self.expansions.push(text);
        self
    }

    fn push<T: Bind>(&mut self, value: T) {
        let added = match &mut self.values {
            Values::Sqlite(values) => values.add(value),
            Values::Postgres(values) => values.add(value),
        };
        self.bound += 1;
        if let Err(error) = added {
            self.refused.get_or_insert(error);
        }
    }

    /// Runs it. Returns the number of rows it changed.
    ///
    /// # Errors
    /// The database refused it or could not be asked.
    pub async fn run(self) -> Result<u64, DbError> {
        run::Run.on(self).await
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
        run::All(std::marker::PhantomData).on(self).await
    }

    fn text(&self) -> SqlText {
        if self.expansions.is_empty() {
            return SqlText::Fixed(self.text);
        }
        let mut expansions = self.expansions.iter();
        let mut text = String::with_capacity(self.text.len() + self.bound * 5);
        let mut rest = self.text;
        while let Some(start) = rest.find('{') {
            let (before, marker) = rest.split_at(start);
            text.push_str(before);
            if let Some(after) = marker.strip_prefix("{list}").or_else(|| marker.strip_prefix("{rows}")) {
                text.push_str(expansions.next().map_or("", String::as_str));
                rest = after;
            } else {
                // A brace of its own, as in an empty JSON object.
                text.push('{');
                rest = &marker[1..];
            }
        }
        text.push_str(rest);
        SqlText::Expanded(text)
    }
}

fn placeholders(first: usize, last: usize) -> String {
    let mut text = String::from("(");
    for number in first..=last {
        let _ = write!(text, "{}${number}", if number == first { "" } else { "," });
    }
    text.push(')');
    text
}

enum SqlText {
    Fixed(&'static str),
    /// Made of a fixed text and placeholders only.
    Expanded(String),
}

impl sqlx::SqlSafeStr for SqlText {
    fn into_sql_str(self) -> sqlx::SqlStr {
        match self {
            Self::Fixed(text) => text.into_sql_str(),
            Self::Expanded(text) => AssertSqlSafe(text).into_sql_str(),
        }
    }
}

mod run {
    //! The four targets, spelled out once for statements with rows and once for those without.

    use std::marker::PhantomData;

    use super::{DbError, Query, Row, Target, Values};

    pub(super) struct Run;
    pub(super) struct All<R>(pub(super) PhantomData<R>);

    /// A statement of this many values or more is not worth a place in the statement cache.
    const TOO_WIDE_TO_CACHE: usize = 64;

    macro_rules! on_target {
        ($query:ident, $make:path, $fetch:ident, $finish:expr) => {{
            let mut query = $query;
            if let Some(refused) = query.refused.take() {
                return Err(DbError::Other(sqlx::Error::Encode(refused)));
            }
            if query.empty {
                return Ok(Default::default());
            }
            query.stats.statement();
            let text = query.text();
            let keep = query.bound < TOO_WIDE_TO_CACHE;
            match (query.target, query.values) {
                (Target::SqlitePool(pool), Values::Sqlite(values)) => $make(text, values)
                    .persistent(keep)
                    .$fetch(pool)
                    .await
                    .map($finish)
                    .map_err(DbError::from),
                (Target::Lease(lease), Values::Sqlite(values)) => {
                    let connection = lease.connection()?;
                    let result = $make(text, values).persistent(keep).$fetch(connection).await;
                    lease.answered(&result);
                    result.map($finish).map_err(DbError::from)
                }
                (Target::PostgresPool(pool), Values::Postgres(values)) => $make(text, values)
                    .persistent(keep)
                    .$fetch(pool)
                    .await
                    .map($finish)
                    .map_err(DbError::from),
                (Target::PgTx(tx), Values::Postgres(values)) => {
                    let connection = tx.connection()?;
                    let result = $make(text, values).persistent(keep).$fetch(connection).await;
                    tx.answered(&result);
                    result.map($finish).map_err(DbError::from)
                }
                _ => Err(DbError::Aborted),
            }
        }};
    }

    mod drivers {
        pub(super) use sqlx::{query_as_with, query_with};
    }

    impl Run {
        pub(super) async fn on(self, query: Query<'_>) -> Result<u64, DbError> {
            on_target!(query, drivers::query_with, execute, |done| done.rows_affected())
        }
    }

    impl<R: Row> All<R> {
        pub(super) async fn on(self, query: Query<'_>) -> Result<Vec<R>, DbError> {
            on_target!(query, drivers::query_as_with::<_, R, _>, fetch_all, |rows| rows)
        }
    }
}

#[cfg(test)]
mod tests;
