//! What a database says of a move: that its tables are leaving, have left, or have not all arrived.

use kernel::Moment;
use uuid::Uuid;

use super::RelocateError;
use super::side::{Dialect, Side};
use crate::db::{Db, DbError, migrate};

pub(super) const LEAVING: &str = "leaving";
pub(super) const LEFT: &str = "left";
pub(super) const ARRIVING: &str = "arriving";

/// A move, as one of its two databases knows it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Mark {
    pub(super) id: Uuid,
    pub(super) side: String,
    pub(super) other: String,
}

/// What this database says; `None` as well before it knew of moves.
pub(super) async fn read(db: &Db) -> Result<Option<Mark>, DbError> {
    if !migrate::has(db, "moves").await? {
        return Ok(None);
    }
    db.query("SELECT id, side, other FROM moves").maybe().await
}

/// Refuses a database whose tables are elsewhere, or not all there.
pub(in crate::db) async fn check(db: &Db) -> Result<(), DbError> {
    let Some(mark) = read(db).await? else { return Ok(()) };
    match mark.side.as_str() {
        LEFT => Err(DbError::Unsafe(format!(
            "the tables of the {module} module were moved from here to {}; write `url` of that database under \
             `[database.{module}]`",
            mark.other,
            module = db.module()
        ))),
        ARRIVING => Err(DbError::Unsafe(format!(
            "the tables of the {} module have not all arrived here from {}; run `cleave move` again",
            db.module(),
            mark.other
        ))),
        _ => Ok(()),
    }
}

pub(super) async fn write(
    side: &mut Side<'_>,
    id: Uuid,
    says: &str,
    other: &str,
    at: Moment,
) -> Result<(), RelocateError> {
    let sql = match side.dialect() {
        Dialect::Sqlite => {
            "INSERT INTO moves (id, side, other, at) VALUES (unhex($1), $2, $3, CAST($4 AS INTEGER))"
        }
        Dialect::Postgres => {
            "INSERT INTO moves (id, side, other, at)
             VALUES ($1::UUID, $2, $3, TIMESTAMPTZ 'epoch' + $4::BIGINT * INTERVAL '1 microsecond')"
        }
    };
    erase(side).await?;
    let (id, at) = (id.simple().to_string(), at.micros().to_string());
    side.run(sql, &[&id, says, other, &at]).await?;
    Ok(())
}

/// Whether this very move still is under way here.
pub(super) async fn is_leaving(side: &mut Side<'_>, id: Uuid) -> Result<bool, RelocateError> {
    let sql = match side.dialect() {
        Dialect::Sqlite => "SELECT side FROM moves WHERE id = unhex($1)",
        Dialect::Postgres => "SELECT side FROM moves WHERE id = $1::UUID",
    };
    Ok(side.texts(sql, &[&id.simple().to_string()]).await?.iter().any(|said| said == LEAVING))
}

pub(super) async fn erase(side: &mut Side<'_>) -> Result<(), RelocateError> {
    side.run("DELETE FROM moves", &[]).await?;
    Ok(())
}
