//! How tax rates are kept.

use kernel::Moment;
use platform::db::{Db, DbError, Tx};

use super::{TaxRegion, TaxRegionId};

#[derive(sqlx::FromRow)]
struct TaxRegionRow {
    id: TaxRegionId,
    country: String,
    region: String,
    basis_points: i64,
    created_at: Moment,
}

impl From<TaxRegionRow> for TaxRegion {
    fn from(row: TaxRegionRow) -> Self {
        Self {
            id: row.id,
            country: row.country,
            region: Some(row.region).filter(|region| !region.is_empty()),
            basis_points: row.basis_points,
            created_at: row.created_at,
        }
    }
}

/// All rates, by country and region.
pub(crate) async fn list(db: &Db) -> Result<Vec<TaxRegion>, DbError> {
    let rows: Vec<TaxRegionRow> = db
        .query(
            "SELECT id, country, region, basis_points, created_at
             FROM tax_regions
             ORDER BY country, region",
        )
        .all()
        .await?;
    Ok(rows.into_iter().map(TaxRegion::from).collect())
}

/// Stores a new rate. Returns whether the region had none.
pub(crate) async fn insert(tx: &mut Tx, tax: &TaxRegion) -> Result<bool, DbError> {
    let inserted = tx
        .query(
            "INSERT INTO tax_regions (id, country, region, basis_points, created_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
        )
        .bind(tax.id)
        .bind(tax.country.clone())
        .bind(tax.region.clone().unwrap_or_default())
        .bind(tax.basis_points)
        .bind(tax.created_at)
        .run()
        .await?;
    Ok(inserted == 1)
}

/// Takes a rate away. Returns whether it was there.
pub(crate) async fn delete(tx: &mut Tx, id: TaxRegionId) -> Result<bool, DbError> {
    let deleted = tx.query("DELETE FROM tax_regions WHERE id = $1").bind(id).run().await?;
    Ok(deleted == 1)
}
