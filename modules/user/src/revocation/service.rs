//! What one can ask of revocations.

use std::time::Duration;

use platform::{Db, DbError};
use user_api::{ListRevoked, Revoked};

use super::{MOST, OVERLAP, store, told};

/// Tells what was revoked.
#[derive(Clone)]
pub(crate) struct Revocations {
    db: Db,
    remember: Duration,
}

impl Revocations {
    /// The revocations in this database, of access tokens of this lifetime.
    pub(crate) fn new(db: Db, access_token: Duration) -> Self {
        Self { db, remember: access_token + OVERLAP }
    }

    /// What was revoked since then, or since the oldest access token that is still good was made.
    pub(crate) async fn list(&self, request: ListRevoked) -> Result<Revoked, DbError> {
        let now = self.db.clock().now();
        let oldest = now.minus(self.remember);
        let since = request.since.map_or(oldest, |since| since.max(oldest));
        let sessions = store::sessions(&self.db, since, MOST).await?;
        let accounts = store::accounts(&self.db, since, MOST).await?;
        Ok(told(sessions, accounts, now, self.remember))
    }
}
