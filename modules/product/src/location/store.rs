//! How locations are kept.

use kernel::Moment;
use platform::db::{Db, DbError, Tx};
use product_api::LocationId;

use super::Location;

#[derive(sqlx::FromRow)]
struct LocationRow {
    id: LocationId,
    name: String,
    created_at: Moment,
}

impl From<LocationRow> for Location {
    fn from(row: LocationRow) -> Self {
        Self { id: row.id, name: row.name, created_at: row.created_at }
    }
}

/// All of them, the oldest first.
pub(crate) async fn list(db: &Db) -> Result<Vec<Location>, DbError> {
    let rows: Vec<LocationRow> =
        db.query("SELECT id, name, created_at FROM stock_locations ORDER BY id").all().await?;
    Ok(rows.into_iter().map(Location::from).collect())
}

/// Stores a new one. Returns whether it is there: the name may be another's.
pub(crate) async fn insert(tx: &mut Tx, location: &Location) -> Result<bool, DbError> {
    tx.query("INSERT INTO stock_locations (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
        .bind(location.id)
        .bind(location.name.clone())
        .bind(location.created_at)
        .run()
        .await?;
    let there: Option<(LocationId,)> =
        tx.query("SELECT id FROM stock_locations WHERE id = $1").bind(location.id).maybe().await?;
    Ok(there.is_some())
}
