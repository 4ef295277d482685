//! How address books are kept. The defaults stand on the account, whose row every change to its book passes.

use kernel::{Address, Moment};
use platform::db::{Db, DbError, Query, Tx};
use user_api::{AccountId, AddressId};

use super::{Defaults, Entry};

/// What an [`EntryRow`] is read from: the address `d` and its account `a`.
const ENTRY: &str = "d.id, d.name, d.line1, d.line2, d.city, d.region, d.postal_code, d.country, d.phone,
     a.default_shipping_id, a.default_billing_id, d.created_at, d.updated_at";

#[derive(sqlx::FromRow)]
struct EntryRow {
    id: AddressId,
    name: String,
    line1: String,
    line2: Option<String>,
    city: String,
    region: Option<String>,
    postal_code: Option<String>,
    country: String,
    phone: Option<String>,
    default_shipping_id: Option<AddressId>,
    default_billing_id: Option<AddressId>,
    created_at: Moment,
    updated_at: Moment,
}

impl From<EntryRow> for Entry {
    fn from(row: EntryRow) -> Self {
        Self {
            id: row.id,
            address: Address {
                name: row.name,
                line1: row.line1,
                line2: row.line2,
                city: row.city,
                region: row.region,
                postal_code: row.postal_code,
                country: row.country,
                phone: row.phone,
            },
            default_shipping: row.default_shipping_id == Some(row.id),
            default_billing: row.default_billing_id == Some(row.id),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A customer's addresses, oldest first.
pub(crate) async fn list(db: &Db, account: AccountId) -> Result<Vec<Entry>, DbError> {
    let rows: Vec<EntryRow> = db
        .query(
            "SELECT {columns}
             FROM addresses d
             JOIN accounts a ON a.id = d.account_id
             WHERE d.account_id = $1
             ORDER BY d.id",
        )
        .columns(ENTRY)
        .bind(account)
        .all()
        .await?;
    Ok(rows.into_iter().map(Entry::from).collect())
}

/// Finds one of a customer's addresses.
pub(crate) async fn find(db: &Db, account: AccountId, id: AddressId) -> Result<Option<Entry>, DbError> {
    let row: Option<EntryRow> = db
        .query(
            "SELECT {columns}
             FROM addresses d
             JOIN accounts a ON a.id = d.account_id
             WHERE d.account_id = $1 AND d.id = $2",
        )
        .columns(ENTRY)
        .bind(account)
        .bind(id)
        .maybe()
        .await?;
    Ok(row.map(Entry::from))
}

/// Makes room for one more address. The first becomes both defaults, whatever was asked. `false` when the book is full
/// or its owner cannot use the account.
pub(crate) async fn make_room(
    tx: &mut Tx,
    account: AccountId,
    id: AddressId,
    defaults: Defaults,
) -> Result<bool, DbError> {
    let made = tx
        .query(
            "UPDATE accounts
             SET addresses = addresses + 1,
                 default_shipping_id = CASE WHEN addresses = 0 OR $1 THEN $2 ELSE default_shipping_id END,
                 default_billing_id = CASE WHEN addresses = 0 OR $3 THEN $2 ELSE default_billing_id END
             WHERE id = $4 AND status = 'active' AND addresses < $5",
        )
        .bind(defaults.shipping == Some(true))
        .bind(id)
        .bind(defaults.billing == Some(true))
        .bind(account)
        .bind(super::MOST)
        .run()
        .await?;
    Ok(made == 1)
}

/// Stores a new address. Storing the same id again changes nothing; returns whether it was new.
pub(crate) async fn insert(
    tx: &mut Tx,
    account: AccountId,
    id: AddressId,
    address: &Address,
    now: Moment,
) -> Result<bool, DbError> {
    let insert = tx
        .query(
            "INSERT INTO addresses
                 (id, account_id, name, line1, line2, city, region, postal_code, country, phone, created_at,
                  updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
             ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(account);
    let inserted = bound(insert, address).bind(now).run().await?;
    Ok(inserted == 1)
}

/// Stores an address's changes. Returns whether it is there.
pub(crate) async fn update(
    tx: &mut Tx,
    account: AccountId,
    id: AddressId,
    address: &Address,
    now: Moment,
) -> Result<bool, DbError> {
    let update = tx.query(
        "UPDATE addresses
             SET name = $1, line1 = $2, line2 = $3, city = $4, region = $5, postal_code = $6, country = $7,
                 phone = $8, updated_at = $9
             WHERE id = $10 AND account_id = $11",
    );
    let updated = bound(update, address).bind(now).bind(id).bind(account).run().await?;
    Ok(updated == 1)
}

/// Binds an address's columns, in the order in which they are named in both statements.
fn bound<T>(query: Query<T>, address: &Address) -> Query<T> {
    query
        .bind(address.name.clone())
        .bind(address.line1.clone())
        .bind(address.line2.clone())
        .bind(address.city.clone())
        .bind(address.region.clone())
        .bind(address.postal_code.clone())
        .bind(address.country.clone())
        .bind(address.phone.clone())
}

/// Makes an address the default where asked; elsewhere keeps what is.
pub(crate) async fn set_defaults(
    tx: &mut Tx,
    account: AccountId,
    id: AddressId,
    defaults: Defaults,
) -> Result<(), DbError> {
    tx.query(
        "UPDATE accounts
         SET default_shipping_id = CASE WHEN $1 THEN $2 ELSE default_shipping_id END,
             default_billing_id = CASE WHEN $3 THEN $2 ELSE default_billing_id END
         WHERE id = $4 AND EXISTS (SELECT 1 FROM addresses WHERE id = $2)",
    )
    .bind(defaults.shipping == Some(true))
    .bind(id)
    .bind(defaults.billing == Some(true))
    .bind(account)
    .run()
    .await
    .map(|_| ())
}

/// Waits until nobody else changes this customer's book, and keeps others waiting until the transaction ends.
pub(crate) async fn lock(tx: &mut Tx, account: AccountId) -> Result<(), DbError> {
    tx.query("UPDATE accounts SET addresses = addresses WHERE id = $1").bind(account).run().await.map(|_| ())
}

/// Takes an address away. Returns whether it was there.
pub(crate) async fn delete(tx: &mut Tx, account: AccountId, id: AddressId) -> Result<bool, DbError> {
    let deleted = tx
        .query("DELETE FROM addresses WHERE id = $1 AND account_id = $2")
        .bind(id)
        .bind(account)
        .run()
        .await?;
    Ok(deleted == 1)
}

/// Gives the room of a deleted address back. What it was the default for, the oldest of the others becomes.
pub(crate) async fn give_room_back(tx: &mut Tx, account: AccountId, id: AddressId) -> Result<(), DbError> {
    tx.query(
        "UPDATE accounts
         SET addresses = addresses - 1,
             default_shipping_id = CASE WHEN default_shipping_id <> $1 THEN default_shipping_id
                 ELSE (SELECT d.id FROM addresses d WHERE d.account_id = $2 ORDER BY d.id LIMIT 1) END,
             default_billing_id = CASE WHEN default_billing_id <> $1 THEN default_billing_id
                 ELSE (SELECT d.id FROM addresses d WHERE d.account_id = $2 ORDER BY d.id LIMIT 1) END
         WHERE id = $2",
    )
    .bind(id)
    .bind(account)
    .run()
    .await
    .map(|_| ())
}
