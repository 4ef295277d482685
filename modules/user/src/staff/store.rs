//! How staff are kept.

use kernel::Moment;
use platform::db::{Db, DbError, Json, Tx};
use user_api::AccountId;

use super::{Member, MemberChange};
use crate::account::store::AccountRow;
use crate::account::{Account, Name};
use crate::permission::Permissions;
use crate::role::{OWNER, RoleName};

#[derive(sqlx::FromRow)]
struct MemberRow {
    #[sqlx(flatten)]
    account: AccountRow,
    permissions: Json<Permissions>,
}

/// Finds somebody on the staff.
pub(crate) async fn find(db: &Db, id: AccountId) -> Result<Option<Member>, DbError> {
    let row: Option<MemberRow> = db
        .query(
            "SELECT a.id, a.kind, a.email, a.name, a.status, a.role, a.version, a.created_at, a.updated_at,
                 r.permissions
             FROM accounts a
             JOIN roles r ON r.name = a.role
             WHERE a.id = $1 AND a.kind = 'staff'",
        )
        .bind(id)
        .maybe()
        .await?;
    Ok(row.map(|row| Member { account: row.account.into(), permissions: row.permissions.0 }))
}

/// Stores what changed, unless somebody else changed it since it was read. A change of status ends the sessions so far;
/// access tokens so far end with a change of role as well.
pub(crate) async fn update(
    tx: &mut Tx,
    member: &Member,
    change: &MemberChange,
    now: Moment,
) -> Result<Option<Account>, DbError> {
    let account = &member.account;
    let status = change.status.unwrap_or(account.status);
    let name = change.name.as_ref().map_or(account.name.as_str(), Name::as_str);
    let role = change.role.as_ref().map(RoleName::as_str).or(account.role.as_deref());
    let row: Option<AccountRow> = tx
        .query(
            "UPDATE accounts
             SET name = $1, role = $2, status = $3, token_generation = token_generation + $4,
                 access_version = access_version + $5,
                 access_changed_at = CASE WHEN $5 > 0 THEN $6 ELSE access_changed_at END,
                 updated_at = $6, version = version + 1
             WHERE id = $7 AND version = $8
             RETURNING id, kind, email, name, status, role, version, created_at, updated_at",
        )
        .bind(name.to_owned())
        .bind(role.map(str::to_owned))
        .bind(status.as_str())
        .bind(i64::from(status != account.status))
        .bind(i64::from(status != account.status || role != account.role.as_deref()))
        .bind(now)
        .bind(account.id)
        .bind(account.version)
        .maybe()
        .await?;
    Ok(row.map(Account::from))
}

/// How many other owners can sign in. Nobody else can find out until this transaction ends, so that of two owners who
/// dismiss each other only one succeeds.
pub(crate) async fn count_other_owners(tx: &mut Tx, id: AccountId) -> Result<i64, DbError> {
    // Changes nothing; the row is what both have to pass.
    tx.query("UPDATE roles SET built_in = TRUE WHERE name = $1").bind(OWNER).run().await?;
    let (count,): (i64,) = tx
        .query(
            "SELECT COUNT(*)
             FROM accounts
             WHERE role = $1 AND status = 'active' AND password_hash IS NOT NULL AND id <> $2",
        )
        .bind(OWNER)
        .bind(id)
        .one()
        .await?;
    Ok(count)
}
