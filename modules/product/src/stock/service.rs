//! What one can do with stock, apart from selling it.

use kernel::{Moment, Page, PageRequest};
use platform::{Commands, Db, DbError, Tx, fault};
use product_api::{LocationId, MovementId, VariantId};
use uuid::Uuid;

use super::{Level, LevelChange, Movement, MovementKind, change, store};
use crate::catalogue::kept::Kept;
use crate::location::MAIN;
use crate::refusal::{Fault, Place, Refusal, line, range};
use crate::variant::LARGEST_STOCK;

const LONGEST_REASON: usize = 500;

/// The stock.
#[derive(Clone)]
pub(crate) struct Stock {
    db: Db,
    kept: Kept,
    pub(super) commands: Commands,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum StockError {
    /// It cannot be meant like that.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such variant or location.
    #[error("there is no such variant or location")]
    Unknown(Place),
    /// More would be gone or set aside than there is.
    #[error("there is not enough stock that is not set aside")]
    Insufficient(Level),
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Who changes stock, why, and under which identity: the same one again changes nothing.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    /// The identity.
    pub effect_id: Uuid,
    /// Who.
    pub who: String,
    /// Why.
    pub reason: Option<String>,
}

impl Stock {
    /// The stock in this database.
    pub(crate) fn new(db: Db, kept: Kept, commands: Commands) -> Self {
        Self { db, kept, commands }
    }

    /// A page of levels.
    pub(crate) async fn levels(
        &self,
        variant: Option<VariantId>,
        page: &PageRequest<(VariantId, LocationId)>,
    ) -> Result<Page<Level>, StockError> {
        Ok(store::list_levels(&self.db, variant, page).await?)
    }

    /// A page of movements, newest first.
    pub(crate) async fn movements(
        &self,
        variant: Option<VariantId>,
        page: &PageRequest<MovementId>,
    ) -> Result<Page<Movement>, StockError> {
        Ok(store::list_movements(&self.db, variant, page).await?)
    }

    /// Adds so many, or takes them away.
    pub(crate) async fn adjust(
        &self,
        variant: VariantId,
        location: Option<LocationId>,
        delta: i64,
        cause: Cause,
    ) -> Result<Level, StockError> {
        let size = i64::try_from(delta.unsigned_abs()).unwrap_or(i64::MAX);
        range(size, LARGEST_STOCK).map_err(|fault| fault.at(Place::Field("delta")))?;
        if delta == 0 {
            return Err(Fault::Empty.at(Place::Field("delta")).into());
        }
        let location = location.unwrap_or(MAIN);
        let mut tx = self.ready(variant, location, &cause).await?;
        let moves = [(location, delta)];
        let level = self.put(&mut tx, variant, &moves, MovementKind::Adjusted, &cause).await?;
        fault!("stock.adjust.before_commit", DbError::Busy);
        tx.commit().await?;
        fault!("stock.adjust.after_commit");
        Ok(level)
    }

    /// Sets how many somebody has counted.
    pub(crate) async fn count(
        &self,
        variant: VariantId,
        location: Option<LocationId>,
        on_hand: i64,
        cause: Cause,
    ) -> Result<Level, StockError> {
        range(on_hand, LARGEST_STOCK).map_err(|fault| fault.at(Place::Field("onHand")))?;
        let location = location.unwrap_or(MAIN);
        let mut tx = self.ready(variant, location, &cause).await?;
        let levels = store::lock(&mut tx, &[variant]).await?;
        let known = levels.into_iter().find(|level| level.location_id == location).ok_or(DbError::Missing)?;
        let moves = [(location, on_hand - known.on_hand)];
        let level = self.put(&mut tx, variant, &moves, MovementKind::Counted, &cause).await?;
        tx.commit().await?;
        Ok(level)
    }

    /// Brings so many from one location to another. Returns the level they came to.
    pub(crate) async fn transfer(
        &self,
        variant: VariantId,
        from: LocationId,
        to: LocationId,
        quantity: i64,
        cause: Cause,
    ) -> Result<Level, StockError> {
        range(quantity, LARGEST_STOCK).map_err(|fault| fault.at(Place::Field("quantity")))?;
        if quantity == 0 {
            return Err(Fault::Empty.at(Place::Field("quantity")).into());
        }
        if from == to {
            return Err(Fault::Twice.at(Place::Field("toLocationId")).into());
        }
        let mut tx = self.ready(variant, from, &cause).await?;
        if !store::insert_level(&mut tx, variant, to).await? {
            return Err(StockError::Unknown(Place::Field("toLocationId")));
        }
        // What comes last is what is answered.
        let moves = [(from, -quantity), (to, quantity)];
        let level = self.put(&mut tx, variant, &moves, MovementKind::Transferred, &cause).await?;
        tx.commit().await?;
        Ok(level)
    }

    /// Begins, with the level in place.
    async fn ready(&self, variant: VariantId, location: LocationId, cause: &Cause) -> Result<Tx, StockError> {
        if let Some(reason) = &cause.reason {
            line(reason, LONGEST_REASON).map_err(|fault| fault.at(Place::Field("reason")))?;
        }
        let mut tx = self.db.begin().await?;
        if store::insert_level(&mut tx, variant, location).await? {
            return Ok(tx);
        }
        let known = crate::variant::store::product_of(&self.db, variant).await?.is_some();
        Err(StockError::Unknown(Place::Field(if known { "locationId" } else { "variantId" })))
    }

    /// Moves goods, once for each effect. Returns the level of the last location.
    async fn put(
        &self,
        tx: &mut Tx,
        variant_id: VariantId,
        moves: &[(LocationId, i64)],
        kind: MovementKind,
        cause: &Cause,
    ) -> Result<Level, StockError> {
        let now = self.db.clock().now();
        let movements: Vec<Movement> = moves
            .iter()
            .filter(|(_, delta)| *delta != 0)
            .map(|(location, delta)| self.movement(variant_id, *location, *delta, kind, cause, now))
            .collect();
        let fresh = store::insert_movements(tx, &movements).await?;
        let mut changes: Vec<LevelChange> = fresh
            .into_iter()
            .map(|line| LevelChange {
                variant_id,
                location_id: line.location_id,
                on_hand: line.quantity,
                reserved: 0,
            })
            .collect();
        changes.sort_by_key(|change| change.location_id);
        let enough = change::apply(tx, &self.kept, &changes).await?.is_some();
        let (location, _) = moves.last().copied().unwrap_or((MAIN, 0));
        let asked = if enough { location } else { moves.first().map_or(MAIN, |(location, _)| *location) };
        let level = store::find_level(tx, variant_id, asked).await?.ok_or(DbError::Missing)?;
        if enough { Ok(level) } else { Err(StockError::Insufficient(level)) }
    }

    fn movement(
        &self,
        variant_id: VariantId,
        location_id: LocationId,
        delta: i64,
        kind: MovementKind,
        cause: &Cause,
        created_at: Moment,
    ) -> Movement {
        Movement {
            id: self.db.clock().id(),
            effect_id: cause.effect_id,
            variant_id,
            location_id,
            kind,
            delta,
            cause: cause.who.clone(),
            reason: cause.reason.clone(),
            created_at,
        }
    }
}
