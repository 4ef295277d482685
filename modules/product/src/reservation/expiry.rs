//! Leases that ran out: their stock goes back on sale.
//!
//! A lease may have run out although its order is placed, when the order module has said so and nobody here has
//! heard it yet. So leases end only when everything said before their end has been heard, plus a margin for what was
//! on its way: an order that commits late, clocks that differ.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use kernel::Moment;
use platform::{Db, DbError, fault};
use product_api::ReservationExpired;

use super::service::settle;
use super::store;
use crate::catalogue::kept::Kept;
use crate::stock::{Line, gather};

/// Reservations that end in one transaction.
const BATCH: i64 = 50;

/// Up to when the order module's log has been heard. Nothing, until its end was reached once.
#[derive(Debug, Clone)]
pub(crate) struct Heard(Arc<AtomicI64>);

impl Heard {
    /// Nothing yet.
    pub(crate) fn nothing() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MIN)))
    }

    /// Everything up to this moment.
    pub(crate) fn up_to(&self, at: Moment) {
        self.0.fetch_max(at.micros(), Ordering::Relaxed);
    }

    fn last(&self) -> Option<Moment> {
        let micros = self.0.load(Ordering::Relaxed);
        (micros != i64::MIN).then(|| Moment::from_micros(micros))
    }
}

/// Ends leases.
#[derive(Clone)]
pub(crate) struct Expiry {
    db: Db,
    kept: Kept,
    heard: Heard,
    margin: Duration,
}

impl Expiry {
    /// Ends the leases in this database, so long after they ran out.
    pub(crate) fn new(db: Db, kept: Kept, heard: Heard, margin: Duration) -> Self {
        Self { db, kept, heard, margin }
    }

    /// Gives back what ran out. `true` says that there may be more.
    ///
    /// # Errors
    /// As any statement; nothing was given back.
    pub(crate) async fn sweep(&self) -> Result<bool, DbError> {
        let Some(heard) = self.heard.last() else { return Ok(false) };
        let before = heard.minus(self.margin);
        if !store::any_due(&self.db, before).await? {
            return Ok(false);
        }
        let mut tx = self.db.begin().await?;
        let ended = store::expire(&mut tx, before, BATCH, self.db.clock().now()).await?;
        let lines: Vec<Line> = ended.iter().flat_map(|(_, lines)| lines).copied().collect();
        settle(&mut tx, &self.kept, &gather(&lines, 0, -1)).await?;
        let events: Vec<ReservationExpired> =
            ended.iter().map(|(key, _)| ReservationExpired { key: *key }).collect();
        tx.publish_all(&events).await?;
        fault!("expire.before_commit", DbError::Busy);
        tx.commit().await?;
        fault!("expire.after_commit");
        Ok(ended.len() as i64 == BATCH)
    }
}
