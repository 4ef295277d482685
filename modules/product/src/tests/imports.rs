use std::io::Cursor;
use std::path::Path;
use std::sync::Mutex;

use kernel::Clock;

use super::shop::Shop;
use crate::catalogue::Name;
use crate::import::shopify;
use crate::product::Product;
use crate::{Import, ImportError, ImportStatus, Progress};

const TWO: &str = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price,Image Src\n\
     pot,Clay pot,Size,Small,pot-s,4,9.99,https://x/1\n\
     pot,,,Large,pot-l,3,15.99,\n\
     sofa,Sofa,Title,Default Title,sofa,2,500,\n";

async fn run(shop: &Shop, file: &str) -> Import {
    let currency = "USD".parse().unwrap();
    shop.module.imports().run(Cursor::new(file.to_owned()), currency, |_| {}).await.unwrap()
}

async fn named(shop: &Shop, slug: &str) -> Option<Product> {
    let known = crate::product::store::with_slugs(&shop.db, &[slug.to_owned()]).await.unwrap();
    match known.first() {
        Some((id, _)) => Some(shop.module.products.find(*id).await.unwrap()),
        None => None,
    }
}

#[tokio::test]
async fn a_preview_changes_nothing_and_a_confirmation_applies_everything() {
    let shop = Shop::open().await;
    let imports = shop.module.imports();
    let (id, currency) = (imports.next_id(), "USD".parse().unwrap());
    let preview = imports.preview(id, Cursor::new(TWO), currency, |_| {}).await.unwrap();
    assert_eq!(preview.status, ImportStatus::Previewed);
    assert_eq!((preview.counts.rows, preview.counts.products, preview.counts.variants), (3, 2, 3));
    assert!(named(&shop, "pot").await.is_none());

    let progress = Mutex::new(Vec::new());
    let done = imports.confirm(id, |step| progress.lock().unwrap().push(step)).await.unwrap();

    assert_eq!((done.status, done.applied, done.counts.failed), (ImportStatus::Completed, 2, 0));
    assert!(progress.into_inner().unwrap().iter().all(|step| matches!(step, Progress::Applied(_, 2))));
    let pot = named(&shop, "pot").await.unwrap();
    assert_eq!(pot.variants[1].title, "Large");
    assert_eq!(pot.variants[1].on_hand, 3);
    assert_eq!(shop.told("product.created").await, 2);
    assert_eq!(imports.confirm(id, |_| {}).await.unwrap(), done, "confirmed again it stays as it is");
    shop.books_balance().await;
}

#[tokio::test]
async fn one_bad_row_keeps_the_whole_file_out() {
    let shop = Shop::open().await;
    let import = run(&shop, &TWO.replace("500", "five hundred")).await;
    assert_eq!((import.status, import.faults.error_count), (ImportStatus::Refused, 1));
    assert_eq!((import.faults.errors[0].row, import.faults.errors[0].code.as_str()), (4, "invalid_price"));
    assert!(named(&shop, "pot").await.is_none());
    let refused = shop.module.imports().confirm(import.id, |_| {}).await;
    assert!(matches!(refused, Err(ImportError::Refused)));
}

#[tokio::test]
async fn the_same_handle_again_is_the_same_product() {
    let shop = Shop::open().await;
    run(&shop, TWO).await;
    let before = named(&shop, "pot").await.unwrap();
    let again = run(&shop, &TWO.replace("Clay pot", "Better pot").replace("pot-s,4", "pot-s,9")).await;
    assert_eq!((again.status, again.counts.created, again.counts.updated), (ImportStatus::Completed, 0, 2));
    let after = named(&shop, "pot").await.unwrap();
    assert_eq!((after.id, after.title.as_str()), (before.id, "Better pot"));
    assert_eq!(after.variants[0].id, before.variants[0].id);
    assert_eq!(after.variants[0].on_hand, 9);
    assert_eq!(shop.told("product.updated").await, 2);
    shop.books_balance().await;
}

#[tokio::test]
async fn a_code_of_another_product_is_found_before_anything_is_applied() {
    let shop = Shop::open().await;
    shop.sells("other", 1).await;
    let file = TWO.replace(",sofa,2", ",other-0,2");
    let import = run(&shop, &file).await;
    let fault = &import.faults.errors[0];
    assert_eq!((import.status, fault.row, fault.code.as_str()), (ImportStatus::Refused, 4, "sku_taken"));
    assert!(named(&shop, "pot").await.is_none());
}

#[tokio::test]
async fn what_changed_since_the_preview_keeps_only_itself_out() {
    let shop = Shop::open().await;
    let imports = shop.module.imports();
    let (id, currency) = (imports.next_id(), "USD".parse().unwrap());
    imports.preview(id, Cursor::new(TWO.replace(",sofa,2", ",other-0,2")), currency, |_| {}).await.unwrap();
    shop.sells("other", 1).await;

    let done = imports.confirm(id, |_| {}).await.unwrap();

    assert_eq!((done.status, done.counts.failed), (ImportStatus::Completed, 1));
    assert_eq!((done.faults.errors[0].row, done.faults.errors[0].code.as_str()), (4, "taken"));
    assert!(named(&shop, "pot").await.is_some());
    shop.books_balance().await;
}

#[tokio::test]
async fn a_file_cannot_take_away_what_is_set_aside() {
    let shop = Shop::open().await;
    run(&shop, TWO).await;
    let pot = named(&shop, "pot").await.unwrap();
    shop.reserve(shop.db.clock().uuid(), &[(pot.variants[0].id, 4)]).await.unwrap();
    let again = run(&shop, &TWO.replace("pot-s,4", "pot-s,1")).await;
    assert_eq!(again.faults.errors[0].code, "stock_set_aside");
    assert_eq!(shop.stock(pot.variants[0].id).await, (4, 4));
    shop.books_balance().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_who_apply_the_same_import_apply_it_once() {
    let shop = Shop::open().await;
    let header = TWO.lines().next().unwrap();
    let rows: Vec<String> = (0..400)
        .map(|number| format!("p{number},P {number},Title,Default Title,sku{number},3,1.00,"))
        .collect();
    let file = format!("{header}\n{}\n", rows.join("\n"));
    let imports = shop.module.imports();
    let (id, currency) = (imports.next_id(), "USD".parse().unwrap());
    imports.preview(id, Cursor::new(file), currency, |_| {}).await.unwrap();
    let (first, second) = tokio::join!(imports.confirm(id, |_| {}), imports.confirm(id, |_| {}));
    assert_eq!(first.unwrap().counts.failed, 0);
    assert_eq!(second.unwrap().counts.failed, 0);
    assert_eq!(shop.told("product.created").await, 400);
    shop.books_balance().await;
}

/// The files of real shops: what goes in comes out.
#[tokio::test]
async fn real_files_come_out_as_they_went_in() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/shopify");
    for (name, products, variants) in [("apparel.csv", 20, 22), ("home-and-garden.csv", 20, 21)] {
        let Ok(text) = std::fs::read_to_string(data.join(name)) else {
            eprintln!("skipped: {} is not here", data.join(name).display());
            return;
        };
        let shop = Shop::open().await;
        let import = run(&shop, &text).await;
        assert_eq!((import.status, &import.faults.errors[..]), (ImportStatus::Completed, &[][..]));
        assert_eq!((import.counts.products, import.counts.variants), (products, variants), "{name}");

        let (usd, clock) = ("USD".parse().unwrap(), Clock::system());
        let mut file = shopify::Products::open(Cursor::new(&text), usd, clock).unwrap();
        while let Some(read) = file.next().unwrap() {
            let slug = read.product.slug.clone().unwrap();
            let shown = shop.module.catalogue.find(usd, Name::Slug(slug.clone())).await.unwrap();
            assert_eq!(shown.title, read.product.title, "{slug}");
            assert_eq!(shown.description, read.product.description);
            assert_eq!(shown.vendor, read.product.vendor);
            assert_eq!(shown.tags, read.product.tags);
            let urls =
                |images: &[crate::image::Image]| images.iter().map(|i| i.url.clone()).collect::<Vec<_>>();
            assert_eq!(urls(&shown.images), urls(&read.product.images));
            for (variant, new) in shown.variants.iter().zip(read.product.variants.iter().flatten()) {
                assert_eq!(variant.price, new.prices.first().map(|price| price.price));
                assert_eq!(variant.compare_at.map(|money| money.amount), new.prices[0].compare_at);
                assert_eq!(Some(variant.available), new.stock);
                assert_eq!(crate::option::Chosen::Values(variant.options.clone()), new.options);
            }
        }
        shop.books_balance().await;
    }
}
