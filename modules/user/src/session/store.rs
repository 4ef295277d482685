//! How sessions are kept.

use kernel::Moment;
use platform::db::{Db, DbError, Json, Tx};
use user_api::{AccountId, SessionId};

use super::{RefreshToken, Revocation, Session};
use crate::account::{AccountKind, AccountStatus};
use crate::email::Email;
use crate::password::hashing::PasswordHash;
use crate::permission::Permissions;

/// An account as it is needed to let somebody in.
pub(crate) struct Credentials {
    /// The account.
    pub account_id: AccountId,
    /// What proves that it is theirs; none before a password was chosen.
    pub password: Option<PasswordHash>,
    /// Who gets in.
    pub entrant: Entrant,
}

/// What a session's access tokens say of its account, as it stands now.
pub(crate) struct Entrant {
    /// Customer or staff.
    pub kind: AccountKind,
    /// Whether the account can be used.
    pub status: AccountStatus,
    /// Its generation.
    pub token_generation: i64,
    /// Which of its accesses this is.
    pub access_version: i64,
    /// What staff may do.
    pub permissions: Vec<String>,
}

#[derive(sqlx::FromRow)]
struct EntrantRow {
    #[sqlx(try_from = "String")]
    kind: AccountKind,
    #[sqlx(try_from = "String")]
    status: AccountStatus,
    generation: i64,
    access_version: i64,
    permissions: Option<Json<Permissions>>,
}

impl From<EntrantRow> for Entrant {
    fn from(row: EntrantRow) -> Self {
        let permissions = row.permissions.map(|json| json.0.keys().to_vec()).unwrap_or_default();
        Self {
            kind: row.kind,
            status: row.status,
            token_generation: row.generation,
            access_version: row.access_version,
            permissions,
        }
    }
}

#[derive(sqlx::FromRow)]
struct CredentialsRow {
    account_id: AccountId,
    password_hash: Option<String>,
    #[sqlx(flatten)]
    entrant: EntrantRow,
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    id: SessionId,
    account_id: AccountId,
    token_generation: i64,
    chain_key: Vec<u8>,
    token_hash: Vec<u8>,
    position: i64,
    previous: Option<i64>,
    exchanged_at: Moment,
    user_agent: Option<String>,
    created_at: Moment,
    expires_at: Moment,
    revoked_because: Option<String>,
    #[sqlx(flatten)]
    entrant: EntrantRow,
}

impl SessionRow {
    fn read(self) -> (Session, Entrant) {
        let session = Session {
            id: self.id,
            account_id: self.account_id,
            token_generation: self.token_generation,
            chain_key: self.chain_key,
            token_hash: self.token_hash,
            position: self.position,
            previous: self.previous,
            exchanged_at: self.exchanged_at,
            user_agent: self.user_agent,
            created_at: self.created_at,
            expires_at: self.expires_at,
            // The table allows nothing that is no reason; if it did, the session would be over all the same.
            revoked: self
                .revoked_because
                .map(|text| Revocation::try_from(text).unwrap_or(Revocation::SignedOut)),
        };
        (session, self.entrant.into())
    }
}

/// Finds the account with this address.
pub(crate) async fn credentials(db: &Db, email: &Email) -> Result<Option<Credentials>, DbError> {
    let row: Option<CredentialsRow> = db
        .query(
            "SELECT a.id AS account_id, a.password_hash, a.kind, a.status, a.token_generation AS generation,
                 a.access_version, r.permissions
             FROM accounts a
             LEFT JOIN roles r ON r.name = a.role
             WHERE a.email_folded = $1",
        )
        .bind(email.folded())
        .maybe()
        .await?;
    Ok(row.map(|row| Credentials {
        account_id: row.account_id,
        password: row.password_hash.map(PasswordHash),
        entrant: row.entrant.into(),
    }))
}

/// Finds a session and its account as they stand.
pub(crate) async fn find(tx: &mut Tx, id: SessionId) -> Result<Option<(Session, Entrant)>, DbError> {
    let row: Option<SessionRow> = tx
        .query(
            "SELECT s.id, s.account_id, s.token_generation, s.chain_key, s.token_hash, s.position, s.previous,
                 s.exchanged_at, s.user_agent, s.created_at, s.expires_at, s.revoked_because,
                 a.kind, a.status, a.token_generation AS generation, a.access_version, r.permissions
             FROM sessions s
             JOIN accounts a ON a.id = s.account_id
             LEFT JOIN roles r ON r.name = a.role
             WHERE s.id = $1",
        )
        .bind(id)
        .maybe()
        .await?;
    Ok(row.map(SessionRow::read))
}

/// Stores a new session, if its account can still be used and has not changed its generation. Returns whether it did.
pub(crate) async fn insert(tx: &mut Tx, session: &Session) -> Result<bool, DbError> {
    let inserted = tx
        .query(
            "INSERT INTO sessions
                 (id, account_id, token_generation, chain_key, token_hash, position, exchanged_at, user_agent,
                  created_at, expires_at)
             SELECT $1, id, token_generation, $2, $3, $4, $5, $6, $7, $8
             FROM accounts
             WHERE id = $9 AND token_generation = $10 AND status = 'active'",
        )
        .bind(session.id)
        .bind(session.chain_key.clone())
        .bind(session.token_hash.clone())
        .bind(session.position)
        .bind(session.exchanged_at)
        .bind(session.user_agent.clone())
        .bind(session.created_at)
        .bind(session.expires_at)
        .bind(session.account_id)
        .bind(session.token_generation)
        .run()
        .await?;
    Ok(inserted == 1)
}

/// Moves a session on to its next token, unless somebody else did since it was read. Returns whether it did.
pub(crate) async fn advance(
    tx: &mut Tx,
    session: &Session,
    next: &RefreshToken,
    previous: i64,
    now: Moment,
    expires_at: Moment,
) -> Result<bool, DbError> {
    let advanced = tx
        .query(
            "UPDATE sessions
             SET position = position + 1, token_hash = $1, previous = $2, exchanged_at = $3, expires_at = $4
             WHERE id = $5 AND position = $6 AND revoked_at IS NULL",
        )
        .bind(next.hash())
        .bind(previous)
        .bind(now)
        .bind(expires_at)
        .bind(session.id)
        .bind(session.position)
        .run()
        .await?;
    Ok(advanced == 1)
}

/// Ends a session. Ending it again changes nothing.
pub(crate) async fn revoke(
    tx: &mut Tx,
    id: SessionId,
    because: Revocation,
    now: Moment,
) -> Result<(), DbError> {
    tx.query(
        "UPDATE sessions
         SET revoked_at = $1, revoked_because = $2
         WHERE id = $3 AND revoked_at IS NULL",
    )
    .bind(now)
    .bind(because.as_str())
    .bind(id)
    .run()
    .await
    .map(|_| ())
}

/// Puts a hash at today's cost in the place of an older one, unless the password changed in between.
pub(crate) async fn replace_hash(
    tx: &mut Tx,
    account: AccountId,
    old: PasswordHash,
    new: PasswordHash,
) -> Result<(), DbError> {
    tx.query("UPDATE accounts SET password_hash = $1 WHERE id = $2 AND password_hash = $3")
        .bind(new.0)
        .bind(account)
        .bind(old.0)
        .run()
        .await
        .map(|_| ())
}

/// Forgets sessions that ended before this. `true` says that there may be more.
pub(crate) async fn forget(db: &Db, before: Moment) -> Result<bool, DbError> {
    let due: Vec<(SessionId,)> = db
        .query("SELECT id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT 500")
        .bind(before)
        .all()
        .await?;
    if due.is_empty() {
        return Ok(false);
    }
    let mut tx = db.begin().await?;
    tx.query("DELETE FROM sessions WHERE id IN {list}").list(due.into_iter().map(|(id,)| id)).run().await?;
    tx.commit().await?;
    Ok(true)
}
