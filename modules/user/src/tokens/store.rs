//! How signing keys are kept.

use ed25519_dalek::SigningKey;
use platform::db::{Db, DbError, Tx};
use user_api::SigningKeyId;

use super::keys::{Key, KeyError};

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: SigningKeyId,
    private_key: Vec<u8>,
    active: bool,
}

impl TryFrom<KeyRow> for Key {
    type Error = KeyError;

    fn try_from(row: KeyRow) -> Result<Self, KeyError> {
        let seed: [u8; 32] = row.private_key.try_into().map_err(|_| KeyError::Broken)?;
        Ok(Self { id: row.id, pair: SigningKey::from_bytes(&seed), active: row.active })
    }
}

/// Every key.
pub(super) async fn list(db: &Db) -> Result<Vec<Key>, KeyError> {
    let rows: Vec<KeyRow> = db
        .query(
            "SELECT id, private_key, active
             FROM signing_keys
             ORDER BY id",
        )
        .all()
        .await?;
    rows.into_iter().map(Key::try_from).collect()
}

/// Stores a key. Of two active ones the second is left out.
pub(super) async fn insert(tx: &mut Tx, key: &Key) -> Result<(), DbError> {
    let now = tx.db().clock().now();
    tx.query(
        "INSERT INTO signing_keys (id, private_key, active, created_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
    )
    .bind(key.id)
    .bind(key.pair.to_bytes().to_vec())
    .bind(key.active)
    .bind(now)
    .run()
    .await
    .map(|_| ())
}
