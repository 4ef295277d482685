//! How set-up tokens are kept.

use kernel::Moment;
use platform::db::{Db, DbError, Tx};
use user_api::AccountId;

use super::{LIFETIME, SetupToken};
use crate::account::Account;
use crate::account::store::AccountRow;
use crate::password::hashing::PasswordHash;

/// Whose password a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetupFor {
    /// The shop's first owner, who has no account yet.
    FirstOwner,
    /// Somebody on the staff.
    Staff(AccountId),
}

/// Finds out whose password a token is for, if it is still good.
pub(crate) async fn find(db: &Db, token: &SetupToken, now: Moment) -> Result<Option<SetupFor>, DbError> {
    let row: Option<(Option<AccountId>,)> = db
        .query(
            "SELECT account_id
             FROM setup_tokens
             WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2",
        )
        .bind(token.hash())
        .bind(now)
        .maybe()
        .await?;
    Ok(row.map(|(account,)| account.map_or(SetupFor::FirstOwner, SetupFor::Staff)))
}

/// Stores a token for the first owner, unless there is a good one or somebody on the staff. Returns whether it did.
pub(crate) async fn insert_for_first_owner(
    tx: &mut Tx,
    token: &SetupToken,
    now: Moment,
) -> Result<bool, DbError> {
    let inserted = tx
        .query(
            "INSERT INTO setup_tokens (token_hash, created_at, expires_at)
             SELECT $1, $2, $3
             WHERE NOT EXISTS (SELECT 1 FROM accounts WHERE kind = 'staff')
                 AND NOT EXISTS (
                     SELECT 1 FROM setup_tokens WHERE account_id IS NULL AND used_at IS NULL AND expires_at > $2
                 )",
        )
        .bind(token.hash())
        .bind(now)
        .bind(now.plus(LIFETIME))
        .run()
        .await?;
    Ok(inserted == 1)
}

/// When the first owner's token stops being good; `None` when there is none.
pub(crate) async fn good_for_first_owner(db: &Db, now: Moment) -> Result<Option<Moment>, DbError> {
    let (until,): (Option<Moment>,) = db
        .query(
            "SELECT MAX(expires_at)
             FROM setup_tokens
             WHERE account_id IS NULL AND used_at IS NULL AND expires_at > $1",
        )
        .bind(now)
        .one()
        .await?;
    Ok(until)
}

/// Stores a token for an account in place of earlier ones.
pub(crate) async fn replace(
    tx: &mut Tx,
    token: &SetupToken,
    account: AccountId,
    now: Moment,
) -> Result<(), DbError> {
    tx.query("DELETE FROM setup_tokens WHERE account_id = $1").bind(account).run().await?;
    tx.query(
        "INSERT INTO setup_tokens (token_hash, account_id, created_at, expires_at)
         VALUES ($1, $2, $3, $4)",
    )
    .bind(token.hash())
    .bind(account)
    .bind(now)
    .bind(now.plus(LIFETIME))
    .run()
    .await
    .map(|_| ())
}

/// Uses a token up. Returns whether it was good. One for the first owner is good only while there is no staff, and uses
/// up any other that replicas made at the same moment: of two who come with one each, the second waits for the first
/// and finds its own used.
pub(crate) async fn consume(tx: &mut Tx, token: &SetupToken, now: Moment) -> Result<bool, DbError> {
    let consumed = tx
        .query(
            "UPDATE setup_tokens
             SET used_at = $1
             WHERE used_at IS NULL AND expires_at > $1
                 AND (
                     token_hash = $2 AND account_id IS NOT NULL
                     OR account_id IS NULL
                         AND EXISTS (
                             SELECT 1
                             FROM setup_tokens AS shown
                             WHERE shown.token_hash = $2 AND shown.account_id IS NULL
                                 AND shown.used_at IS NULL AND shown.expires_at > $1
                         )
                         AND NOT EXISTS (SELECT 1 FROM accounts WHERE kind = 'staff')
                 )",
        )
        .bind(now)
        .bind(token.hash())
        .run()
        .await?;
    Ok(consumed > 0)
}

/// Sets the password of somebody on the staff. Sessions so far end with it. `None` when the account cannot be used.
pub(crate) async fn set_password(
    tx: &mut Tx,
    id: AccountId,
    password: PasswordHash,
    now: Moment,
) -> Result<Option<Account>, DbError> {
    let row: Option<AccountRow> = tx
        .query(
            "UPDATE accounts
             SET password_hash = $1, token_generation = token_generation + 1, access_version = access_version + 1,
                 access_changed_at = $2, updated_at = $2, version = version + 1
             WHERE id = $3 AND kind = 'staff' AND status = 'active'
             RETURNING id, kind, email, name, status, role, version, created_at, updated_at",
        )
        .bind(password.0)
        .bind(now)
        .bind(id)
        .maybe()
        .await?;
    Ok(row.map(Account::from))
}

/// Whether anybody is on the staff.
pub(crate) async fn has_staff(db: &Db) -> Result<bool, DbError> {
    let (has,): (bool,) =
        db.query("SELECT EXISTS (SELECT 1 FROM accounts WHERE kind = 'staff')").one().await?;
    Ok(has)
}

/// Forgets tokens that expired before this.
pub(crate) async fn forget(db: &Db, before: Moment) -> Result<(), DbError> {
    let (due,): (bool,) = db
        .query("SELECT EXISTS (SELECT 1 FROM setup_tokens WHERE expires_at < $1)")
        .bind(before)
        .one()
        .await?;
    if due {
        let mut tx = db.begin().await?;
        tx.query("DELETE FROM setup_tokens WHERE expires_at < $1").bind(before).run().await?;
        tx.commit().await?;
    }
    Ok(())
}
