use kernel::Money;
use product_api::{QuoteVariants, VariantId};
use uuid::Uuid;

use super::shop::{Shop, call, usd};
use crate::option::{Axis, Chosen};
use crate::product::NewProduct;
use crate::product::service::ProductError;
use crate::refusal::Place;
use crate::stock::service::{Cause, StockError};
use crate::variant::{NewVariant, Price, VariantChange};

fn mug() -> NewProduct {
    NewProduct { title: "Crème mug".into(), ..NewProduct::default() }
}

fn with_sku(sku: &str) -> NewProduct {
    let variant = NewVariant { sku: Some(sku.into()), ..NewVariant::default() };
    NewProduct { variants: Some(vec![variant]), ..mug() }
}

#[tokio::test]
async fn a_product_comes_back_as_it_was_handed_in() {
    let shop = Shop::open().await;
    let new = NewProduct {
        description: Some("Holds\ncoffee".into()),
        vendor: Some("Ada".into()),
        kind: Some("Cup".into()),
        tags: vec!["a".into(), "b".into()],
        options: vec![Axis { name: "Size".into(), values: vec!["S".into(), "L".into()] }],
        variants: Some(vec![NewVariant {
            barcode: Some("123".into()),
            options: Chosen::Values(vec!["L".into()]),
            prices: vec![Price { compare_at: Some(2999), ..usd(1999) }],
            weight_grams: Some(300),
            requires_shipping: false,
            stock: Some(5),
            image: Some("https://x/y.jpg".into()),
            ..NewVariant::default()
        }]),
        ..mug()
    };
    let made = shop.module.products.create(shop.db.clock().id(), new, "staff:test").await.unwrap();
    let found = shop.module.products.find(made.id).await.unwrap();
    assert_eq!(found, made);
    assert_eq!(found.slug, "creme-mug");
    shop.books_balance().await;
}

#[tokio::test]
async fn the_same_id_is_the_same_product() {
    let shop = Shop::open().await;
    let id = shop.db.clock().id();
    let first = shop.module.products.create(id, with_sku("a"), "staff:test").await.unwrap();
    let again = shop.module.products.create(id, with_sku("a"), "staff:test").await.unwrap();
    assert_eq!(first, again);
    assert_eq!(shop.told("product.created").await, 1);
}

#[tokio::test]
async fn a_slug_is_made_unique_and_a_chosen_one_is_refused() {
    let shop = Shop::open().await;
    let create = |new| shop.module.products.create(shop.db.clock().id(), new, "staff:test");
    let slugs = [create(mug()).await.unwrap().slug, create(mug()).await.unwrap().slug];
    assert_eq!(slugs, ["creme-mug", "creme-mug-2"]);
    let chosen = NewProduct { slug: Some("creme-mug".into()), ..mug() };
    assert!(matches!(create(chosen).await, Err(ProductError::SlugTaken)));
}

#[tokio::test]
async fn a_code_belongs_to_one_variant() {
    let shop = Shop::open().await;
    let create = |new| shop.module.products.create(shop.db.clock().id(), new, "staff:test");
    create(with_sku("a")).await.unwrap();
    let refused = create(with_sku("a")).await;
    assert!(matches!(refused, Err(ProductError::CodeTaken(Place::Variant(0, "sku")))), "{refused:?}");

    let other = create(with_sku("b")).await.unwrap();
    let id = other.variants[0].id;
    let change = VariantChange { sku: Some(Some("a".into())), ..VariantChange::default() };
    let refused = shop.module.variants.update(other, id, change).await;
    assert!(matches!(refused, Err(ProductError::CodeTaken(Place::Field("sku")))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_add_the_same_code_at_once_get_it_once() {
    let shop = std::sync::Arc::new(Shop::open().await);
    let start = std::sync::Arc::new(tokio::sync::Barrier::new(16));
    let adding: Vec<_> = (0..16)
        .map(|_| {
            let (shop, start) = (shop.clone(), start.clone());
            shop.clone().db.tasks().spawn(async move {
                start.wait().await;
                shop.module.products.create(shop.db.clock().id(), with_sku("a"), "staff:test").await
            })
        })
        .collect();
    let mut added = 0;
    for one in adding {
        match one.await.unwrap() {
            Ok(_) => added += 1,
            Err(ProductError::CodeTaken(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(added, 1);
}

#[tokio::test]
async fn prices_are_replaced_as_a_whole() {
    let shop = Shop::open().await;
    let product = shop.sells_all("mug", &[1]).await;
    let id = product.variants[0].id;
    let eur = Price { price: Money::new(1500, "EUR".parse().unwrap()), compare_at: None };
    let change = VariantChange { prices: Some(vec![eur]), ..VariantChange::default() };
    let changed = shop.module.variants.update(product, id, change).await.unwrap();
    let found = shop.module.products.find(changed.id).await.unwrap();
    assert_eq!(found.variants[0].prices, [eur]);
    assert_eq!((found.version, found.variants[0].version), (2, 2));
    assert_eq!(found, changed);
}

#[tokio::test]
async fn who_changes_what_somebody_else_changed_is_told() {
    let shop = Shop::open().await;
    let product = shop.sells_all("mug", &[1]).await;
    let rename = |title: &str| crate::product::change::ProductChange {
        title: Some(title.into()),
        ..Default::default()
    };
    shop.module.products.update(product.clone(), rename("A")).await.unwrap();
    let late = shop.module.products.update(product, rename("B")).await;
    assert!(matches!(late, Err(ProductError::Changed)));
}

#[tokio::test]
async fn a_variant_can_be_added_later() {
    let shop = Shop::open().await;
    let product = shop.sells_all("mug", &[1]).await;
    let new = NewVariant { title: Some("Huge".into()), stock: Some(4), ..NewVariant::default() };
    let id = shop.db.clock().id();
    let added = shop.module.variants.add(product.id, id, new.clone(), "staff:test").await.unwrap();
    assert_eq!(shop.module.products.find(product.id).await.unwrap(), added);
    shop.module.variants.add(product.id, id, new, "staff:test").await.unwrap();
    assert_eq!(shop.stock(id).await, (4, 0));
    shop.books_balance().await;
}

#[tokio::test]
async fn only_what_is_on_sale_is_quoted() {
    let shop = Shop::open().await;
    let sold = shop.sells("mug", 3).await;
    let draft = shop.module.products.create(shop.db.clock().id(), mug(), "staff:test").await.unwrap();
    let quote = |currency: &str| {
        let variant_ids = vec![sold, draft.variants[0].id, kernel::Id::from_uuid(Uuid::max())];
        let request = QuoteVariants { variant_ids, currency: currency.parse().unwrap() };
        async { shop.contract.quote(&call(), request).await.unwrap().variants }
    };
    let before = shop.db.stats().counts().statements;
    let quoted = quote("USD").await;
    assert_eq!(shop.db.stats().counts().statements - before, 1);
    assert_eq!(quoted.len(), 1);
    assert_eq!((quoted[0].variant_id, quoted[0].available), (sold, 3));
    assert_eq!(quoted[0].unit_price, Some(usd(1999).price));
    assert_eq!(quote("JPY").await[0].unit_price, None, "nothing is converted");
}

#[tokio::test]
async fn stock_is_adjusted_once_for_each_effect_and_never_below_what_is_set_aside() {
    let shop = Shop::open().await;
    let variant = shop.sells("mug", 5).await;
    shop.reserve(shop.db.clock().uuid(), &[(variant, 3)]).await.unwrap();
    let cause = || Cause { effect_id: shop.db.clock().uuid(), who: "staff:test".into(), reason: None };
    let once = cause();
    let adjust = |delta, cause| shop.module.stock.adjust(variant, None, delta, cause);
    assert_eq!(adjust(-2, once.clone()).await.unwrap().on_hand, 3);
    assert_eq!(adjust(-2, once).await.unwrap().on_hand, 3);
    assert!(matches!(adjust(-1, cause()).await, Err(StockError::Insufficient(_))));
    assert!(matches!(adjust(0, cause()).await, Err(StockError::Refused(_))));
    assert!(matches!(adjust(i64::MIN, cause()).await, Err(StockError::Refused(_))));
    assert_eq!(shop.told("stock.out").await, 1);
    assert_eq!(adjust(4, cause()).await.unwrap().available(), 4);
    assert_eq!(shop.told("stock.back").await, 1);
    shop.books_balance().await;
}

#[tokio::test]
async fn stock_is_counted_and_moved_between_locations() {
    let shop = Shop::open().await;
    let variant = shop.sells("mug", 5).await;
    let cause = || Cause { effect_id: shop.db.clock().uuid(), who: "staff:test".into(), reason: None };
    let north = shop.module.locations.create(shop.db.clock().id(), "North".into()).await.unwrap().id;
    assert_eq!(shop.module.stock.count(variant, None, 9, cause()).await.unwrap().on_hand, 9);
    assert_eq!(shop.module.stock.count(variant, None, 9, cause()).await.unwrap().on_hand, 9);
    let main = crate::location::MAIN;
    let moved = shop.module.stock.transfer(variant, main, north, 4, cause()).await.unwrap();
    assert_eq!((moved.location_id, moved.on_hand), (north, 4));
    let too_many = shop.module.stock.transfer(variant, main, north, 6, cause()).await;
    assert!(matches!(too_many, Err(StockError::Insufficient(level)) if level.location_id == main));
    let nowhere = kernel::Id::from_uuid(Uuid::max());
    let unknown = shop.module.stock.adjust(variant, Some(nowhere), 1, cause()).await;
    assert!(matches!(unknown, Err(StockError::Unknown(Place::Field("locationId")))));
    let unknown = shop.module.stock.adjust(kernel::Id::from_uuid(Uuid::max()), None, 1, cause()).await;
    assert!(matches!(unknown, Err(StockError::Unknown(Place::Field("variantId")))));
    shop.books_balance().await;
}

/// Readers keep answers as fast as they can while somebody changes what they show.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_has_changed_something_never_reads_it_as_it_was() {
    let shop = std::sync::Arc::new(Shop::open().await);
    let variant = shop.sells("mug", 100).await;
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (shop, done) = (shop.clone(), done.clone());
            shop.clone().db.tasks().spawn(async move {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    shown(&shop, variant).await;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for number in 1..=60 {
        shop.reserve(shop.db.clock().uuid(), &[(variant, 1)]).await.unwrap();
        assert_eq!(shown(&shop, variant).await, (100 - number).to_string());
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
}

/// What can be bought, as it is kept.
async fn shown(shop: &Shop, variant: VariantId) -> String {
    let catalogue = &shop.module.catalogue;
    let make = || async {
        let (product, available) = catalogue.available(variant).await?;
        let body = available.to_string().into_bytes();
        Ok::<_, crate::catalogue::service::CatalogueError>((
            body,
            crate::catalogue::kept::Shows::Product(product),
        ))
    };
    let answer = match catalogue.kept("/x") {
        Some(answer) => answer,
        None => catalogue.keep("/x", make).await.unwrap(),
    };
    String::from_utf8(answer.body.to_vec()).unwrap()
}
