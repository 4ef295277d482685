//! What one can do with staff.

use kernel::{Moment, Page, PageRequest};
use platform::{Commands, Db, DbError};
use user_api::AccountId;
use uuid::Uuid;

use super::{Member, MemberChange, NewMember, store};
use crate::account::{Account, AccountKind, AccountStatus, store as accounts};
use crate::password::PasswordTooShort;
use crate::password::hashing::{HashError, Hasher};
use crate::permission::Permissions;
use crate::role::{Role, RoleName, store as roles};
use crate::setup::{LIFETIME, SetupToken, store as setup};

/// The staff.
#[derive(Clone)]
pub struct Staff {
    db: Db,
    pub(super) commands: Commands,
    hasher: Hasher,
    shortest_password: usize,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum StaffError {
    /// There is no such role.
    #[error("there is no role with this name")]
    UnknownRole,
    /// It would give or take what whoever asks does not hold.
    #[error("nobody can grant or take what they do not hold")]
    NotHeld,
    /// The address belongs to an account already.
    #[error("there is an account with this e-mail address")]
    EmailTaken,
    /// The shop would have no owner who can sign in.
    #[error("this is the shop's last owner")]
    LastOwner,
    /// There is nobody with this id on the staff.
    #[error("there is no such member of staff")]
    NotFound,
    /// Somebody else was changing it.
    #[error("the account was changed at the same time")]
    Contended,
    /// The password is too easy to guess.
    #[error(transparent)]
    Password(#[from] PasswordTooShort),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Staff {
    /// The staff in this database.
    pub fn new(db: Db, commands: Commands, hasher: Hasher, shortest_password: usize) -> Self {
        Self { db, commands, hasher, shortest_password }
    }

    /// Everybody on the staff, newest first.
    pub async fn list(&self, page: &PageRequest<Uuid>) -> Result<Page<Account>, StaffError> {
        Ok(accounts::list(&self.db, AccountKind::Staff, None, page).await?)
    }

    /// Somebody on the staff.
    pub async fn find(&self, id: AccountId) -> Result<Account, StaffError> {
        Ok(self.member(id).await?.account)
    }

    /// Takes somebody on, for one who holds these permissions; `Permissions::all()` at the machine itself. Who brings
    /// no password gets a set-up token to choose one.
    pub async fn create(
        &self,
        new: NewMember,
        holding: &Permissions,
    ) -> Result<(Account, Option<SetupToken>), StaffError> {
        self.role(&new.role, holding).await?;
        let (hash, token) = match new.password {
            Some(password) => {
                (Some(self.hasher.hash(password.of_at_least(self.shortest_password)?).await?), None)
            }
            None => (None, Some(SetupToken::new())),
        };
        let now = self.db.clock().now();
        let account = Account {
            id: self.db.clock().id(),
            kind: AccountKind::Staff,
            email: new.email.as_str().to_owned(),
            name: new.name.as_str().to_owned(),
            status: AccountStatus::Active,
            role: Some(new.role.as_str().to_owned()),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let mut tx = self.db.begin().await?;
        if !accounts::insert(&mut tx, &account, &new.email, hash).await.map_err(role_gone)? {
            return Err(StaffError::EmailTaken);
        }
        if let Some(token) = &token {
            setup::replace(&mut tx, token, account.id, now).await?;
        }
        tx.commit().await?;
        Ok((account, token))
    }

    /// Changes a member of staff, for one who holds these permissions.
    pub async fn update(
        &self,
        id: AccountId,
        change: &MemberChange,
        holding: &Permissions,
    ) -> Result<Account, StaffError> {
        let member = self.within_reach(id, holding).await?;
        if let Some(role) = &change.role {
            self.role(role, holding).await?;
        }
        let mut tx = self.db.begin().await?;
        if member.stops_owning(change) && store::count_other_owners(&mut tx, id).await? == 0 {
            return Err(StaffError::LastOwner);
        }
        let account =
            store::update(&mut tx, &member, change, self.db.clock().now()).await.map_err(role_gone)?;
        let account = account.ok_or(StaffError::Contended)?;
        tx.commit().await?;
        Ok(account)
    }

    /// A new set-up token for a member of staff, who lost theirs or their password. Nothing changes until it is used.
    pub async fn issue_setup_token(
        &self,
        id: AccountId,
        holding: &Permissions,
    ) -> Result<(SetupToken, Moment), StaffError> {
        self.within_reach(id, holding).await?;
        let (token, now) = (SetupToken::new(), self.db.clock().now());
        let mut tx = self.db.begin().await?;
        setup::replace(&mut tx, &token, id, now).await?;
        tx.commit().await?;
        Ok((token, now.plus(LIFETIME)))
    }

    async fn member(&self, id: AccountId) -> Result<Member, StaffError> {
        store::find(&self.db, id).await?.ok_or(StaffError::NotFound)
    }

    /// A member who may do no more than whoever asks: else a clerk could dismiss the owner, or become one.
    async fn within_reach(&self, id: AccountId, holding: &Permissions) -> Result<Member, StaffError> {
        let member = self.member(id).await?;
        if holding.cover(&member.permissions) { Ok(member) } else { Err(StaffError::NotHeld) }
    }

    /// A role that whoever asks may give.
    async fn role(&self, name: &RoleName, holding: &Permissions) -> Result<Role, StaffError> {
        let role = roles::find(&self.db, name.as_str()).await?.ok_or(StaffError::UnknownRole)?;
        if holding.cover(&role.permissions) { Ok(role) } else { Err(StaffError::NotHeld) }
    }
}

/// The role was there a moment ago; the foreign key says that it is gone.
fn role_gone(error: DbError) -> StaffError {
    match error {
        DbError::Refused(_) => StaffError::UnknownRole,
        error => StaffError::Db(error),
    }
}
