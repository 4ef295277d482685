//! What is read from outside here, whatever it is: see `platform::fuzz`.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a broken rule is told by a panic, which is what a fuzzer looks for"
)]

use kernel::{Clock, Id};
use platform::fuzz::{self, NOW, Target};
use product_api::{ProductsError, Quote, QuoteVariants, ReleaseStock, Reservation, ReserveStock};

use crate::import::shopify::Products;
use crate::product::body::{ProductBody, ProductPatchBody};
use crate::product::change::ProductChange;
use crate::product::{NewProduct, Product};
use crate::{image, slug};

/// Those of this module.
pub const TARGETS: &[Target] = &[
    ("image", image),
    ("import", import),
    ("product_bodies", product_bodies),
    ("product_calls", product_calls),
    ("product_queries", product_queries),
    ("slug", slug),
];

/// The body of every operation. What a body of a product says is also made into one.
pub fn product_bodies(bytes: &[u8]) {
    use crate::{
        import::http as import, location::http as location, stock::http as stock, variant::body as variant,
    };
    let bodies: [fn(&[u8]); 9] = [
        |bytes| fuzz::body::<ProductBody>(bytes).into_iter().for_each(|body| made(body.into())),
        |bytes| _ = fuzz::body::<ProductPatchBody>(bytes).map(ProductChange::from),
        |bytes| _ = fuzz::body::<variant::VariantBody>(bytes),
        |bytes| _ = fuzz::body::<variant::VariantPatchBody>(bytes),
        |bytes| _ = fuzz::body::<location::LocationBody>(bytes),
        |bytes| _ = fuzz::body::<import::ImportBody>(bytes),
        |bytes| _ = fuzz::body::<stock::AdjustmentBody>(bytes),
        |bytes| _ = fuzz::body::<stock::CountBody>(bytes),
        |bytes| _ = fuzz::body::<stock::TransferBody>(bytes),
    ];
    if let Some((body, rest)) = fuzz::one_of(&bodies, bytes) {
        body(rest);
    }
}

/// A product that is made has at least one variant, and each has an id of its own.
fn made(new: NewProduct) {
    let clock = Clock::without_chance(NOW);
    let Ok(product) = Product::new(clock.id(), "slug".to_owned(), new, || clock.id(), NOW) else { return };
    let mut ids: Vec<_> = product.variants.iter().map(|variant| variant.id).collect();
    ids.dedup();
    assert!(!ids.is_empty() && ids.len() == product.variants.len());
    assert!(product.variants.iter().flat_map(|variant| &variant.prices).all(|price| price.price.amount >= 0));
}

/// The parameters of every list.
pub fn product_queries(bytes: &[u8]) {
    use crate::{catalogue::http as catalogue, reservation::http as reservation, stock::http as stock};
    let queries: [fn(&[u8]); 5] = [
        |bytes| _ = fuzz::parameters::<catalogue::CatalogueParams>(bytes),
        |bytes| _ = fuzz::parameters::<catalogue::CurrencyParams>(bytes),
        |bytes| _ = fuzz::parameters::<crate::product::http::ProductParams>(bytes),
        |bytes| _ = fuzz::parameters::<reservation::ReservationParams>(bytes),
        |bytes| _ = fuzz::parameters::<stock::StockParams>(bytes),
    ];
    if let Some((query, rest)) = fuzz::one_of(&queries, bytes) {
        query(rest);
    }
}

/// What other modules ask, and what is answered.
pub fn product_calls(bytes: &[u8]) {
    fuzz::frame::<QuoteVariants>(bytes);
    fuzz::frame::<Quote>(bytes);
    fuzz::frame::<ReserveStock>(bytes);
    fuzz::frame::<Reservation>(bytes);
    fuzz::frame::<ReleaseStock>(bytes);
    fuzz::frame::<ProductsError>(bytes);
}

/// A slug made of anything can be one, and so can each that is tried instead of it.
pub fn slug(bytes: &[u8]) {
    let Ok(title) = str::from_utf8(bytes) else { return };
    let derived = slug::derive(title);
    let unique = slug::unique(title, Id::from_uuid(uuid::Uuid::from_u128(7)));
    for slug in slug::candidates(&derived).iter().chain([&unique]) {
        assert_eq!(slug::check(slug), Ok(()), "{slug}");
    }
    if slug::check(title).is_ok() {
        assert!(title.len() <= 200 && title.is_ascii());
    }
}

/// An address of an image leads into the web and nowhere else.
pub fn image(bytes: &[u8]) {
    let Ok(url) = str::from_utf8(bytes) else { return };
    if image::url(url).is_ok() {
        assert!(url.starts_with("http") && url.len() <= 2048 && !url.contains(['\r', '\n', '\0', ' ']));
    }
}

/// A file is read to its end, or not any further than can be said; each fault is in one of its rows, and no more of them
/// are told than anybody reads.
pub fn import(bytes: &[u8]) {
    let clock = Clock::without_chance(NOW);
    let currency = "USD".parse().unwrap();
    let Ok(mut file) = Products::open(bytes, currency, clock) else { return };
    while let Ok(Some(read)) = file.next() {
        assert!(read.row >= 2 && read.variant_rows.iter().all(|row| *row >= read.row));
    }
    let (rows, faults) = (file.rows(), &file.faults);
    assert!(faults.errors.len() <= crate::import::MOST_FAULTS);
    assert!(faults.error_count >= faults.errors.len() as u64);
    assert!(
        faults.errors.iter().chain(&faults.warnings).all(|fault| fault.row >= 1 && fault.row <= rows + 1)
    );
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_seed_is_taken_as_it_must_be() {
        platform::fuzz::run_through("product", super::TARGETS);
    }
}
