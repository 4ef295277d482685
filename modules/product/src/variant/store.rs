//! How variants and their prices are kept.

use kernel::{Currency, Moment, Money};
use platform::db::{Db, DbError, Json, Tx};
use product_api::{ProductId, VariantId};

use super::{Price, Variant};

/// Prices in one statement: SQLite takes 32,766 values.
const PRICES: usize = 5000;

#[derive(sqlx::FromRow)]
struct VariantRow {
    id: VariantId,
    product_id: ProductId,
    place: i64,
    sku: Option<String>,
    barcode: Option<String>,
    title: String,
    options: Json<Vec<String>>,
    requires_shipping: bool,
    taxable: bool,
    weight_grams: Option<i64>,
    on_hand: i64,
    reserved: i64,
    version: i64,
    created_at: Moment,
    updated_at: Moment,
}

#[derive(sqlx::FromRow)]
struct PriceRow {
    variant_id: VariantId,
    currency: Currency,
    amount_minor: i64,
    compare_at_minor: Option<i64>,
}

impl VariantRow {
    fn with(self, prices: Vec<Price>) -> Variant {
        Variant {
            id: self.id,
            product_id: self.product_id,
            place: self.place,
            sku: self.sku,
            barcode: self.barcode,
            title: self.title,
            options: self.options.0,
            prices,
            requires_shipping: self.requires_shipping,
            taxable: self.taxable,
            weight_grams: self.weight_grams,
            on_hand: self.on_hand,
            reserved: self.reserved,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// The variants of these products, by product and place.
pub(crate) async fn of_products(db: &Db, products: &[ProductId]) -> Result<Vec<Variant>, DbError> {
    let rows: Vec<VariantRow> = db
        .query(
            "SELECT variants.id, variants.product_id, place, sku, barcode, title, options, requires_shipping, taxable,
                 weight_grams, version, created_at, updated_at,
                 CAST(COALESCE(SUM(stock_levels.on_hand), 0) AS BIGINT) AS on_hand,
                 CAST(COALESCE(SUM(stock_levels.reserved), 0) AS BIGINT) AS reserved
             FROM variants
             LEFT JOIN stock_levels ON stock_levels.variant_id = variants.id
             WHERE variants.product_id IN {list}
             GROUP BY variants.id
             ORDER BY variants.product_id, place",
        )
        .list(products.iter().copied())
        .all()
        .await?;
    let prices: Vec<PriceRow> = db
        .query(
            "SELECT variant_id, currency, amount_minor, compare_at_minor
             FROM prices
             WHERE variant_id IN (SELECT id FROM variants WHERE product_id IN {list})
             ORDER BY currency",
        )
        .list(products.iter().copied())
        .all()
        .await?;
    let mut by_variant = std::collections::HashMap::<VariantId, Vec<Price>>::new();
    for row in prices {
        by_variant.entry(row.variant_id).or_default().push(Price {
            price: Money::new(row.amount_minor, row.currency),
            compare_at: row.compare_at_minor,
        });
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let prices = by_variant.remove(&row.id).unwrap_or_default();
            row.with(prices)
        })
        .collect())
}

/// The product of a variant.
pub(crate) async fn product_of(db: &Db, id: VariantId) -> Result<Option<ProductId>, DbError> {
    let row: Option<(ProductId,)> =
        db.query("SELECT product_id FROM variants WHERE id = $1").bind(id).maybe().await?;
    Ok(row.map(|(id,)| id))
}

/// A code that a variant has.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Code {
    /// The variant.
    pub id: VariantId,
    /// Its stock keeping unit.
    pub sku: Option<String>,
    /// Its barcode.
    pub barcode: Option<String>,
}

/// The variants that have one of these codes, as a look from outside sees them.
pub(crate) async fn with_codes(
    db: &Db,
    skus: impl IntoIterator<Item = String>,
    barcodes: impl IntoIterator<Item = String>,
) -> Result<Vec<Code>, DbError> {
    db.query("SELECT id, sku, barcode FROM variants WHERE sku IN {list} OR barcode IN {list}")
        .list(skus)
        .list(barcodes)
        .all()
        .await
}

/// The variants that have one of the codes of these, those included that are just being committed.
pub(crate) async fn with_codes_of(tx: &mut Tx, variants: &[&Variant]) -> Result<Vec<Code>, DbError> {
    tx.query("SELECT id, sku, barcode FROM variants WHERE sku IN {list} OR barcode IN {list}")
        .list(variants.iter().filter_map(|variant| variant.sku.clone()))
        .list(variants.iter().filter_map(|variant| variant.barcode.clone()))
        .all()
        .await
}

/// Stores variants. Those that are known become like these.
///
/// # Errors
/// [`DbError::Unique`] when a code is another variant's.
pub(crate) async fn save(tx: &mut Tx, variants: &[&Variant]) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO variants
             (id, product_id, place, sku, barcode, title, options, requires_shipping, taxable, weight_grams, version,
              created_at, updated_at)
         VALUES {rows}
         ON CONFLICT (id) DO UPDATE
         SET sku = excluded.sku, barcode = excluded.barcode, title = excluded.title,
             requires_shipping = excluded.requires_shipping, taxable = excluded.taxable,
             weight_grams = excluded.weight_grams, version = variants.version + 1, updated_at = excluded.updated_at",
    )
    .rows(variants, |row, variant| {
        row.bind(variant.id)
            .bind(variant.product_id)
            .bind(variant.place)
            .bind(variant.sku.clone())
            .bind(variant.barcode.clone())
            .bind(variant.title.clone())
            .bind(Json(variant.options.clone()))
            .bind(variant.requires_shipping)
            .bind(variant.taxable)
            .bind(variant.weight_grams)
            .bind(variant.version)
            .bind(variant.created_at)
            .bind(variant.updated_at)
    })
    .run()
    .await
    .map(|_| ())
}

/// Stores a variant's changes, unless somebody else changed it since it was read. Returns whether it did.
///
/// # Errors
/// [`DbError::Unique`] when a code is another variant's.
pub(crate) async fn update(tx: &mut Tx, variant: &Variant) -> Result<bool, DbError> {
    let updated = tx
        .query(
            "UPDATE variants
             SET sku = $1, barcode = $2, title = $3, requires_shipping = $4, taxable = $5, weight_grams = $6,
                 updated_at = $7, version = version + 1
             WHERE id = $8 AND version = $9",
        )
        .bind(variant.sku.clone())
        .bind(variant.barcode.clone())
        .bind(variant.title.clone())
        .bind(variant.requires_shipping)
        .bind(variant.taxable)
        .bind(variant.weight_grams)
        .bind(variant.updated_at)
        .bind(variant.id)
        .bind(variant.version)
        .run()
        .await?;
    Ok(updated == 1)
}

/// Stores prices. Those in currencies that are not among them stay.
pub(crate) async fn save_prices(tx: &mut Tx, variants: &[&Variant]) -> Result<(), DbError> {
    let prices: Vec<(VariantId, Price)> =
        variants.iter().flat_map(|variant| variant.prices.iter().map(|price| (variant.id, *price))).collect();
    for some in prices.chunks(PRICES) {
        tx.query(
            "INSERT INTO prices (variant_id, currency, amount_minor, compare_at_minor)
             VALUES {rows}
             ON CONFLICT (variant_id, currency) DO UPDATE
             SET amount_minor = excluded.amount_minor, compare_at_minor = excluded.compare_at_minor",
        )
        .rows(some, |row, (variant, price)| {
            row.bind(*variant).bind(price.currency()).bind(price.price.amount).bind(price.compare_at)
        })
        .run()
        .await?;
    }
    Ok(())
}

/// Takes a variant's prices away in every currency in which it no longer has one.
pub(crate) async fn delete_other_prices(tx: &mut Tx, variant: &Variant) -> Result<(), DbError> {
    let kept: Vec<Currency> = variant.prices.iter().map(Price::currency).collect();
    tx.query(
        "DELETE FROM prices
         WHERE variant_id = $1
             AND currency IN (
                 SELECT currency FROM prices WHERE variant_id = $1
                 EXCEPT
                 SELECT currency FROM prices WHERE variant_id = $1 AND currency IN {list}
             )",
    )
    .bind(variant.id)
    .list(kept)
    .run()
    .await
    .map(|_| ())
}
