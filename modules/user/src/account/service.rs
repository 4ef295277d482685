//! What one can do with an account of one's own, and staff with those of customers.

use kernel::{Page, PageRequest};
use platform::{Commands, Db, DbError, fault};
use user_api::{AccountId, CustomerCreated, CustomerUpdated};
use uuid::Uuid;

use super::{Account, AccountKind, AccountStatus, Name, store};
use crate::email::Email;
use crate::password::hashing::{HashError, Hasher};
use crate::password::{Password, PasswordTooShort};

/// The accounts.
#[derive(Clone)]
pub struct Accounts {
    db: Db,
    pub(super) commands: Commands,
    hasher: Hasher,
    shortest_password: usize,
}

/// Somebody who wants to be a customer.
#[derive(Debug, Clone)]
pub struct NewCustomer {
    /// What they sign in with.
    pub email: Email,
    /// How they prove that it is them.
    pub password: Password,
    /// The name they go by.
    pub name: Name,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The address belongs to an account already, in whatever spelling.
    #[error("there is an account with this e-mail address")]
    EmailTaken,
    /// The password is too easy to guess.
    #[error(transparent)]
    Password(#[from] PasswordTooShort),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// There is no such account.
    #[error("there is no such account")]
    NotFound,
    /// The account cannot be used.
    #[error("the account is disabled")]
    Disabled,
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Accounts {
    /// The accounts in this database.
    pub fn new(db: Db, commands: Commands, hasher: Hasher, shortest_password: usize) -> Self {
        Self { db, commands, hasher, shortest_password }
    }

    /// Makes somebody a customer. A taken address costs the same work as a free one.
    pub async fn register(&self, new: NewCustomer) -> Result<Account, AccountError> {
        let password = new.password.of_at_least(self.shortest_password)?;
        let hash = self.hasher.hash(password).await?;
        let now = self.db.clock().now();
        let account = Account {
            id: self.db.clock().id(),
            kind: AccountKind::Customer,
            email: new.email.as_str().to_owned(),
            name: new.name.as_str().to_owned(),
            status: AccountStatus::Active,
            role: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let mut tx = self.db.begin().await?;
        if !store::insert(&mut tx, &account, &new.email, Some(hash)).await? {
            return Err(AccountError::EmailTaken);
        }
        tx.publish(&CustomerCreated { customer_id: account.id }).await?;
        fault!("account.register.before_commit", DbError::Busy);
        tx.commit().await?;
        fault!("account.register.after_commit");
        Ok(account)
    }

    /// One's own account.
    pub async fn own(&self, id: AccountId) -> Result<Account, AccountError> {
        let account = store::find(&self.db, id).await?.ok_or(AccountError::Disabled)?;
        match account.status {
            AccountStatus::Active => Ok(account),
            AccountStatus::Disabled => Err(AccountError::Disabled),
        }
    }

    /// Goes by another name.
    pub async fn rename(&self, id: AccountId, name: &Name) -> Result<Account, AccountError> {
        let mut tx = self.db.begin().await?;
        let account = store::rename(&mut tx, id, name, self.db.clock().now()).await?;
        let account = account.ok_or(AccountError::Disabled)?;
        if account.kind == AccountKind::Customer {
            tx.publish(&CustomerUpdated { customer_id: id }).await?;
        }
        tx.commit().await?;
        Ok(account)
    }

    /// Customers, newest first; all, or the one with this address.
    pub async fn customers(
        &self,
        email: Option<&Email>,
        page: &PageRequest<Uuid>,
    ) -> Result<Page<Account>, AccountError> {
        Ok(store::list(&self.db, AccountKind::Customer, email, page).await?)
    }

    /// A customer.
    pub async fn customer(&self, id: AccountId) -> Result<Account, AccountError> {
        let account = store::find(&self.db, id).await?;
        account.filter(|account| account.kind == AccountKind::Customer).ok_or(AccountError::NotFound)
    }

    /// Lets a customer in again, or no longer.
    pub async fn set_customer_status(
        &self,
        id: AccountId,
        status: AccountStatus,
    ) -> Result<Account, AccountError> {
        let mut tx = self.db.begin().await?;
        let account =
            store::set_status(&mut tx, id, AccountKind::Customer, status, self.db.clock().now()).await?;
        let account = account.ok_or(AccountError::NotFound)?;
        tx.publish(&CustomerUpdated { customer_id: id }).await?;
        tx.commit().await?;
        Ok(account)
    }
}
