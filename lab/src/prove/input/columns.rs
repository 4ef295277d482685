//! The names that a client could try to write to: every column of every table, and what is never a client's to say.

use std::collections::BTreeSet;
use std::path::Path;

use crate::Failure;

/// What whoever attacks a shop tries first, in every object of every body.
pub(super) const PRIVILEGED: &[&str] = &[
    "id",
    "_id",
    "status",
    "role",
    "roles",
    "permissions",
    "kind",
    "isAdmin",
    "total",
    "totals",
    "price",
    "unitPrice",
    "discount",
    "tax",
    "paid",
    "captured",
    "authorized",
    "refunded",
    "customerId",
    "accountId",
    "ownerId",
    "version",
    "createdAt",
    "updatedAt",
    "number",
    "token",
    "passwordHash",
    "emailVerified",
    "onHand",
    "reserved",
    "__proto__",
    "constructor",
    "",
];

/// The names of all columns, as the database spells them and as the API would.
///
/// # Errors
/// The migrations are not where they are in the source.
pub(super) fn names() -> Result<Vec<String>, Failure> {
    let mut names = BTreeSet::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    for module in std::fs::read_dir(folder)? {
        for file in std::fs::read_dir(module?.path())? {
            for line in std::fs::read_to_string(file?.path())?.lines() {
                if let Some(name) = column(line) {
                    names.insert(camel_case(name));
                    names.insert(name.to_owned());
                }
            }
        }
    }
    Ok(names.into_iter().collect())
}

/// The column that a line of a migration makes: a name, two blanks or more in front of it, and a type.
fn column(line: &str) -> Option<&str> {
    let mut words = line.strip_prefix("    ")?.split_whitespace();
    let (name, kind) = (words.next()?, words.next()?);
    let kinds =
        ["UUID", "TEXT", "BIGINT", "INTEGER", "BOOLEAN", "BYTEA", "TIMESTAMPTZ", "JSONB", "JSON", "SMALLINT"];
    let named =
        name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_' || letter.is_ascii_digit());
    (named && kinds.contains(&kind.trim_end_matches(','))).then_some(name)
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        name + &head.to_uppercase() + tail
    })
}
