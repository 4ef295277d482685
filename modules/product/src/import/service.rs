//! What one can do with imports.

use std::io::Read;
use std::time::Duration;

use kernel::Currency;
use platform::{Commands, Db, DbError, fault};
use product_api::ImportId;

use super::apply::Apply;
use super::shopify::{FileError, Products, ReadProduct};
use super::{Counts, Faults, Import, ImportStatus, Progress, store};
use crate::catalogue::kept::Kept;

/// Products that are checked and kept together while a file is read.
const BATCH: usize = 100;
/// A preview that nobody confirms is forgotten after this time.
const UNCONFIRMED: Duration = Duration::from_hours(24);
/// What is left of an import is forgotten after this time.
const OLD: Duration = Duration::from_hours(24 * 30);
/// When another worker looks whether an import is done. Its own process nearly always is by then.
pub(crate) const LOOK_AFTER: Duration = Duration::from_secs(20);

/// The imports.
#[derive(Clone)]
pub struct Imports {
    db: Db,
    apply: Apply,
    currency: Currency,
    pub(super) commands: Commands,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Some rows are not good.
    #[error("some rows are not good; nothing of the file was applied")]
    Refused,
    /// It is still being read, or nobody has confirmed it.
    #[error("the file is still being read")]
    NotReady,
    /// There is none with this id.
    #[error("there is no such import")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Imports {
    /// The imports in this database. Prices are in `currency` unless somebody says otherwise.
    pub(crate) fn new(db: Db, kept: Kept, currency: Currency, commands: Commands) -> Self {
        Self { apply: Apply::new(db.clone(), kept), db, currency, commands }
    }

    /// A new id, for who has none from elsewhere.
    pub fn next_id(&self) -> ImportId {
        self.db.clock().id()
    }

    /// The currency of prices when nobody says otherwise.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// One import.
    ///
    /// # Errors
    /// There is none with this id.
    pub async fn find(&self, id: ImportId) -> Result<Import, ImportError> {
        store::find(&self.db, id).await?.ok_or(ImportError::NotFound)
    }

    /// Reads and checks a whole file, row by row. Nothing of it is in the catalogue afterwards: that takes
    /// [`Imports::confirm`]. The same id again is the same import.
    ///
    /// # Errors
    /// The file cannot be read as one of products. That rows are not good is no error here: it is what the answer says.
    pub async fn preview(
        &self,
        id: ImportId,
        file: impl Read + Send,
        currency: Currency,
        progress: impl Fn(Progress) + Send + Sync,
    ) -> Result<Import, ImportError> {
        let clock = self.db.clock();
        let mut products = Products::open(file, currency, clock.clone())?;
        let now = clock.now();
        let mut import = Import {
            id,
            status: ImportStatus::Reading,
            currency,
            counts: Counts::default(),
            faults: Faults::default(),
            applied: 0,
            created_at: now,
            updated_at: now,
        };
        let mut tx = self.db.begin().await?;
        let begun = store::begin(&mut tx, &import).await?;
        tx.commit().await?;
        if !begun {
            return self.find(id).await;
        }
        while self.read(&mut products, &mut import).await? {
            import.counts.rows = products.rows();
            progress(Progress::Read(import.counts.rows));
        }
        import.counts.rows = products.rows();
        import.faults = std::mem::take(&mut products.faults);
        let good = import.faults.error_count == 0;
        import.status = if good { ImportStatus::Previewed } else { ImportStatus::Refused };
        import.updated_at = clock.now();
        let mut tx = self.db.begin().await?;
        store::finish_reading(&mut tx, &import).await?;
        if !good {
            store::delete_products(&mut tx, id, i64::MAX).await?;
        }
        tx.commit().await?;
        Ok(import)
    }

    /// Reads, checks and keeps the next products. `false` at the end.
    async fn read<R: Read + Send>(
        &self,
        products: &mut Products<R>,
        import: &mut Import,
    ) -> Result<bool, ImportError> {
        let mut batch: Vec<ReadProduct> = Vec::with_capacity(BATCH);
        while batch.len() < BATCH {
            match products.next()? {
                Some(product) => batch.push(product),
                None => break,
            }
        }
        if batch.is_empty() {
            return Ok(false);
        }
        let first = import.counts.products as i64;
        let updated = self.apply.try_out(&batch, &mut products.faults).await?;
        import.counts.products += batch.len() as u64;
        import.counts.updated += updated;
        import.counts.created += batch.len() as u64 - updated;
        import.counts.variants += batch.iter().map(|read| read.variant_rows.len() as u64).sum::<u64>();
        // A file that is refused is not applied, so nothing more of it has to be kept.
        if products.faults.error_count == 0 {
            let mut tx = self.db.begin().await?;
            store::insert_products(&mut tx, import.id, first, &batch).await?;
            fault!("import.read.before_commit", DbError::Busy);
            tx.commit().await?;
            fault!("import.read.after_commit");
        }
        Ok(true)
    }

    /// Applies an import that was previewed. Repeated, it goes on where it was, or answers what became of it.
    ///
    /// # Errors
    /// [`ImportError::Refused`] when some rows are not good.
    pub async fn confirm(
        &self,
        id: ImportId,
        progress: impl Fn(Progress) + Send + Sync,
    ) -> Result<Import, ImportError> {
        let now = self.db.clock().now();
        let mut tx = self.db.begin().await?;
        if store::confirm(&mut tx, id, now).await? {
            // Should this process die on the way, somebody else goes on.
            tx.enqueue(super::jobs::APPLY, &id, now.plus(LOOK_AFTER)).await?;
        }
        tx.commit().await?;
        fault!("import.confirm.after_commit");
        self.resume(id, progress).await
    }

    /// Goes on with an import that was confirmed, to its end.
    ///
    /// # Errors
    /// [`ImportError::Refused`] and [`ImportError::NotReady`] when there is nothing to go on with.
    pub async fn resume(
        &self,
        id: ImportId,
        progress: impl Fn(Progress) + Send + Sync,
    ) -> Result<Import, ImportError> {
        loop {
            let import = self.find(id).await?;
            match import.status {
                ImportStatus::Completed => return Ok(import),
                ImportStatus::Refused => return Err(ImportError::Refused),
                ImportStatus::Reading | ImportStatus::Previewed => return Err(ImportError::NotReady),
                ImportStatus::Applying => {
                    self.apply.next(&import).await?;
                    progress(Progress::Applied(import.applied as u64, import.counts.products));
                }
            }
        }
    }

    /// Previews a file and, when every row is good, applies it.
    ///
    /// # Errors
    /// The file cannot be read. That rows are not good is what the answer says.
    pub async fn run(
        &self,
        file: impl Read + Send,
        currency: Currency,
        progress: impl Fn(Progress) + Send + Sync,
    ) -> Result<Import, ImportError> {
        let import = self.preview(self.next_id(), file, currency, &progress).await?;
        match import.status {
            ImportStatus::Previewed => self.confirm(import.id, &progress).await,
            _ => Ok(import),
        }
    }

    /// Forgets what nobody comes back to.
    ///
    /// # Errors
    /// As any statement.
    pub async fn forget(&self) -> Result<bool, DbError> {
        let now = self.db.clock().now();
        let (unconfirmed, old) = (now.minus(UNCONFIRMED), now.minus(OLD));
        if store::any_forgotten(&self.db, unconfirmed, old).await? {
            let mut tx = self.db.begin().await?;
            store::forget(&mut tx, unconfirmed, old).await?;
            tx.commit().await?;
        }
        Ok(false)
    }
}
