//! How accounts are kept.

use kernel::{Moment, Page, PageRequest};
use platform::db::{Db, DbError, Tx};
use user_api::AccountId;
use uuid::Uuid;

use super::{Account, AccountKind, AccountStatus, Name};
use crate::email::Email;
use crate::password::hashing::PasswordHash;

/// What an [`AccountRow`] is read from.
const ACCOUNT: &str = "id, kind, email, name, status, role, version, created_at, updated_at";

#[derive(sqlx::FromRow)]
pub(crate) struct AccountRow {
    id: AccountId,
    #[sqlx(try_from = "String")]
    kind: AccountKind,
    email: String,
    name: String,
    #[sqlx(try_from = "String")]
    status: AccountStatus,
    role: Option<String>,
    version: i64,
    created_at: Moment,
    updated_at: Moment,
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            email: row.email,
            name: row.name,
            status: row.status,
            role: row.role,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Finds an account.
pub(crate) async fn find(db: &Db, id: AccountId) -> Result<Option<Account>, DbError> {
    let row: Option<AccountRow> = db
        .query(
            "SELECT {columns}
             FROM accounts
             WHERE id = $1",
        )
        .columns(ACCOUNT)
        .bind(id)
        .maybe()
        .await?;
    Ok(row.map(Account::from))
}

/// Finds accounts, in no particular order.
pub(crate) async fn find_all(db: &Db, ids: &[AccountId]) -> Result<Vec<Account>, DbError> {
    let rows: Vec<AccountRow> = db
        .query(
            "SELECT {columns}
             FROM accounts
             WHERE id IN {list}",
        )
        .columns(ACCOUNT)
        .list(ids.iter().copied())
        .all()
        .await?;
    Ok(rows.into_iter().map(Account::from).collect())
}

/// Lists accounts of a kind, newest first; of all, or the one with this address.
pub(crate) async fn list(
    db: &Db,
    kind: AccountKind,
    email: Option<&Email>,
    page: &PageRequest<Uuid>,
) -> Result<Page<Account>, DbError> {
    let rows: Vec<AccountRow> = db
        .query(
            "SELECT {columns}
             FROM accounts
             WHERE kind = $1
                 AND id < $2
                 AND (CAST($3 AS TEXT) IS NULL OR email_folded = $3)
             ORDER BY id DESC
             LIMIT $4",
        )
        .columns(ACCOUNT)
        .bind(kind.as_str())
        .bind(page.after.unwrap_or(Uuid::max()))
        .bind(email.map(Email::folded))
        .bind(i64::from(page.limit) + 1)
        .all()
        .await?;
    Ok(Page::cut(rows.into_iter().map(Account::from).collect(), page.limit))
}

/// Stores a new account. Returns whether its address was free.
pub(crate) async fn insert(
    tx: &mut Tx,
    account: &Account,
    email: &Email,
    password: Option<PasswordHash>,
) -> Result<bool, DbError> {
    let inserted = tx
        .query(
            "INSERT INTO accounts
                 (id, kind, email, email_folded, name, status, password_hash, role, token_generation, addresses,
                  version, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, 0, $9, $10, $11)
             ON CONFLICT DO NOTHING",
        )
        .bind(account.id)
        .bind(account.kind.as_str())
        .bind(account.email.clone())
        .bind(email.folded())
        .bind(account.name.clone())
        .bind(account.status.as_str())
        .bind(password.map(|hash| hash.0))
        .bind(account.role.clone())
        .bind(account.version)
        .bind(account.created_at)
        .bind(account.updated_at)
        .run()
        .await?;
    Ok(inserted == 1)
}

/// Gives an active account another name. `None` when there is no such account.
pub(crate) async fn rename(
    tx: &mut Tx,
    id: AccountId,
    name: &Name,
    now: Moment,
) -> Result<Option<Account>, DbError> {
    let row: Option<AccountRow> = tx
        .query(
            "UPDATE accounts
             SET name = $1, updated_at = $2, version = version + 1
             WHERE id = $3 AND status = 'active'
             RETURNING {columns}",
        )
        .columns(ACCOUNT)
        .bind(name.as_str().to_owned())
        .bind(now)
        .bind(id)
        .maybe()
        .await?;
    Ok(row.map(Account::from))
}

/// Sets whether an account of this kind can be used. Its sessions so far end with it. `None` when there is none.
pub(crate) async fn set_status(
    tx: &mut Tx,
    id: AccountId,
    kind: AccountKind,
    status: AccountStatus,
    now: Moment,
) -> Result<Option<Account>, DbError> {
    let row: Option<AccountRow> = tx
        .query(
            "UPDATE accounts
             SET status = $1, token_generation = token_generation + 1, access_version = access_version + 1,
                 access_changed_at = $2, updated_at = $2, version = version + 1
             WHERE id = $3 AND kind = $4
             RETURNING {columns}",
        )
        .columns(ACCOUNT)
        .bind(status.as_str())
        .bind(now)
        .bind(id)
        .bind(kind.as_str())
        .maybe()
        .await?;
    Ok(row.map(Account::from))
}
