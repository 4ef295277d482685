//! What one can do with reservations.

use std::time::Duration;

use kernel::{Moment, Page, PageRequest};
use platform::{Db, DbError, Tx, fault};
use product_api::{ReservedItem, ShortItem, VariantId};
use uuid::Uuid;

use super::store::ReservationPlace;
use super::{Held, ReservationStatus, Unreservable, check, store};
use crate::catalogue::kept::Kept;
use crate::location::MAIN;
use crate::stock::{self, LevelChange, Line, Movement, MovementKind, allocate, gather};

/// How often a transaction that stood in another's way is done again.
const TRIES: u32 = 5;

/// The reservations.
#[derive(Clone)]
pub(crate) struct Reservations {
    db: Db,
    kept: Kept,
}

/// A reservation whose order was placed.
pub(crate) struct Sale {
    /// Its key.
    pub key: Uuid,
    /// What its stock was sold for: the order.
    pub cause: String,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum ReservationError {
    /// What is asked for makes no sense.
    #[error("nothing can be set aside for these items")]
    Unreservable(Unreservable),
    /// There is not enough; nothing was set aside.
    #[error("there is not enough stock")]
    Short(Vec<ShortItem>),
    /// The reservation of this key has ended.
    #[error("the reservation has ended")]
    Ended,
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What became of one attempt.
enum Attempt {
    Done(Moment),
    /// There is a reservation with this key.
    Known,
    /// The main location alone has not enough.
    NotFromMain,
}

impl Reservations {
    /// The reservations in this database.
    pub(crate) fn new(db: Db, kept: Kept) -> Self {
        Self { db, kept }
    }

    /// Sets stock aside and says until when. The same key again prolongs the lease.
    pub(crate) async fn reserve(
        &self,
        key: Uuid,
        items: &[ReservedItem],
        lease: Duration,
    ) -> Result<Moment, ReservationError> {
        check(items).map_err(ReservationError::Unreservable)?;
        let mut tries = 1;
        loop {
            match self.attempt(key, items, lease).await {
                Err(ReservationError::Db(error)) if error.is_worth_repeating() && tries < TRIES => tries += 1,
                other => return other,
            }
        }
    }

    /// Gives a reservation's stock back. Without such a held reservation there is nothing to do.
    pub(crate) async fn release(&self, key: Uuid) -> Result<(), ReservationError> {
        let mut tries = 1;
        loop {
            match self.give_back(key).await {
                Err(error) if error.is_worth_repeating() && tries < TRIES => tries += 1,
                other => return Ok(other?),
            }
        }
    }

    /// A page of reservations, newest first; of all statuses when none is named.
    pub(crate) async fn list(
        &self,
        status: Option<ReservationStatus>,
        page: &PageRequest<ReservationPlace>,
    ) -> Result<Page<Held>, ReservationError> {
        let statuses = status.as_ref().map_or(ReservationStatus::ALL, std::slice::from_ref);
        Ok(store::list(&self.db, statuses, page).await?)
    }

    async fn attempt(
        &self,
        key: Uuid,
        items: &[ReservedItem],
        lease: Duration,
    ) -> Result<Moment, ReservationError> {
        // Nearly every shop has everything at its main location: then two statements do.
        let first = match self.take_from_main(key, items, lease).await? {
            Attempt::NotFromMain => self.take_from_anywhere(key, items, lease).await?,
            other => other,
        };
        match first {
            Attempt::Done(expires_at) => Ok(expires_at),
            Attempt::Known | Attempt::NotFromMain => self.prolong(key, lease).await,
        }
    }

    async fn take_from_main(
        &self,
        key: Uuid,
        items: &[ReservedItem],
        lease: Duration,
    ) -> Result<Attempt, ReservationError> {
        let line = |item: &ReservedItem| Line {
            variant_id: item.variant_id,
            location_id: MAIN,
            quantity: item.quantity,
        };
        let lines: Vec<Line> = items.iter().map(line).collect();
        let tx = self.db.begin().await?;
        self.set_aside(tx, key, &lines, lease).await
    }

    /// Looks at every location, which also tells what falls short.
    async fn take_from_anywhere(
        &self,
        key: Uuid,
        items: &[ReservedItem],
        lease: Duration,
    ) -> Result<Attempt, ReservationError> {
        let variants: Vec<VariantId> = items.iter().map(|item| item.variant_id).collect();
        let mut tx = self.db.begin().await?;
        let levels = stock::store::lock(&mut tx, &variants).await?;
        match allocate(items, &levels) {
            Ok(lines) => self.set_aside(tx, key, &lines, lease).await,
            Err(short) => {
                tx.rollback().await?;
                Err(ReservationError::Short(short))
            }
        }
    }

    async fn set_aside(
        &self,
        mut tx: Tx,
        key: Uuid,
        lines: &[Line],
        lease: Duration,
    ) -> Result<Attempt, ReservationError> {
        let now = self.db.clock().now();
        let expires_at = now.plus(lease);
        store::insert(&mut tx, key, lines, expires_at, now);
        let attempt = match stock::change::apply(&mut tx, &self.kept, &gather(lines, 0, 1)).await {
            Ok(Some(_)) => {
                fault!("reserve.before_commit", DbError::Busy);
                tx.commit().await?;
                fault!("reserve.after_commit");
                return Ok(Attempt::Done(expires_at));
            }
            Ok(None) => Attempt::NotFromMain,
            Err(DbError::Missing) => Attempt::Known,
            Err(error) => return Err(error.into()),
        };
        tx.rollback().await?;
        Ok(attempt)
    }

    async fn prolong(&self, key: Uuid, lease: Duration) -> Result<Moment, ReservationError> {
        let now = self.db.clock().now();
        let mut tx = self.db.begin().await?;
        let prolonged = store::prolong(&mut tx, key, now.plus(lease), now).await?;
        tx.commit().await?;
        fault!("reserve.prolonged");
        prolonged.ok_or(ReservationError::Ended)
    }

    async fn give_back(&self, key: Uuid) -> Result<(), DbError> {
        let now = self.db.clock().now();
        let mut tx = self.db.begin().await?;
        let ended = store::end(&mut tx, [key], ReservationStatus::Released, now).await?;
        let lines: Vec<Line> = ended.into_values().flatten().collect();
        settle(&mut tx, &self.kept, &gather(&lines, 0, -1)).await?;
        fault!("release.before_commit", DbError::Busy);
        tx.commit().await?;
        fault!("release.after_commit");
        Ok(())
    }

    /// The stock of reservations is sold: it leaves the shelf. Once, however often it is told.
    ///
    /// Returns a sale whose reservation had ended before and for which there is no longer enough; then the transaction
    /// must be undone.
    pub(crate) async fn consume<'s>(
        &self,
        tx: &mut Tx,
        sales: &'s [Sale],
    ) -> Result<Option<&'s Sale>, DbError> {
        if sales.is_empty() {
            return Ok(None);
        }
        let now = self.db.clock().now();
        let keys = sales.iter().map(|sale| sale.key);
        let mut held = store::end(tx, keys, ReservationStatus::Consumed, now).await?;
        let lines: Vec<Line> = held.values().flatten().copied().collect();
        settle(tx, &self.kept, &gather(&lines, -1, -1)).await?;
        let mut movements = Vec::with_capacity(lines.len());
        for sale in sales {
            let lines = match held.remove(&sale.key) {
                Some(lines) => lines,
                None => match store::find(tx, sale.key).await? {
                    Some(ended) if ended.status != ReservationStatus::Consumed => {
                        if stock::change::apply(tx, &self.kept, &gather(&ended.lines, -1, 0)).await?.is_none()
                        {
                            return Ok(Some(sale));
                        }
                        let (key, cause) = (sale.key, &sale.cause);
                        tracing::warn!(reservation.key = %key, cause, "stock was sold after its lease had ended");
                        store::consume_late(tx, key, now).await?;
                        ended.lines
                    }
                    _ => continue,
                },
            };
            movements.extend(lines.into_iter().map(|line| self.sold(sale, line, now)));
        }
        stock::store::enter(tx, &movements);
        Ok(None)
    }

    fn sold(&self, sale: &Sale, line: Line, now: Moment) -> Movement {
        Movement {
            id: self.db.clock().id(),
            effect_id: sale.key,
            variant_id: line.variant_id,
            location_id: line.location_id,
            kind: MovementKind::Sold,
            delta: -line.quantity,
            cause: sale.cause.clone(),
            reason: None,
            created_at: now,
        }
    }
}

/// Changes that a level cannot refuse unless the books are wrong.
pub(super) async fn settle(tx: &mut Tx, kept: &Kept, changes: &[LevelChange]) -> Result<(), DbError> {
    match stock::change::apply(tx, kept, changes).await? {
        Some(_) => Ok(()),
        None => Err(DbError::Missing),
    }
}
