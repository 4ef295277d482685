//! What the tables look like, and how a row is written so that both databases write it alike.
//!
//! A row travels as a JSON array with a place for each column: bytes and ids in hexadecimal digits, moments in
//! microseconds since 1970. A column of JSON takes two places, the first of which says whether it is NULL, because
//! JSON has a null of its own.

use std::collections::BTreeMap;

use super::RelocateError;
use super::side::{Dialect, Side};

/// Tables that are not the module's: each database has its own.
const OWN: [&str; 4] = ["module_migrations", "platform_migrations", "moves", "moving_changes"];

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Number,
    Boolean,
    Moment,
    Id,
    Bytes,
    Json,
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    kind: Kind,
    /// Its place in the array.
    place: usize,
}

/// A table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    columns: Vec<Column>,
    /// What tells one row from another.
    key: Vec<Column>,
    /// Rows that have no position yet keep their order.
    in_order_of: Option<String>,
}

/// The module's tables as PostgreSQL has them, by name.
pub(super) async fn tables(target: &mut Side<'_>) -> Result<Vec<Table>, RelocateError> {
    let columns = target
        .texts(
            "SELECT json_build_array(c.relname, a.attname, format_type(a.atttypid, NULL), a.attidentity)::TEXT
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::REGNAMESPACE
                 AND a.attnum > 0 AND NOT a.attisdropped
             ORDER BY c.relname, a.attnum",
            &[],
        )
        .await?;
    let keys = target
        .texts(
            "SELECT json_build_array(c.relname, a.attname)::TEXT
             FROM pg_index i
             JOIN pg_class c ON c.oid = i.indrelid
             CROSS JOIN LATERAL unnest(i.indkey::INT2[]) WITH ORDINALITY AS part (attnum, place)
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = part.attnum
             WHERE i.indisprimary AND c.relnamespace = current_schema()::REGNAMESPACE
             ORDER BY c.relname, part.place",
            &[],
        )
        .await?;
    let mut tables = BTreeMap::<String, Table>::new();
    for line in columns {
        let [name, column, kind, identity] = fields(&line)?;
        if OWN.contains(&name.as_str()) {
            continue;
        }
        let table = tables.entry(name.clone()).or_insert_with(|| Table::new(name));
        if identity.is_empty() {
            table.add(column, &kind)?;
        } else {
            table.in_order_of = Some(column);
        }
    }
    for line in keys {
        let [name, column] = fields(&line)?;
        let Some(table) = tables.get_mut(&name) else { continue };
        // A number that each database draws for itself tells nothing; such a table has an id, too.
        let wanted = if table.in_order_of.as_ref() == Some(&column) { "id" } else { &column };
        let found = table.columns.iter().find(|column| column.name == wanted).cloned();
        table.key.push(found.ok_or_else(|| RelocateError::unlike(&table.name))?);
    }
    Ok(tables.into_values().collect())
}

/// The names of the columns in a SQLite file, to see that nothing would be left behind.
pub(super) async fn check_source(source: &mut Side<'_>, tables: &[Table]) -> Result<(), RelocateError> {
    if source.dialect() == Dialect::Postgres {
        let theirs = self::tables(source).await?;
        let same = theirs.len() == tables.len()
            && theirs.iter().zip(tables).all(|(a, b)| a.name == b.name && a.names() == b.names());
        return if same { Ok(()) } else { Err(RelocateError::unlike("every one")) };
    }
    let names = source
        .texts(
            "SELECT json_array(t.name, c.name) FROM sqlite_schema t, pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY t.name, c.cid",
            &[],
        )
        .await?;
    let mut theirs = BTreeMap::<String, Vec<String>>::new();
    for line in names {
        let [table, column] = fields(&line)?;
        if !OWN.contains(&table.as_str()) {
            theirs.entry(table).or_default().push(column);
        }
    }
    for table in tables {
        let mut here = theirs.remove(&table.name).unwrap_or_default();
        let mut there = table.names();
        here.sort_unstable();
        there.sort_unstable();
        if here != there {
            return Err(RelocateError::unlike(&table.name));
        }
    }
    theirs.into_keys().next().map_or(Ok(()), |name| Err(RelocateError::unlike(&name)))
}

fn fields<const N: usize>(line: &str) -> Result<[String; N], RelocateError> {
    let fields: Vec<String> = serde_json::from_str(line)?;
    fields.try_into().map_err(|_| RelocateError::unlike("the catalogue's"))
}

impl Table {
    fn new(name: String) -> Self {
        Self { name, columns: Vec::new(), key: Vec::new(), in_order_of: None }
    }

    fn add(&mut self, name: String, kind: &str) -> Result<(), RelocateError> {
        let kind = match kind {
            "text" => Kind::Plain,
            "bigint" | "integer" => Kind::Number,
            "boolean" => Kind::Boolean,
            "timestamp with time zone" => Kind::Moment,
            "uuid" => Kind::Id,
            "bytea" => Kind::Bytes,
            "jsonb" => Kind::Json,
            _ => return Err(RelocateError::unlike(&self.name)),
        };
        let place = self.columns.last().map_or(0, |last| last.place + last.kind.places());
        self.columns.push(Column { name, kind, place });
        Ok(())
    }

    fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// The key of a row that travels.
    pub(super) fn key_of(&self, row: &[serde_json::Value]) -> Vec<serde_json::Value> {
        self.key.iter().filter_map(|column| row.get(column.place).cloned()).collect()
    }

    /// All rows, as they travel.
    pub(super) fn select(&self, dialect: Dialect) -> String {
        let order = match (&self.in_order_of, dialect) {
            (Some(column), Dialect::Postgres) => format!(" ORDER BY o.\"{column}\""),
            _ => String::new(),
        };
        format!("SELECT {} FROM \"{}\" o{order}", row(dialect, &self.columns, "o"), self.name)
    }

    /// Those of the rows with these keys that are there; `$1` is an array of keys.
    pub(super) fn select_keys(&self, dialect: Dialect) -> String {
        let (row, name, of) = (row(dialect, &self.columns, "o"), &self.name, self.matches(dialect));
        match dialect {
            // In this order, so that each key is looked up in the table's index.
            Dialect::Sqlite => format!("SELECT {row} FROM json_each($1) k CROSS JOIN \"{name}\" o ON {of}"),
            Dialect::Postgres => {
                let order =
                    self.in_order_of.as_ref().map_or_else(String::new, |by| format!(" ORDER BY o.\"{by}\""));
                format!(
                    "SELECT {row} FROM json_array_elements($1::JSON) k (v) JOIN \"{name}\" o ON {of}{order}"
                )
            }
        }
    }

    /// Deletes the rows with these keys; `$1` is an array of keys.
    pub(super) fn delete_keys(&self) -> String {
        let matches = self.matches(Dialect::Postgres);
        format!("DELETE FROM \"{}\" o USING json_array_elements($1::JSON) k (v) WHERE {matches}", self.name)
    }

    /// Inserts rows; `$1` is an array of them as they travel.
    pub(super) fn insert(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        let values: Vec<String> =
            self.columns.iter().map(|column| column.kind.read_back("r.v", column.place)).collect();
        format!(
            "INSERT INTO \"{}\" ({}) SELECT {} FROM json_array_elements($1::JSON) WITH ORDINALITY r (v, n) ORDER BY n",
            self.name,
            names.join(", "),
            values.join(", ")
        )
    }

    pub(super) fn count(&self) -> String {
        format!("SELECT CAST(COUNT(*) AS TEXT) FROM \"{}\"", self.name)
    }

    /// The key of the row that a trigger calls `NEW` or `OLD`, as it travels.
    pub(super) fn key_in_trigger(&self, dialect: Dialect, of: &str) -> String {
        row(dialect, &self.key, of)
    }

    fn matches(&self, dialect: Dialect) -> String {
        let parts = self.key.iter().enumerate().map(|(place, column)| {
            let value = match dialect {
                Dialect::Postgres => column.kind.read_back("k.v", place),
                Dialect::Sqlite => {
                    let value = format!("json_extract(k.value, '$[{place}]')");
                    if matches!(column.kind, Kind::Id | Kind::Bytes) {
                        format!("unhex({value})")
                    } else {
                        value
                    }
                }
            };
            format!("o.\"{}\" = {value}", column.name)
        });
        parts.collect::<Vec<_>>().join(" AND ")
    }
}

fn row(dialect: Dialect, columns: &[Column], of: &str) -> String {
    let values: Vec<String> = columns
        .iter()
        .map(|column| column.kind.written(dialect, &format!("{of}.\"{}\"", column.name)))
        .collect();
    match dialect {
        Dialect::Sqlite => format!("json_array({})", values.join(", ")),
        Dialect::Postgres => format!("json_build_array({})::TEXT", values.join(", ")),
    }
}

impl Kind {
    fn places(self) -> usize {
        if self == Self::Json { 2 } else { 1 }
    }

    fn written(self, dialect: Dialect, column: &str) -> String {
        match (self, dialect) {
            (Self::Plain | Self::Number, _) | (Self::Boolean | Self::Moment, Dialect::Sqlite) => {
                column.to_owned()
            }
            (Self::Id | Self::Bytes, Dialect::Sqlite) => {
                format!("CASE WHEN {column} IS NULL THEN NULL ELSE lower(hex({column})) END")
            }
            (Self::Json, Dialect::Sqlite) => format!("{column} IS NULL, json({column})"),
            (Self::Boolean, Dialect::Postgres) => format!("{column}::INT"),
            (Self::Moment, Dialect::Postgres) => {
                format!("(EXTRACT(EPOCH FROM {column}) * 1000000)::BIGINT")
            }
            (Self::Id, Dialect::Postgres) => format!("replace({column}::TEXT, '-', '')"),
            (Self::Bytes, Dialect::Postgres) => format!("encode({column}, 'hex')"),
            (Self::Json, Dialect::Postgres) => format!("({column} IS NULL)::INT, {column}"),
        }
    }

    /// The value at this place of a row that travels, for PostgreSQL.
    fn read_back(self, row: &str, place: usize) -> String {
        let text = format!("({row} ->> {place})");
        match self {
            Self::Plain => text,
            Self::Number => format!("{text}::BIGINT"),
            Self::Boolean => format!("{text}::INT::BOOLEAN"),
            Self::Moment => format!("TIMESTAMPTZ 'epoch' + {text}::BIGINT * INTERVAL '1 microsecond'"),
            Self::Id => format!("{text}::UUID"),
            Self::Bytes => format!("decode({text}, 'hex')"),
            Self::Json => {
                format!("CASE WHEN {text} = '1' THEN NULL ELSE ({row} -> {})::JSONB END", place + 1)
            }
        }
    }
}
