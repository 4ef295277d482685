//! How a shop gets its first owner, and somebody on the staff their password.

use kernel::Moment;
use platform::{Commands, Db, DbError};
use user_api::AccountId;

use super::SetupToken;
use super::store::{self, SetupFor};
use crate::account::store as accounts;
use crate::account::{Account, AccountKind, AccountStatus, Name};
use crate::email::Email;
use crate::password::hashing::{HashError, Hasher};
use crate::password::{Password, PasswordTooShort};
use crate::role::OWNER;

/// Set-up tokens, and what they are good for.
#[derive(Clone)]
pub(crate) struct Setup {
    db: Db,
    pub(super) commands: Commands,
    hasher: Hasher,
    shortest_password: usize,
}

/// How the first owner is made.
#[derive(Clone)]
pub enum FirstOwner {
    /// With this token.
    With(SetupToken),
    /// With one that another start has shown; we keep only its digest.
    Shown {
        /// When it stops being good.
        until: Moment,
    },
}

/// What somebody with a set-up token says.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// The password they chose.
    pub password: Password,
    /// Who the first owner is; for others this is known.
    pub owner: Option<(Email, Name)>,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The token is unknown, used, expired or replaced. Which of these is not told.
    #[error("the set-up token is not valid")]
    InvalidToken,
    /// Nobody knows yet who the first owner is.
    #[error("the first owner says their e-mail address and name")]
    OwnerUnknown,
    /// The account is there and has an address and a name.
    #[error("this token is for an account that has an e-mail address and a name")]
    OwnerKnown,
    /// The password is too easy to guess.
    #[error(transparent)]
    Password(#[from] PasswordTooShort),
    /// The address belongs to an account already.
    #[error("there is an account with this e-mail address")]
    EmailTaken,
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Setup {
    /// The set-up tokens in this database.
    pub(crate) fn new(db: Db, commands: Commands, hasher: Hasher, shortest_password: usize) -> Self {
        Self { db, commands, hasher, shortest_password }
    }

    /// How the first owner is made; `None` once there is somebody on the staff.
    pub(crate) async fn first_owner(&self) -> Result<Option<FirstOwner>, SetupError> {
        if store::has_staff(&self.db).await? {
            return Ok(None);
        }
        let (token, now) = (SetupToken::new(), self.db.clock().now());
        let mut tx = self.db.begin().await?;
        if store::insert_for_first_owner(&mut tx, &token, now).await? {
            tx.commit().await?;
            return Ok(Some(FirstOwner::With(token)));
        }
        tx.rollback().await?;
        let until = store::good_for_first_owner(&self.db, now).await?;
        Ok(until.map(|until| FirstOwner::Shown { until }))
    }

    /// Sets the password that the token's holder chose, and makes the first owner's account.
    pub(crate) async fn complete(&self, token: &SetupToken, chosen: Chosen) -> Result<Account, SetupError> {
        let good_for = store::find(&self.db, token, self.db.clock().now()).await?;
        let good_for = good_for.ok_or(SetupError::InvalidToken)?;
        let password = chosen.password.of_at_least(self.shortest_password)?;
        match (good_for, chosen.owner) {
            (SetupFor::FirstOwner, Some((email, name))) => {
                self.make_owner(token, &email, &name, password).await
            }
            (SetupFor::Staff(account), None) => self.set_password(token, account, password).await,
            (SetupFor::FirstOwner, None) => Err(SetupError::OwnerUnknown),
            (SetupFor::Staff(_), Some(_)) => Err(SetupError::OwnerKnown),
        }
    }

    async fn make_owner(
        &self,
        token: &SetupToken,
        email: &Email,
        name: &Name,
        password: Password,
    ) -> Result<Account, SetupError> {
        let hash = self.hasher.hash(password).await?;
        let now = self.db.clock().now();
        let owner = Account {
            id: self.db.clock().id(),
            kind: AccountKind::Staff,
            email: email.as_str().to_owned(),
            name: name.as_str().to_owned(),
            status: AccountStatus::Active,
            role: Some(OWNER.to_owned()),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let mut tx = self.db.begin().await?;
        if !store::consume(&mut tx, token, now).await? {
            return Err(SetupError::InvalidToken);
        }
        if !accounts::insert(&mut tx, &owner, email, Some(hash)).await? {
            return Err(SetupError::EmailTaken);
        }
        tx.commit().await?;
        Ok(owner)
    }

    async fn set_password(
        &self,
        token: &SetupToken,
        account: AccountId,
        password: Password,
    ) -> Result<Account, SetupError> {
        let hash = self.hasher.hash(password).await?;
        let now = self.db.clock().now();
        let mut tx = self.db.begin().await?;
        if !store::consume(&mut tx, token, now).await? {
            return Err(SetupError::InvalidToken);
        }
        let account = store::set_password(&mut tx, account, hash, now).await?;
        let account = account.ok_or(SetupError::InvalidToken)?;
        tx.commit().await?;
        Ok(account)
    }
}
