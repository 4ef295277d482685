//! Where it stands what was revoked.

use kernel::Moment;
use platform::{Db, DbError};
use user_api::{RevokedAccount, RevokedSession};

#[derive(sqlx::FromRow)]
struct SessionRow {
    id: user_api::SessionId,
    revoked_at: Moment,
}

#[derive(sqlx::FromRow)]
struct AccountRow {
    id: user_api::AccountId,
    access_version: i64,
    access_changed_at: Moment,
}

/// The sessions that ended since then by themselves or by a theft, the earliest first.
pub(crate) async fn sessions(db: &Db, since: Moment, most: u32) -> Result<Vec<RevokedSession>, DbError> {
    let rows: Vec<SessionRow> = db
        .query(
            "SELECT id, revoked_at
             FROM sessions
             WHERE revoked_at >= $1
             ORDER BY revoked_at
             LIMIT $2",
        )
        .bind(since)
        .bind(i64::from(most))
        .all()
        .await?;
    Ok(rows.into_iter().map(|row| RevokedSession { id: row.id, at: row.revoked_at }).collect())
}

/// The accounts whose access changed since then, the earliest first.
pub(crate) async fn accounts(db: &Db, since: Moment, most: u32) -> Result<Vec<RevokedAccount>, DbError> {
    let rows: Vec<AccountRow> = db
        .query(
            "SELECT id, access_version, access_changed_at
             FROM accounts
             WHERE access_changed_at >= $1
             ORDER BY access_changed_at
             LIMIT $2",
        )
        .bind(since)
        .bind(i64::from(most))
        .all()
        .await?;
    let revoked = |row: AccountRow| RevokedAccount {
        id: row.id,
        access_version: row.access_version,
        at: row.access_changed_at,
    };
    Ok(rows.into_iter().map(revoked).collect())
}
