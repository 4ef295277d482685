//! A statement with its values, and how it is put for each of the two databases.

use std::borrow::Cow;
use std::fmt::Write as _;

use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Encode, Postgres, SqlSafeStr as _, SqlStr, Sqlite, Type};

use super::error::DbError;
use super::later::Later;

/// A statement of this many values or more is not worth a place in the statement cache.
const TOO_WIDE_TO_CACHE: usize = 64;

/// The text of a statement: one for both databases, or one each where they disagree.
///
/// A text may hold markers that become as many placeholders as there are values: `IN {list}` and
/// `VALUES {rows}`. Values themselves never become part of a text. `{columns}` becomes the names that several
/// statements of a store share.
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

/// What in a text becomes something else, each in the order of the calls that say what.
const MARKERS: [&str; 3] = ["{columns}", "{list}", "{rows}"];

/// A value that both databases can store.
pub trait Bind:
    for<'q> Encode<'q, Sqlite>
    + Type<Sqlite>
    + for<'q> Encode<'q, Postgres>
    + Type<Postgres>
    + Send
    + Sync
    + 'static
{
}
impl<T> Bind for T where
    T: for<'q> Encode<'q, Sqlite>
        + Type<Sqlite>
        + for<'q> Encode<'q, Postgres>
        + Type<Postgres>
        + Send
        + Sync
        + 'static
{
}

/// A value, encoded once it is known for whom and among which others.
trait Value: Send + Sync {
    fn add_to_sqlite(self: Box<Self>, values: &mut SqliteArguments) -> Result<(), BoxDynError>;
    fn add_to_postgres(self: Box<Self>, values: &mut PgArguments) -> Result<(), BoxDynError>;
}

impl<T: Bind> Value for T {
    fn add_to_sqlite(self: Box<Self>, values: &mut SqliteArguments) -> Result<(), BoxDynError> {
        values.add(*self)
    }

    fn add_to_postgres(self: Box<Self>, values: &mut PgArguments) -> Result<(), BoxDynError> {
        values.add(*self)
    }
}

/// What a driver takes: a text, its values, and whether it is worth a place in the statement cache.
pub(super) type For<Arguments> = (SqlStr, Arguments, bool);

pub(super) struct Statement {
    sql: Sql,
    /// What the markers of the text become, in their order.
    expansions: Vec<Cow<'static, str>>,
    values: Vec<Box<dyn Value>>,
    /// A multi-row statement without rows has nothing to do.
    empty: bool,
}

impl Statement {
    pub(super) fn new(sql: Sql) -> Self {
        Self { sql, expansions: Vec::new(), values: Vec::new(), empty: false }
    }

    pub(super) fn bind<T: Bind>(&mut self, value: T) {
        self.values.push(Box::new(value));
    }

    pub(super) fn bound(&self) -> usize {
        self.values.len()
    }

    /// What was bound after the first so many values is the next list.
    pub(super) fn end_list(&mut self, first: usize) {
        let last = self.bound();
        let text = if first == last { Cow::Borrowed("(NULL)") } else { placeholders(first, last).into() };
        self.expansions.push(text);
    }

    /// What was bound from each of these counts to the next is a row.
    pub(super) fn end_rows(&mut self, ends: &[usize]) {
        let rows: Vec<String> = ends.windows(2).map(|ends| placeholders(ends[0], ends[1])).collect();
        self.empty |= rows.is_empty();
        self.expansions.push(rows.join(",").into());
    }

    /// These names are the next columns.
    pub(super) fn columns(&mut self, names: &'static str) {
        self.expansions.push(Cow::Borrowed(names));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.empty
    }

    pub(super) fn for_sqlite(self) -> Result<For<SqliteArguments>, DbError> {
        let text = self.text(self.sql.sqlite);
        let keep = self.is_narrow();
        let mut values = SqliteArguments::default();
        self.add_to_sqlite(&mut values)?;
        Ok((text, values, keep))
    }

    pub(super) fn for_postgres(self) -> Result<For<PgArguments>, DbError> {
        let text = self.text(self.sql.postgres);
        let keep = self.is_narrow();
        let mut values = PgArguments::default();
        self.add_to_postgres(&mut values)?;
        Ok((text, values, keep))
    }

    fn add_to_sqlite(self, values: &mut SqliteArguments) -> Result<(), DbError> {
        self.values.into_iter().try_for_each(|value| value.add_to_sqlite(values)).map_err(refused)
    }

    fn add_to_postgres(self, values: &mut PgArguments) -> Result<(), DbError> {
        self.values.into_iter().try_for_each(|value| value.add_to_postgres(values)).map_err(refused)
    }

    fn is_narrow(&self) -> bool {
        self.bound() < TOO_WIDE_TO_CACHE
    }

    fn text(&self, text: &'static str) -> SqlStr {
        if self.expansions.is_empty() {
            return SqlStr::from_static(text);
        }
        // Made of fixed texts and placeholders only.
        AssertSqlSafe(self.expanded(text)).into_sql_str()
    }

    fn expanded(&self, mut rest: &'static str) -> String {
        let mut expansions = self.expansions.iter();
        let mut text = String::with_capacity(rest.len() + self.bound() * 5);
        while let Some(start) = rest.find('{') {
            let (before, marker) = rest.split_at(start);
            text.push_str(before);
            if let Some(after) = MARKERS.iter().find_map(|name| marker.strip_prefix(name)) {
                text.push_str(expansions.next().map_or("", |made| made));
                rest = after;
            } else {
                // A brace of its own, as in an empty JSON object.
                text.push('{');
                rest = &marker[1..];
            }
        }
        text.push_str(rest);
        text
    }
}

/// Statements for one hop to SQLite: one text, in which they stand one after another.
pub(super) fn together_on_sqlite(statements: Vec<Later>) -> Result<For<SqliteArguments>, DbError> {
    let (mut text, mut values, mut keep) = (String::new(), SqliteArguments::default(), true);
    for (statement, _) in statements {
        append(&mut text, &statement.expanded(statement.sql.sqlite), values.len());
        text.push(';');
        keep &= statement.is_narrow();
        statement.add_to_sqlite(&mut values)?;
    }
    Ok((AssertSqlSafe(text).into_sql_str(), values, keep))
}

/// Statements for one round trip to PostgreSQL: one statement, whose parts happen together or not at all. Where one
/// has not changed a row that it must change, all of it fails with a division by zero.
pub(super) fn together_on_postgres(statements: Vec<Later>) -> Result<For<PgArguments>, DbError> {
    let (mut text, mut values, mut keep) = (String::new(), PgArguments::default(), true);
    let mut guards = String::new();
    for (number, (statement, changes_one)) in statements.into_iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{} later{number} AS (", if number == 0 { "WITH" } else { "," });
        append(&mut text, &statement.expanded(statement.sql.postgres), values.len());
        text.push_str(" RETURNING 1)");
        if changes_one {
            let _ = write!(guards, ", 1 / (SELECT COUNT(*) FROM later{number})");
        }
        keep &= statement.is_narrow();
        statement.add_to_postgres(&mut values)?;
    }
    text.push_str(" SELECT 1");
    text.push_str(&guards);
    Ok((AssertSqlSafe(text).into_sql_str(), values, keep))
}

/// Appends a text whose placeholders count from after the first so many.
fn append(to: &mut String, text: &str, first: usize) {
    let mut parts = text.split('$');
    to.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        let number: usize = number.parse().unwrap_or_default();
        let _ = write!(to, "${}{rest}", first + number);
    }
}

/// The placeholders after the first so many, up to the last.
fn placeholders(first: usize, last: usize) -> String {
    let mut text = String::from("(");
    for number in first + 1..=last {
        let _ = write!(text, "{}${number}", if number == first + 1 { "" } else { "," });
    }
    text.push(')');
    text
}

fn refused(error: BoxDynError) -> DbError {
    DbError::Other(sqlx::Error::Encode(error))
}
