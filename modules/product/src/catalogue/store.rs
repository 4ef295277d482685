//! How the catalogue is read.

use kernel::{Currency, Moment, Money, Page, PageRequest};
use platform::db::{Db, DbError, Json};
use product_api::{ProductId, QuotedVariant, VariantId};
use uuid::Uuid;

use super::{Name, Shown, ShownVariant};
use crate::image::Image;
use crate::option::Axis;

/// What a [`ShownRow`] is read from.
const SHOWN: &str =
    "id, slug, title, description, vendor, type, tags, options, images, created_at, updated_at";

#[derive(sqlx::FromRow)]
struct ShownRow {
    id: ProductId,
    slug: String,
    title: String,
    description: Option<String>,
    vendor: Option<String>,
    #[sqlx(rename = "type")]
    kind: Option<String>,
    tags: Json<Vec<String>>,
    options: Json<Vec<Axis>>,
    images: Json<Vec<Image>>,
    created_at: Moment,
    updated_at: Moment,
}

impl ShownRow {
    fn with(self, variants: Vec<ShownVariant>) -> Shown {
        Shown {
            id: self.id,
            slug: self.slug,
            title: self.title,
            description: self.description,
            vendor: self.vendor,
            kind: self.kind,
            tags: self.tags.0,
            options: self.options.0,
            images: self.images.0,
            created_at: self.created_at,
            updated_at: self.updated_at,
            variants,
        }
    }
}

#[derive(sqlx::FromRow)]
struct ShownVariantRow {
    id: VariantId,
    product_id: ProductId,
    sku: Option<String>,
    barcode: Option<String>,
    title: String,
    options: Json<Vec<String>>,
    amount_minor: Option<i64>,
    compare_at_minor: Option<i64>,
    requires_shipping: bool,
    weight_grams: Option<i64>,
    available: i64,
}

impl ShownVariantRow {
    fn priced_in(self, currency: Currency) -> ShownVariant {
        let money = |amount| Money::new(amount, currency);
        ShownVariant {
            id: self.id,
            product_id: self.product_id,
            sku: self.sku,
            barcode: self.barcode,
            title: self.title,
            options: self.options.0,
            price: self.amount_minor.map(money),
            compare_at: self.compare_at_minor.map(money),
            requires_shipping: self.requires_shipping,
            weight_grams: self.weight_grams,
            available: self.available,
        }
    }
}

/// A page of products on sale, newest first.
pub(crate) async fn list(
    db: &Db,
    currency: Currency,
    page: &PageRequest<ProductId>,
) -> Result<Page<Shown>, DbError> {
    let rows: Vec<ShownRow> = db
        .query(
            "SELECT {columns}
             FROM products
             WHERE status = 'active' AND id < $1
             ORDER BY id DESC
             LIMIT $2",
        )
        .columns(SHOWN)
        .bind(page.after.unwrap_or(ProductId::from_uuid(Uuid::max())))
        .bind(i64::from(page.limit) + 1)
        .all()
        .await?;
    let page = Page::cut(rows, page.limit);
    let mut variants =
        variants(db, currency, page.data.iter().map(|row| row.id)).await?.into_iter().peekable();
    Ok(page.map(|row| {
        let mut own = Vec::new();
        while let Some(variant) = variants.next_if(|variant| variant.product_id == row.id) {
            own.push(variant);
        }
        row.with(own)
    }))
}

/// One product on sale.
pub(crate) async fn find(db: &Db, currency: Currency, name: Name) -> Result<Option<Shown>, DbError> {
    let query = match name {
        Name::Id(id) => db
            .query(
                "SELECT {columns}
                 FROM products
                 WHERE id = $1 AND status = 'active'",
            )
            .columns(SHOWN)
            .bind(id),
        Name::Slug(slug) => db
            .query(
                "SELECT {columns}
                 FROM products
                 WHERE slug = $1 AND status = 'active'",
            )
            .columns(SHOWN)
            .bind(slug),
    };
    let Some(row) = query.maybe::<ShownRow>().await? else { return Ok(None) };
    let variants = variants(db, currency, [row.id]).await?;
    Ok(Some(row.with(variants)))
}

async fn variants(
    db: &Db,
    currency: Currency,
    products: impl IntoIterator<Item = ProductId>,
) -> Result<Vec<ShownVariant>, DbError> {
    let rows: Vec<ShownVariantRow> = db
        .query(
            "SELECT variants.id, variants.product_id, sku, barcode, title, options, amount_minor, compare_at_minor,
                 requires_shipping, weight_grams,
                 (
                     SELECT CAST(COALESCE(SUM(on_hand - reserved), 0) AS BIGINT)
                     FROM stock_levels
                     WHERE stock_levels.variant_id = variants.id
                 ) AS available
             FROM variants
             LEFT JOIN prices ON prices.variant_id = variants.id AND prices.currency = $1
             WHERE variants.product_id IN {list}
             ORDER BY variants.product_id DESC, place",
        )
        .bind(currency)
        .list(products)
        .all()
        .await?;
    Ok(rows.into_iter().map(|row| row.priced_in(currency)).collect())
}

/// How many of a variant on sale could be bought, and its product.
pub(crate) async fn available(db: &Db, variant: VariantId) -> Result<Option<(ProductId, i64)>, DbError> {
    db.query(
        "SELECT variants.product_id,
             (
                 SELECT CAST(COALESCE(SUM(on_hand - reserved), 0) AS BIGINT)
                 FROM stock_levels
                 WHERE stock_levels.variant_id = variants.id
             ) AS available
         FROM variants
         JOIN products ON products.id = variants.product_id
         WHERE variants.id = $1 AND products.status = 'active'",
    )
    .bind(variant)
    .maybe()
    .await
}

#[derive(sqlx::FromRow)]
struct QuoteRow {
    variant_id: VariantId,
    product_id: ProductId,
    product_title: String,
    variant_title: String,
    sku: Option<String>,
    amount_minor: Option<i64>,
    requires_shipping: bool,
    taxable: bool,
    available: i64,
}

/// What variants cost at this moment. Those that are not on sale are left out.
pub(crate) async fn quote(
    db: &Db,
    currency: Currency,
    variants: &[VariantId],
) -> Result<Vec<QuotedVariant>, DbError> {
    let rows: Vec<QuoteRow> = db
        .query(
            "SELECT variants.id AS variant_id, variants.product_id, products.title AS product_title,
                 variants.title AS variant_title, sku, amount_minor, requires_shipping, taxable,
                 (
                     SELECT CAST(COALESCE(SUM(on_hand - reserved), 0) AS BIGINT)
                     FROM stock_levels
                     WHERE stock_levels.variant_id = variants.id
                 ) AS available
             FROM variants
             JOIN products ON products.id = variants.product_id
             LEFT JOIN prices ON prices.variant_id = variants.id AND prices.currency = $1
             WHERE variants.id IN {list} AND products.status = 'active'",
        )
        .bind(currency)
        .list(variants.iter().copied())
        .all()
        .await?;
    let quoted = |row: QuoteRow| QuotedVariant {
        variant_id: row.variant_id,
        product_id: row.product_id,
        product_title: row.product_title,
        variant_title: row.variant_title,
        sku: row.sku,
        unit_price: row.amount_minor.map(|amount| Money::new(amount, currency)),
        requires_shipping: row.requires_shipping,
        taxable: row.taxable,
        available: row.available,
    };
    Ok(rows.into_iter().map(quoted).collect())
}
