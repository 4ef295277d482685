//! What a customer can do with their address book.

use kernel::{Address, AddressFault, Page};
use platform::{Commands, Db, DbError};
use user_api::{AccountId, AddressId};

use super::{AddressChange, Defaults, Entry, MOST, store};

/// The address books.
#[derive(Clone)]
pub(crate) struct Addresses {
    db: Db,
    pub(super) commands: Commands,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// A field cannot be so.
    #[error("the address is not valid")]
    Fault(#[from] AddressFault),
    /// There is no such address, or it is somebody else's: both look the same.
    #[error("there is no such address")]
    NotFound,
    /// A default is given up by making another address the default.
    #[error("make another address the default instead")]
    DefaultNeeded {
        /// Which, as in JSON.
        field: &'static str,
    },
    /// The book is full.
    #[error("an address book has at most {MOST} addresses")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Addresses {
    /// The address books in this database.
    pub(crate) fn new(db: Db, commands: Commands) -> Self {
        Self { db, commands }
    }

    /// All addresses of a customer, oldest first.
    pub(crate) async fn list(&self, account: AccountId) -> Result<Page<Entry>, AddressError> {
        Ok(Page { data: store::list(&self.db, account).await?, has_more: false })
    }

    /// One of a customer's addresses.
    pub(crate) async fn find(&self, account: AccountId, id: AddressId) -> Result<Entry, AddressError> {
        store::find(&self.db, account, id).await?.ok_or(AddressError::NotFound)
    }

    /// Adds an address. The same id again is the same address.
    pub(crate) async fn add(
        &self,
        account: AccountId,
        id: AddressId,
        address: Address,
        defaults: Defaults,
    ) -> Result<Entry, AddressError> {
        let address = address.check()?;
        let mut tx = self.db.begin().await?;
        store::lock(&mut tx, account).await?;
        if store::insert(&mut tx, account, id, &address, self.db.clock().now()).await?
            && !store::make_room(&mut tx, account, id, defaults).await?
        {
            return Err(AddressError::TooMany);
        }
        tx.commit().await?;
        self.find(account, id).await
    }

    /// Changes an address, and makes it the default where asked.
    pub(crate) async fn update(
        &self,
        account: AccountId,
        id: AddressId,
        change: AddressChange,
        defaults: Defaults,
    ) -> Result<Entry, AddressError> {
        let entry = self.find(account, id).await?;
        if entry.default_shipping && defaults.shipping == Some(false) {
            return Err(AddressError::DefaultNeeded { field: "defaultShipping" });
        }
        if entry.default_billing && defaults.billing == Some(false) {
            return Err(AddressError::DefaultNeeded { field: "defaultBilling" });
        }
        let address = change.apply(entry.address)?;
        let mut tx = self.db.begin().await?;
        store::lock(&mut tx, account).await?;
        if !store::update(&mut tx, account, id, &address, self.db.clock().now()).await? {
            return Err(AddressError::NotFound);
        }
        store::set_defaults(&mut tx, account, id, defaults).await?;
        tx.commit().await?;
        self.find(account, id).await
    }

    /// Takes an address away. Orders keep their copies.
    pub(crate) async fn remove(&self, account: AccountId, id: AddressId) -> Result<(), AddressError> {
        let mut tx = self.db.begin().await?;
        store::lock(&mut tx, account).await?;
        if !store::delete(&mut tx, account, id).await? {
            return Err(AddressError::NotFound);
        }
        store::give_room_back(&mut tx, account, id).await?;
        tx.commit().await?;
        Ok(())
    }
}
