//! How imports are kept.

use kernel::{Currency, Moment};
use platform::db::{Db, DbError, Json, Tx};
use product_api::ImportId;

use super::shopify::ReadProduct;
use super::{Counts, Faults, Import, ImportStatus};
use crate::product::NewProduct;

#[derive(sqlx::FromRow)]
struct ImportRow {
    id: ImportId,
    #[sqlx(try_from = "String")]
    status: ImportStatus,
    currency: Currency,
    counts: Json<Counts>,
    errors: Json<Faults>,
    applied: i64,
    created_at: Moment,
    updated_at: Moment,
}

impl From<ImportRow> for Import {
    fn from(row: ImportRow) -> Self {
        Self {
            id: row.id,
            status: row.status,
            currency: row.currency,
            counts: row.counts.0,
            faults: row.errors.0,
            applied: row.applied,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Finds an import.
pub(crate) async fn find(db: &Db, id: ImportId) -> Result<Option<Import>, DbError> {
    let row: Option<ImportRow> = db
        .query(
            "SELECT id, status, currency, counts, errors, applied, created_at, updated_at
             FROM imports
             WHERE id = $1",
        )
        .bind(id)
        .maybe()
        .await?;
    Ok(row.map(Import::from))
}

/// Stores an import that is being read, or begins one again that was left in the middle. Returns whether it did: one
/// that was read stays as it is.
pub(crate) async fn begin(tx: &mut Tx, import: &Import) -> Result<bool, DbError> {
    let begun = tx
        .query(
            "INSERT INTO imports (id, status, currency, counts, errors, applied, created_at, updated_at)
             VALUES ($1, 'reading', $2, $3, $4, 0, $5, $5)
             ON CONFLICT (id) DO UPDATE
             SET updated_at = excluded.updated_at
             WHERE imports.status = 'reading'",
        )
        .bind(import.id)
        .bind(import.currency)
        .bind(Json(import.counts))
        .bind(Json(import.faults.clone()))
        .bind(import.created_at)
        .run()
        .await?;
    if begun == 1 {
        delete_products(tx, import.id, i64::MAX).await?;
    }
    Ok(begun == 1)
}

/// Keeps products of an import until they are applied.
pub(crate) async fn insert_products(
    tx: &mut Tx,
    id: ImportId,
    first: i64,
    products: &[ReadProduct],
) -> Result<(), DbError> {
    tx.query("INSERT INTO import_products (import_id, place, file_row, product) VALUES {rows}")
        .rows(products.iter().enumerate(), |row, (index, read)| {
            row.bind(id).bind(first + index as i64).bind(read.row as i64).bind(Json(read.product.clone()))
        })
        .run()
        .await
        .map(|_| ())
}

/// Forgets the products of an import before this place.
pub(crate) async fn delete_products(tx: &mut Tx, id: ImportId, before: i64) -> Result<(), DbError> {
    tx.query("DELETE FROM import_products WHERE import_id = $1 AND place < $2")
        .bind(id)
        .bind(before)
        .run()
        .await
        .map(|_| ())
}

/// The products of an import from this place on, each with its row in the file.
pub(crate) async fn products(
    db: &Db,
    id: ImportId,
    from: i64,
    most: i64,
) -> Result<Vec<(u64, NewProduct)>, DbError> {
    let rows: Vec<(i64, Json<NewProduct>)> = db
        .query(
            "SELECT file_row, product
             FROM import_products
             WHERE import_id = $1 AND place >= $2
             ORDER BY place
             LIMIT $3",
        )
        .bind(id)
        .bind(from)
        .bind(most)
        .all()
        .await?;
    Ok(rows.into_iter().map(|(row, product)| (row as u64, product.0)).collect())
}

/// Says what reading has shown.
pub(crate) async fn finish_reading(tx: &mut Tx, import: &Import) -> Result<(), DbError> {
    tx.query(
        "UPDATE imports
         SET status = $1, counts = $2, errors = $3, updated_at = $4
         WHERE id = $5 AND status = 'reading'",
    )
    .bind(import.status.as_str())
    .bind(Json(import.counts))
    .bind(Json(import.faults.clone()))
    .bind(import.updated_at)
    .bind(import.id)
    .run()
    .await
    .map(|_| ())
}

/// Lets an import that was previewed be applied. Returns whether it waited for that.
pub(crate) async fn confirm(tx: &mut Tx, id: ImportId, now: Moment) -> Result<bool, DbError> {
    let confirmed = tx
        .query(
            "UPDATE imports SET status = 'applying', updated_at = $1 WHERE id = $2 AND status = 'previewed'",
        )
        .bind(now)
        .bind(id)
        .run()
        .await?;
    Ok(confirmed == 1)
}

/// Moves an import on, from the place at which it was read. Returns whether nobody else has.
pub(crate) async fn advance(tx: &mut Tx, import: &Import, to: i64) -> Result<bool, DbError> {
    let moved = tx
        .query(
            "UPDATE imports
             SET applied = $1, updated_at = $2
             WHERE id = $3 AND status = 'applying' AND applied = $4",
        )
        .bind(to)
        .bind(import.updated_at)
        .bind(import.id)
        .bind(import.applied)
        .run()
        .await?;
    Ok(moved == 1)
}

/// Keeps what was counted and found while it is applied, and whether it is done.
pub(crate) async fn update(tx: &mut Tx, import: &Import) -> Result<(), DbError> {
    tx.query("UPDATE imports SET status = $1, counts = $2, errors = $3, updated_at = $4 WHERE id = $5")
        .bind(import.status.as_str())
        .bind(Json(import.counts))
        .bind(Json(import.faults.clone()))
        .bind(import.updated_at)
        .bind(import.id)
        .run()
        .await
        .map(|_| ())
}

/// Whether there are imports that nobody will come back to: not confirmed since `unconfirmed`, or older than `old`.
pub(crate) async fn any_forgotten(db: &Db, unconfirmed: Moment, old: Moment) -> Result<bool, DbError> {
    let (due,): (bool,) = db
        .query(
            "SELECT EXISTS (
                 SELECT 1
                 FROM imports
                 WHERE (status <> 'applying' AND created_at < $1)
                     OR (status IN ('reading', 'previewed', 'refused') AND created_at < $2)
             )",
        )
        .bind(old)
        .bind(unconfirmed)
        .one()
        .await?;
    Ok(due)
}

/// Deletes those.
pub(crate) async fn forget(tx: &mut Tx, unconfirmed: Moment, old: Moment) -> Result<(), DbError> {
    tx.query(
        "DELETE FROM import_products
         WHERE import_id IN (
             SELECT id
             FROM imports
             WHERE (status <> 'applying' AND created_at < $1)
                 OR (status IN ('reading', 'previewed', 'refused') AND created_at < $2)
         )",
    )
    .bind(old)
    .bind(unconfirmed)
    .run()
    .await?;
    tx.query(
        "DELETE FROM imports
         WHERE (status <> 'applying' AND created_at < $1)
             OR (status IN ('reading', 'previewed', 'refused') AND created_at < $2)",
    )
    .bind(old)
    .bind(unconfirmed)
    .run()
    .await
    .map(|_| ())
}
