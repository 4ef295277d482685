//! How stock is kept.

use kernel::{Moment, Page, PageRequest};
use platform::db::{Db, DbError, Query, Sql, Tx};
use product_api::{LocationId, MovementId, ProductId, VariantId};
use uuid::Uuid;

use super::{Level, LevelChange, Line, Movement, MovementKind};
use crate::location::MAIN;
use crate::variant::Variant;

/// What a [`LevelRow`] is read from.
const LEVEL: &str = "variant_id, location_id, product_id, on_hand, reserved";

#[derive(sqlx::FromRow)]
struct LevelRow {
    variant_id: VariantId,
    location_id: LocationId,
    product_id: ProductId,
    on_hand: i64,
    reserved: i64,
}

impl From<LevelRow> for Level {
    fn from(row: LevelRow) -> Self {
        Self {
            variant_id: row.variant_id,
            location_id: row.location_id,
            product_id: row.product_id,
            on_hand: row.on_hand,
            reserved: row.reserved,
        }
    }
}

#[derive(sqlx::FromRow)]
struct MovementRow {
    id: MovementId,
    effect_id: Uuid,
    variant_id: VariantId,
    location_id: LocationId,
    #[sqlx(try_from = "String")]
    kind: MovementKind,
    delta: i64,
    cause: String,
    reason: Option<String>,
    created_at: Moment,
}

impl From<MovementRow> for Movement {
    fn from(row: MovementRow) -> Self {
        Self {
            id: row.id,
            effect_id: row.effect_id,
            variant_id: row.variant_id,
            location_id: row.location_id,
            kind: row.kind,
            delta: row.delta,
            cause: row.cause,
            reason: row.reason,
            created_at: row.created_at,
        }
    }
}

// On PostgreSQL everybody locks levels in one order, so that two who change several of the same never wait for each
// other. On SQLite there is one writer.
const CHANGE: Sql = Sql::each(
    "WITH wanted AS (VALUES {rows})
     UPDATE stock_levels
     SET on_hand = on_hand + wanted.column3, reserved = reserved + wanted.column4
     FROM wanted
     WHERE variant_id = wanted.column1
         AND location_id = wanted.column2
         AND on_hand - reserved >= wanted.column4 - wanted.column3
         AND reserved >= -wanted.column4
     RETURNING variant_id, location_id, product_id, on_hand, reserved",
    "WITH wanted AS (VALUES {rows}),
     locked AS (
         SELECT variant_id, location_id
         FROM stock_levels
         WHERE (variant_id, location_id) IN (SELECT column1, column2 FROM wanted)
         ORDER BY variant_id, location_id
         FOR UPDATE
     )
     UPDATE stock_levels
     SET on_hand = on_hand + wanted.column3, reserved = reserved + wanted.column4
     FROM wanted, locked
     WHERE stock_levels.variant_id = wanted.column1
         AND stock_levels.location_id = wanted.column2
         AND locked.variant_id = wanted.column1
         AND locked.location_id = wanted.column2
         AND on_hand - reserved >= wanted.column4 - wanted.column3
         AND reserved >= -wanted.column4
     RETURNING stock_levels.variant_id, stock_levels.location_id, product_id, on_hand, reserved",
);

/// Changes levels that allow it: nothing negative, and nothing set aside that is not there. Returns those that did,
/// as they are now. Each level may be among the changes once.
pub(crate) async fn change(tx: &mut Tx, changes: &[LevelChange]) -> Result<Vec<Level>, DbError> {
    let rows: Vec<LevelRow> = tx
        .query(CHANGE)
        .rows(changes, |row, change| {
            row.bind(change.variant_id).bind(change.location_id).bind(change.on_hand).bind(change.reserved)
        })
        .all()
        .await?;
    Ok(rows.into_iter().map(Level::from).collect())
}

/// All levels of these variants; nobody else changes them before the transaction ends.
pub(crate) async fn lock(tx: &mut Tx, variants: &[VariantId]) -> Result<Vec<Level>, DbError> {
    let rows: Vec<LevelRow> = tx
        .query(Sql::each(
            "SELECT {columns}
             FROM stock_levels
             WHERE variant_id IN {list}
             ORDER BY variant_id, location_id",
            "SELECT {columns}
             FROM stock_levels
             WHERE variant_id IN {list}
             ORDER BY variant_id, location_id
             FOR UPDATE",
        ))
        .columns(LEVEL)
        .list(variants.iter().copied())
        .all()
        .await?;
    Ok(rows.into_iter().map(Level::from).collect())
}

/// What can be bought of these variants, over all locations.
pub(crate) async fn available(tx: &mut Tx, variants: &[VariantId]) -> Result<Vec<(VariantId, i64)>, DbError> {
    tx.query(
        "SELECT variant_id, CAST(SUM(on_hand - reserved) AS BIGINT)
         FROM stock_levels
         WHERE variant_id IN {list}
         GROUP BY variant_id",
    )
    .list(variants.iter().copied())
    .all()
    .await
}

/// Makes the levels of new variants at the main location. Those that are there stay as they are.
pub(crate) async fn insert_levels(tx: &mut Tx, variants: &[&Variant]) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO stock_levels (variant_id, location_id, product_id, on_hand, reserved)
         VALUES {rows}
         ON CONFLICT DO NOTHING",
    )
    .rows(variants, |row, variant| {
        row.bind(variant.id).bind(MAIN).bind(variant.product_id).bind(variant.on_hand).bind(0_i64)
    })
    .run()
    .await
    .map(|_| ())
}

/// Makes the level of a variant at a location, empty. Returns whether there are such a variant and location.
pub(crate) async fn insert_level(
    tx: &mut Tx,
    variant: VariantId,
    location: LocationId,
) -> Result<bool, DbError> {
    tx.query(
        "INSERT INTO stock_levels (variant_id, location_id, product_id, on_hand, reserved)
         SELECT variants.id, stock_locations.id, variants.product_id, 0, 0
         FROM variants, stock_locations
         WHERE variants.id = $1 AND stock_locations.id = $2
         ON CONFLICT DO NOTHING",
    )
    .bind(variant)
    .bind(location)
    .run()
    .await?;
    let there: Option<(VariantId,)> = tx
        .query("SELECT variant_id FROM stock_levels WHERE variant_id = $1 AND location_id = $2")
        .bind(variant)
        .bind(location)
        .maybe()
        .await?;
    Ok(there.is_some())
}

/// Writes down what moved, unless it is written down already.
pub(crate) fn enter(tx: &mut Tx, movements: &[Movement]) {
    tx.query(
        "INSERT INTO stock_movements
             (id, effect_id, variant_id, location_id, kind, delta, cause, reason, created_at)
         VALUES {rows}
         ON CONFLICT DO NOTHING",
    )
    .rows(movements, movement)
    .later();
}

/// Writes down what moved. Returns what had not been written down before: one effect moves goods once.
pub(crate) async fn insert_movements(tx: &mut Tx, movements: &[Movement]) -> Result<Vec<Line>, DbError> {
    let rows: Vec<(VariantId, LocationId, i64)> = tx
        .query(
            "INSERT INTO stock_movements
                 (id, effect_id, variant_id, location_id, kind, delta, cause, reason, created_at)
             VALUES {rows}
             ON CONFLICT DO NOTHING
             RETURNING variant_id, location_id, delta",
        )
        .rows(movements, movement)
        .all()
        .await?;
    let line = |(variant_id, location_id, quantity)| Line { variant_id, location_id, quantity };
    Ok(rows.into_iter().map(line).collect())
}

fn movement<T>(row: Query<T>, movement: &Movement) -> Query<T> {
    row.bind(movement.id)
        .bind(movement.effect_id)
        .bind(movement.variant_id)
        .bind(movement.location_id)
        .bind(movement.kind.as_str())
        .bind(movement.delta)
        .bind(movement.cause.clone())
        .bind(movement.reason.clone())
        .bind(movement.created_at)
}

/// How many of these variants a cause has sold and not brought back, by location, the main one first.
pub(crate) async fn sold(tx: &mut Tx, cause: &str, variants: &[VariantId]) -> Result<Vec<Line>, DbError> {
    let rows: Vec<(VariantId, LocationId, i64)> = tx
        .query(
            "SELECT variant_id, location_id, CAST(-SUM(delta) AS BIGINT)
             FROM stock_movements
             WHERE cause = $1 AND kind IN ('sold', 'restocked') AND variant_id IN {list}
             GROUP BY variant_id, location_id
             HAVING SUM(delta) < 0
             ORDER BY variant_id, location_id",
        )
        .bind(cause.to_owned())
        .list(variants.iter().copied())
        .all()
        .await?;
    let line = |(variant_id, location_id, quantity)| Line { variant_id, location_id, quantity };
    let mut sold: Vec<Line> = rows.into_iter().map(line).collect();
    sold.sort_by_key(|line| line.location_id != MAIN);
    Ok(sold)
}

/// One level.
pub(crate) async fn find_level(
    tx: &mut Tx,
    variant: VariantId,
    location: LocationId,
) -> Result<Option<Level>, DbError> {
    let row: Option<LevelRow> = tx
        .query(
            "SELECT {columns}
             FROM stock_levels
             WHERE variant_id = $1 AND location_id = $2",
        )
        .columns(LEVEL)
        .bind(variant)
        .bind(location)
        .maybe()
        .await?;
    Ok(row.map(Level::from))
}

/// A page of levels, of one variant or all.
pub(crate) async fn list_levels(
    db: &Db,
    variant: Option<VariantId>,
    page: &PageRequest<(VariantId, LocationId)>,
) -> Result<Page<Level>, DbError> {
    let (after_variant, after_location) =
        page.after.unwrap_or((VariantId::from_uuid(Uuid::nil()), LocationId::from_uuid(Uuid::nil())));
    let rows: Vec<LevelRow> = db
        .query(
            "SELECT {columns}
             FROM stock_levels
             WHERE (variant_id, location_id) > ($1, $2)
                 AND (CAST($3 AS UUID) IS NULL OR variant_id = $3)
             ORDER BY variant_id, location_id
             LIMIT $4",
        )
        .columns(LEVEL)
        .bind(after_variant)
        .bind(after_location)
        .bind(variant)
        .bind(i64::from(page.limit) + 1)
        .all()
        .await?;
    Ok(Page::cut(rows.into_iter().map(Level::from).collect(), page.limit))
}

/// A page of movements, newest first, of one variant or all.
pub(crate) async fn list_movements(
    db: &Db,
    variant: Option<VariantId>,
    page: &PageRequest<MovementId>,
) -> Result<Page<Movement>, DbError> {
    let rows: Vec<MovementRow> = db
        .query(
            "SELECT id, effect_id, variant_id, location_id, kind, delta, cause, reason, created_at
             FROM stock_movements
             WHERE id < $1 AND (CAST($2 AS UUID) IS NULL OR variant_id = $2)
             ORDER BY id DESC
             LIMIT $3",
        )
        .bind(page.after.unwrap_or(MovementId::from_uuid(Uuid::max())))
        .bind(variant)
        .bind(i64::from(page.limit) + 1)
        .all()
        .await?;
    Ok(Page::cut(rows.into_iter().map(Movement::from).collect(), page.limit))
}
