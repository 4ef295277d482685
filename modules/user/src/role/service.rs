//! What one can do with roles.

use kernel::Page;
use platform::{Commands, Db, DbError};

use super::{Role, RoleName, RoleRefusal, store};
use crate::permission::Permissions;

/// More than any shop has names for; it keeps the list one page.
const MOST: i64 = 200;

/// The roles.
#[derive(Clone)]
pub(crate) struct Roles {
    db: Db,
    pub(super) commands: Commands,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// It cannot be so.
    #[error(transparent)]
    Refused(#[from] RoleRefusal),
    /// There is one with this name.
    #[error("there is a role with this name")]
    NameTaken,
    /// There are too many.
    #[error("a shop has at most {MOST} roles")]
    TooMany,
    /// There is none with this name.
    #[error("there is no such role")]
    NotFound,
    /// Somebody has it.
    #[error("somebody has this role")]
    InUse,
    /// Somebody else was changing it.
    #[error("the role was changed at the same time")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Roles {
    /// The roles in this database.
    pub(crate) fn new(db: Db, commands: Commands) -> Self {
        Self { db, commands }
    }

    /// All of them.
    pub(crate) async fn list(&self) -> Result<Page<Role>, RoleError> {
        Ok(Page { data: store::list(&self.db).await?, has_more: false })
    }

    /// One of them.
    pub(crate) async fn find(&self, name: &str) -> Result<Role, RoleError> {
        store::find(&self.db, name).await?.ok_or(RoleError::NotFound)
    }

    /// Makes a role, for somebody who holds these permissions.
    pub(crate) async fn create(
        &self,
        name: RoleName,
        keys: &[String],
        holding: &Permissions,
    ) -> Result<Role, RoleError> {
        let role = Role::new(name, keys, holding)?;
        if store::count(&self.db).await? >= MOST {
            return Err(RoleError::TooMany);
        }
        let mut tx = self.db.begin().await?;
        if !store::insert(&mut tx, &role).await? {
            return Err(RoleError::NameTaken);
        }
        tx.commit().await?;
        Ok(role)
    }

    /// Gives a role other permissions. Those who have it need another access token, which has them.
    pub(crate) async fn grant(
        &self,
        role: Role,
        keys: &[String],
        holding: &Permissions,
    ) -> Result<Role, RoleError> {
        let mut role = role.granting(keys, holding)?;
        let mut tx = self.db.begin().await?;
        if !store::update(&mut tx, &role).await? {
            return Err(RoleError::Contended);
        }
        store::renew_access(&mut tx, &role.name, self.db.clock().now()).await?;
        tx.commit().await?;
        role.version += 1;
        Ok(role)
    }

    /// Takes a role away that nobody has.
    pub(crate) async fn delete(&self, name: &str, holding: &Permissions) -> Result<(), RoleError> {
        let role = self.find(name).await?;
        role.changeable(holding)?;
        let mut tx = self.db.begin().await?;
        let deleted = match store::delete(&mut tx, &role).await {
            Err(DbError::Refused(_)) => return Err(RoleError::InUse),
            other => other?,
        };
        tx.commit().await?;
        if deleted { Ok(()) } else { Err(RoleError::Contended) }
    }
}
