//! How products are kept.

use kernel::{Moment, Page, PageRequest};
use platform::db::{Db, DbError, Json, Query, Tx};
use product_api::ProductId;
use uuid::Uuid;

use super::{Product, ProductStatus};
use crate::image::Image;
use crate::option::Axis;
use crate::variant::{self, Variant};

#[derive(sqlx::FromRow)]
struct ProductRow {
    id: ProductId,
    slug: String,
    title: String,
    description: Option<String>,
    vendor: Option<String>,
    #[sqlx(rename = "type")]
    kind: Option<String>,
    tags: Json<Vec<String>>,
    #[sqlx(try_from = "String")]
    status: ProductStatus,
    options: Json<Vec<Axis>>,
    images: Json<Vec<Image>>,
    version: i64,
    created_at: Moment,
    updated_at: Moment,
}

impl ProductRow {
    fn with(self, variants: Vec<Variant>) -> Product {
        Product {
            id: self.id,
            slug: self.slug,
            title: self.title,
            description: self.description,
            vendor: self.vendor,
            kind: self.kind,
            tags: self.tags.0,
            status: self.status,
            options: self.options.0,
            images: self.images.0,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            variants,
        }
    }
}

/// Finds a product.
pub(crate) async fn find(db: &Db, id: ProductId) -> Result<Option<Product>, DbError> {
    Ok(find_all(db, &[id]).await?.pop())
}

/// Finds products by their ids, in the order of their ids; unknown ones are left out.
pub(crate) async fn find_all(db: &Db, ids: &[ProductId]) -> Result<Vec<Product>, DbError> {
    let rows: Vec<ProductRow> = db
        .query(
            "SELECT id, slug, title, description, vendor, type, tags, status, options, images, version, created_at,
                 updated_at
             FROM products
             WHERE id IN {list}
             ORDER BY id",
        )
        .list(ids.iter().copied())
        .all()
        .await?;
    let mut variants = variant::store::of_products(db, ids).await?.into_iter().peekable();
    let mut products = Vec::with_capacity(rows.len());
    for row in rows {
        let mut own = Vec::new();
        while let Some(variant) = variants.next_if(|variant| variant.product_id == row.id) {
            own.push(variant);
        }
        products.push(row.with(own));
    }
    Ok(products)
}

/// The products that have these slugs.
pub(crate) async fn with_slugs(db: &Db, slugs: &[String]) -> Result<Vec<(ProductId, String)>, DbError> {
    db.query("SELECT id, slug FROM products WHERE slug IN {list}").list(slugs.iter().cloned()).all().await
}

/// Which products a list shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProductFilter {
    /// Only with this status.
    pub status: Option<ProductStatus>,
    /// Only the one with this slug, or with a variant of this stock keeping unit.
    pub code: Option<String>,
}

/// A page of products, newest first.
pub(crate) async fn list(
    db: &Db,
    filter: &ProductFilter,
    page: &PageRequest<ProductId>,
) -> Result<Page<Product>, DbError> {
    // Without a filter every status is listed, so that one statement serves all filters.
    let statuses = filter.status.as_ref().map_or(ProductStatus::ALL, std::slice::from_ref);
    let rows: Vec<(ProductId,)> = db
        .query(
            "SELECT id
             FROM products
             WHERE id < $1
                 AND (
                     CAST($2 AS TEXT) IS NULL
                     OR slug = $2
                     OR id IN (SELECT product_id FROM variants WHERE sku = $2)
                 )
                 AND status IN {list}
             ORDER BY id DESC
             LIMIT $3",
        )
        .bind(page.after.unwrap_or(ProductId::from_uuid(Uuid::max())))
        .bind(filter.code.clone())
        .bind(i64::from(page.limit) + 1)
        .list(statuses.iter().map(|status| status.as_str()))
        .all()
        .await?;
    let ids: Vec<ProductId> = rows.into_iter().map(|(id,)| id).collect();
    let mut products = find_all(db, &ids).await?;
    products.reverse();
    Ok(Page::cut(products, page.limit))
}

/// Stores a new product without its variants. Returns whether neither its id nor its slug was taken.
pub(crate) async fn insert(tx: &mut Tx, product: &Product) -> Result<bool, DbError> {
    let inserted = tx
        .query(
            "INSERT INTO products
                 (id, slug, title, description, vendor, type, tags, status, options, images, version, created_at,
                  updated_at)
             VALUES {rows}
             ON CONFLICT DO NOTHING",
        )
        .rows([product], row)
        .run()
        .await?;
    Ok(inserted == 1)
}

/// Stores products without their variants. Those that are known become like these.
///
/// # Errors
/// [`DbError::Unique`] when a slug is another product's.
pub(crate) async fn save(tx: &mut Tx, products: &[Product]) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO products
             (id, slug, title, description, vendor, type, tags, status, options, images, version, created_at,
              updated_at)
         VALUES {rows}
         ON CONFLICT (id) DO UPDATE
         SET title = excluded.title, description = excluded.description, vendor = excluded.vendor,
             type = excluded.type, tags = excluded.tags, status = excluded.status, options = excluded.options,
             images = excluded.images, version = products.version + 1, updated_at = excluded.updated_at",
    )
    .rows(products, row)
    .run()
    .await
    .map(|_| ())
}

fn row<T>(row: Query<T>, product: &Product) -> Query<T> {
    written(row.bind(product.id), product)
        .bind(product.version)
        .bind(product.created_at)
        .bind(product.updated_at)
}

/// Binds what staff write, in the order in which it is named in all these statements.
fn written<T>(query: Query<T>, product: &Product) -> Query<T> {
    query
        .bind(product.slug.clone())
        .bind(product.title.clone())
        .bind(product.description.clone())
        .bind(product.vendor.clone())
        .bind(product.kind.clone())
        .bind(Json(product.tags.clone()))
        .bind(product.status.as_str())
        .bind(Json(product.options.clone()))
        .bind(Json(product.images.clone()))
}

/// Stores a product's changes, unless somebody else changed it since it was read. Returns whether it did.
///
/// # Errors
/// [`DbError::Unique`] when the slug is another product's.
pub(crate) async fn update(tx: &mut Tx, product: &Product) -> Result<bool, DbError> {
    let update = tx.query(
        "UPDATE products
             SET slug = $1, title = $2, description = $3, vendor = $4, type = $5, tags = $6, status = $7,
                 options = $8, images = $9, updated_at = $10, version = version + 1
             WHERE id = $11 AND version = $12",
    );
    let updated = written(update, product)
        .bind(product.updated_at)
        .bind(product.id)
        .bind(product.version)
        .run()
        .await?;
    Ok(updated == 1)
}

/// Takes a product off sale. Returns whether it was not off before.
pub(crate) async fn archive(tx: &mut Tx, id: ProductId, now: Moment) -> Result<bool, DbError> {
    let archived = tx
        .query(
            "UPDATE products
             SET status = 'archived', updated_at = $1, version = version + 1
             WHERE id = $2 AND status <> 'archived'",
        )
        .bind(now)
        .bind(id)
        .run()
        .await?;
    Ok(archived == 1)
}
