//! How roles are kept.

use kernel::Moment;
use platform::db::{Db, DbError, Json, Tx};

use super::{Role, RoleName};
use crate::permission::Permissions;

/// What a [`RoleRow`] is read from.
const ROLE: &str = "name, permissions, built_in, version";

#[derive(sqlx::FromRow)]
struct RoleRow {
    #[sqlx(try_from = "String")]
    name: RoleName,
    permissions: Json<Permissions>,
    built_in: bool,
    version: i64,
}

impl From<RoleRow> for Role {
    fn from(row: RoleRow) -> Self {
        Self { name: row.name, permissions: row.permissions.0, built_in: row.built_in, version: row.version }
    }
}

/// All roles, by name.
pub(crate) async fn list(db: &Db) -> Result<Vec<Role>, DbError> {
    let rows: Vec<RoleRow> = db
        .query(
            "SELECT {columns}
             FROM roles
             ORDER BY name",
        )
        .columns(ROLE)
        .all()
        .await?;
    Ok(rows.into_iter().map(Role::from).collect())
}

/// Finds a role.
pub(crate) async fn find(db: &Db, name: &str) -> Result<Option<Role>, DbError> {
    let row: Option<RoleRow> = db
        .query(
            "SELECT {columns}
             FROM roles
             WHERE name = $1",
        )
        .columns(ROLE)
        .bind(name.to_owned())
        .maybe()
        .await?;
    Ok(row.map(Role::from))
}

/// How many roles there are.
pub(crate) async fn count(db: &Db) -> Result<i64, DbError> {
    let (count,): (i64,) = db.query("SELECT COUNT(*) FROM roles").one().await?;
    Ok(count)
}

/// Stores a new role. Returns whether its name was free.
pub(crate) async fn insert(tx: &mut Tx, role: &Role) -> Result<bool, DbError> {
    let inserted = tx
        .query(
            "INSERT INTO roles (name, permissions, built_in, version)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
        )
        .bind(role.name.as_str().to_owned())
        .bind(Json(role.permissions.clone()))
        .bind(role.built_in)
        .bind(role.version)
        .run()
        .await?;
    Ok(inserted == 1)
}

/// Stores a role's permissions, unless somebody else changed it since it was read. Returns whether it did.
pub(crate) async fn update(tx: &mut Tx, role: &Role) -> Result<bool, DbError> {
    let updated = tx
        .query(
            "UPDATE roles
             SET permissions = $1, version = version + 1
             WHERE name = $2 AND version = $3",
        )
        .bind(Json(role.permissions.clone()))
        .bind(role.name.as_str().to_owned())
        .bind(role.version)
        .run()
        .await?;
    Ok(updated == 1)
}

/// Ends the access tokens of everybody who has a role.
pub(crate) async fn renew_access(tx: &mut Tx, name: &RoleName, now: Moment) -> Result<(), DbError> {
    tx.query(
        "UPDATE accounts
         SET access_version = access_version + 1, access_changed_at = $1
         WHERE role = $2",
    )
    .bind(now)
    .bind(name.as_str().to_owned())
    .run()
    .await
    .map(|_| ())
}

/// Takes a role away, unless it changed since it was read.
///
/// # Errors
/// [`DbError::Refused`] while somebody has it.
pub(crate) async fn delete(tx: &mut Tx, role: &Role) -> Result<bool, DbError> {
    let deleted = tx
        .query("DELETE FROM roles WHERE name = $1 AND version = $2")
        .bind(role.name.as_str().to_owned())
        .bind(role.version)
        .run()
        .await?;
    Ok(deleted == 1)
}
