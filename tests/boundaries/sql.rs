//! Which tables a text of SQL names. No parser: the house style writes keywords in capitals, and that is enough.

use std::collections::BTreeSet;

use super::source::Source;

/// The tables that the SQL in a Rust source names and that are not among the known ones.
pub(crate) fn foreign_tables(source: &str, known: &BTreeSet<String>) -> BTreeSet<String> {
    let texts = Source::read(source).texts;
    texts.iter().flat_map(|text| named_tables(text)).filter(|table| !known.contains(table)).collect()
}

/// The tables that a migration leaves behind.
pub(crate) fn created_tables(migration: &str) -> BTreeSet<String> {
    let words = words(migration);
    let mut tables = BTreeSet::new();
    for at in 0..words.len() {
        let behind = match words[at..] {
            ["CREATE", "TABLE" | "VIEW", ..] | ["RENAME", "TO", ..] => at + 2,
            ["CREATE", "VIRTUAL", "TABLE", ..] => at + 3,
            _ => continue,
        };
        let behind = if words[behind..].starts_with(&["IF", "NOT", "EXISTS"]) { behind + 3 } else { behind };
        tables.extend(words.get(behind).map(|table| (*table).to_owned()));
    }
    tables
}

fn named_tables(text: &str) -> BTreeSet<String> {
    let words = words(text);
    // `WITH due AS (…)` gives a name to an answer, not to a table.
    let named: BTreeSet<&str> = words
        .windows(3)
        .filter(|three| three[1] == "AS" && matches!(three[2], "(" | "MATERIALIZED" | "NOT"))
        .map(|three| three[0])
        .chain(words.windows(2).filter(|two| two[0] == "RECURSIVE").map(|two| two[1]))
        .collect();
    let mut tables = BTreeSet::new();
    for at in 0..words.len() {
        let before = at.checked_sub(1).map_or("", |before| words[before]);
        let starts = match words[at] {
            "JOIN" | "INTO" => true,
            // `IS DISTINCT FROM $1` compares; `EXTRACT(EPOCH FROM placed_at)` takes a part.
            "FROM" => before != "DISTINCT" && !takes_a_part(&words[..at]),
            // `FOR UPDATE` locks and `DO UPDATE` settles a conflict.
            "UPDATE" => !matches!(before, "FOR" | "DO" | "ON" | "KEY"),
            _ => false,
        };
        if starts {
            collect(&words[at..], &mut tables);
        }
    }
    tables.retain(|table| !named.contains(table.as_str()));
    tables
}

/// The table behind a keyword, and after `FROM` those that follow a comma.
fn collect(words: &[&str], tables: &mut BTreeSet<String>) {
    let mut at = 1;
    loop {
        while matches!(words.get(at), Some(&("ONLY" | "LATERAL"))) {
            at += 1;
        }
        let Some(table) = words.get(at).filter(|word| is_name(word)) else { return };
        // `unnest($1)` is a function; `INSERT INTO orders (…)` is not.
        let is_function = words[0] != "INTO" && words.get(at + 1) == Some(&"(");
        if !is_function {
            tables.insert((*table).to_owned());
        }
        at += 1;
        while words.get(at).is_some_and(|word| *word == "AS" || is_name(word)) {
            at += 1;
        }
        if words[0] != "FROM" || words.get(at) != Some(&",") {
            return;
        }
        at += 1;
    }
}

/// Names are small letters here; `{` is a name put in from outside, which is no table of anybody.
fn is_name(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_' || letter == '{')
}

fn takes_a_part(before: &[&str]) -> bool {
    let opened = before.iter().rposition(|word| *word == "(").unwrap_or(0);
    opened > 0 && matches!(before[opened - 1], "EXTRACT" | "SUBSTRING" | "TRIM" | "OVERLAY" | "POSITION")
}

/// Words and punctuation, without comments and quoted values. Quotes around a name are taken off.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '$');
        let length = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if first == '\'' {
            rest[1..].find('\'').map_or(rest.len(), |end| end + 2)
        } else if is_word(first) {
            rest.find(|letter| !is_word(letter)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        if !first.is_whitespace() && !matches!(first, '\'' | '"' | '\\' | '-') {
            words.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    words
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_table_of_another_module_is_found_in_every_place() {
    let own = set(&["orders", "order_items"]);
    for (sql, foreign) in [
        ("SELECT id FROM customers", "customers"),
        ("SELECT id FROM orders JOIN customers ON TRUE", "customers"),
        ("SELECT id FROM orders AS o, customers c WHERE TRUE", "customers"),
        ("INSERT INTO payments (id) VALUES ($1)", "payments"),
        ("UPDATE stock SET reserved = 0", "stock"),
        ("DELETE FROM carts WHERE id = $1", "carts"),
        ("WITH due AS (SELECT id FROM jobs) UPDATE orders SET a = 1 FROM due", "jobs"),
        ("SELECT id FROM \\\"customers\\\"", "customers"),
        ("SELECT id FROM other.orders", "other.orders"),
        ("SELECT id FROM {table}", "{"),
    ] {
        let source = format!("fn f() {{ tx.query(\"{sql}\") }}");
        assert_eq!(foreign_tables(&source, &own), set(&[foreign]), "{sql}");
    }
}

#[test]
fn a_modules_own_sql_is_left_alone() {
    let own = set(&["orders", "order_items"]);
    for sql in [
        "SELECT o.id FROM orders o JOIN order_items AS i ON i.order_id = o.id FOR UPDATE",
        "INSERT INTO orders (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET id = $1",
        "WITH due AS (SELECT id FROM orders) DELETE FROM orders USING due WHERE state IS DISTINCT FROM other",
        "SELECT EXTRACT(EPOCH FROM placed_at) FROM orders, unnest($1) AS x -- FROM customers",
        "SELECT id FROM (SELECT id FROM orders) AS inner_orders WHERE note = 'taken FROM stock'",
        "the order was taken from customers",
    ] {
        let source = format!("// FROM customers\nfn f() {{ tx.query(r#\"{sql}\"#) }}");
        assert_eq!(foreign_tables(&source, &own), set(&[]), "{sql}");
    }
}

#[test]
fn a_migration_tells_which_tables_there_are() {
    let migration = "-- CREATE TABLE no (\nCREATE TABLE orders (id UUID); CREATE TABLE IF NOT EXISTS carts (id UUID);
        CREATE VIRTUAL TABLE titles USING fts5(title); CREATE INDEX a ON orders (id); ALTER TABLE x RENAME TO y;";
    assert_eq!(created_tables(migration), set(&["orders", "carts", "titles", "y"]));
}
