//! Rows on their way: all of them, then those that changed meanwhile, and the proof that both sides hold the same.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::schema::Table;
use super::side::Side;
use super::{Compared, Progress, RelocateError};

/// Rows in one statement.
const BATCH: usize = 500;

/// Copies all rows into empty tables.
pub(super) async fn everything(
    source: &mut Side<'_>,
    target: &mut Side<'_>,
    tables: &[Table],
    progress: &Progress,
) -> Result<(), RelocateError> {
    for table in tables {
        let rows = source.stream(table.select(source.dialect()));
        let mut batches = rows.chunks(BATCH);
        while let Some(batch) = batches.next().await {
            let batch = batch.into_iter().collect::<Result<Vec<_>, _>>()?;
            target.run(table.insert(), &[&array(&batch)]).await?;
            progress.rows(batch.len() as u64);
        }
    }
    Ok(())
}

/// What was noted, by table.
pub(super) struct Changes {
    /// The numbers of the notes, as a JSON array.
    pub(super) numbers: String,
    keys: BTreeMap<String, BTreeSet<String>>,
}

impl Changes {
    /// What is noted on this side by now.
    pub(super) async fn noted(source: &mut Side<'_>) -> Result<Self, RelocateError> {
        let notes =
            "SELECT CAST(number AS TEXT) || ' ' || name || ' ' || key FROM moving_changes ORDER BY number";
        let (mut numbers, mut keys) = (Vec::new(), BTreeMap::<String, BTreeSet<String>>::new());
        for note in source.texts(notes, &[]).await? {
            let mut parts = note.splitn(3, ' ');
            let (Some(number), Some(name), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
                return Err(RelocateError::unlike("moving_changes"));
            };
            numbers.push(number.to_owned());
            // Each database has its own way with the blanks.
            let key: Value = serde_json::from_str(key)?;
            keys.entry(name.to_owned()).or_default().insert(key.to_string());
        }
        Ok(Self { numbers: array(&numbers), keys })
    }

    pub(super) fn rows(&self) -> u64 {
        self.keys.values().map(|keys| keys.len() as u64).sum()
    }

    /// Makes the target's rows what they are in the source now, and reads them back.
    pub(super) async fn follow(
        &self,
        source: &mut Side<'_>,
        target: &mut Side<'_>,
        tables: &[Table],
    ) -> Result<(), RelocateError> {
        target.run("BEGIN", &[]).await?;
        let mut sent = Vec::new();
        // What is to be written anew goes first, so that no two rows want the same unique value.
        for (table, keys) in self.batches(tables) {
            target.run(table.delete_keys(), &[&keys]).await?;
            let rows = source.texts(table.select_keys(source.dialect()), &[&keys]).await?;
            sent.push((table, keys, rows));
        }
        for (table, _, rows) in &sent {
            target.run(table.insert(), &[&array(rows)]).await?;
        }
        target.run("COMMIT", &[]).await?;
        for (table, keys, rows) in sent {
            let arrived = target.texts(table.select_keys(target.dialect()), &[&keys]).await?;
            if by_key(table, &rows)? != by_key(table, &arrived)? {
                return Err(RelocateError::Differs { table: table.name.clone() });
            }
        }
        Ok(())
    }

    fn batches<'t>(&self, tables: &'t [Table]) -> Vec<(&'t Table, String)> {
        let mut batches = Vec::new();
        for table in tables {
            let keys: Vec<_> = self.keys.get(&table.name).into_iter().flatten().collect();
            batches.extend(keys.chunks(BATCH).map(|keys| (table, array(keys))));
        }
        batches
    }
}

fn by_key(table: &Table, rows: &[String]) -> Result<BTreeMap<String, Vec<Value>>, RelocateError> {
    rows.iter()
        .map(|row| {
            let row: Vec<Value> = serde_json::from_str(row)?;
            Ok((Value::from(table.key_of(&row)).to_string(), row))
        })
        .collect()
}

/// Reads all tables of both sides and compares them.
pub(super) async fn compare(
    source: &mut Side<'_>,
    target: &mut Side<'_>,
    tables: &[Table],
    progress: &Progress,
) -> Result<Vec<Compared>, RelocateError> {
    let mut compared = Vec::new();
    for table in tables {
        let here = checksum(source, table, progress).await?;
        let there = checksum(target, table, progress).await?;
        if here != there {
            return Err(RelocateError::Differs { table: table.name.clone() });
        }
        let (rows, checksum) = here;
        compared.push(Compared { table: table.name.clone(), rows, checksum: format!("{checksum:032x}") });
    }
    Ok(compared)
}

/// Compares how many rows there are.
pub(super) async fn compare_counts(
    source: &mut Side<'_>,
    target: &mut Side<'_>,
    tables: &[Table],
) -> Result<(), RelocateError> {
    for table in tables {
        if source.texts(table.count(), &[]).await? != target.texts(table.count(), &[]).await? {
            return Err(RelocateError::Differs { table: table.name.clone() });
        }
    }
    Ok(())
}

/// How many rows, and the sum of their digests: the order in which they come does not matter.
async fn checksum(
    side: &mut Side<'_>,
    table: &Table,
    progress: &Progress,
) -> Result<(u64, u128), RelocateError> {
    let (mut count, mut sum) = (0, 0_u128);
    let mut rows = side.stream(table.select(side.dialect()));
    while let Some(row) = rows.next().await {
        // Written anew, because each database has its own way with blanks and the order of keys.
        let row: Value = serde_json::from_str(&row?)?;
        let digest = Sha256::digest(row.to_string());
        let (half, _) = digest.split_at(16);
        sum = half.iter().rev().fold(0, |number, byte| (number << 8) | u128::from(*byte)).wrapping_add(sum);
        count += 1;
        if count % BATCH as u64 == 0 {
            progress.rows(BATCH as u64);
        }
    }
    Ok((count, sum))
}

fn array<T: AsRef<str>>(items: &[T]) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    format!("[{}]", items.join(","))
}
