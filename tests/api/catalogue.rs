//! What is for sale, and how it comes into the shop.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::world::{World, text};

const FILES: &str = "../shared/data/shopify";

/// What a product file says about a product, read without any code of the shop.
#[derive(Debug, Default, PartialEq)]
struct Product {
    title: String,
    description: String,
    vendor: String,
    tags: BTreeSet<String>,
    images: Vec<String>,
    variants: Vec<Variant>,
}

#[derive(Debug, PartialEq)]
struct Variant {
    options: Vec<(String, String)>,
    cents: i64,
    compare_at: Option<i64>,
    stock: i64,
}

fn cents(price: &str) -> i64 {
    let (whole, fraction) = price.split_once('.').unwrap_or((price, ""));
    format!("{whole}{fraction:0<2}").parse().unwrap()
}

/// The products of a file by handle. Drafts are products, too.
fn read(csv: &str) -> BTreeMap<String, Product> {
    let mut products: BTreeMap<String, Product> = BTreeMap::new();
    let mut axes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in csv::Reader::from_reader(csv.as_bytes()).deserialize() {
        let row: BTreeMap<String, String> = row.unwrap();
        let cell = |name: &str| row.get(name).cloned().unwrap_or_default();
        let handle = cell("Handle");
        let axes = axes.entry(handle.clone()).or_default();
        let product = products.entry(handle).or_default();
        if !cell("Title").is_empty() {
            product.title = cell("Title");
            product.description = cell("Body (HTML)");
            product.vendor = cell("Vendor");
            let tags = cell("Tags");
            product.tags =
                tags.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect();
            *axes = (1..=3)
                .map(|axis| cell(&format!("Option{axis} Name")))
                .filter(|name| !name.is_empty())
                .collect();
        }
        let image = cell("Image Src");
        if !image.is_empty() && !product.images.contains(&image) {
            product.images.push(image);
        }
        if cell("Variant Price").is_empty() {
            continue;
        }
        let value = |axis: usize| cell(&format!("Option{} Value", axis + 1));
        let options = axes.iter().enumerate().map(|(axis, name)| (name.clone(), value(axis)));
        let compare_at = cell("Variant Compare At Price");
        product.variants.push(Variant {
            options: options.filter(|(_, value)| value != "Default Title").collect(),
            cents: cents(&cell("Variant Price")),
            compare_at: (!compare_at.is_empty()).then(|| cents(&compare_at)),
            stock: cell("Variant Inventory Qty").parse::<i64>().unwrap_or(0).max(0),
        });
    }
    products
}

/// The same, as staff get it from the shop.
fn shown(product: &Value) -> (String, Product) {
    let list = |value: &Value| value.as_array().unwrap().clone();
    let variant = |variant: &Value| Variant {
        options: list(&variant["options"])
            .iter()
            .map(|chosen| (text(&chosen["name"]), text(&chosen["value"])))
            .collect(),
        cents: variant["prices"][0]["amount"].as_i64().unwrap(),
        compare_at: variant["prices"][0]["compareAtAmount"].as_i64(),
        stock: variant["stock"]["onHand"].as_i64().unwrap(),
    };
    let product_shown = Product {
        title: text(&product["title"]),
        description: text(&product["description"]),
        vendor: text(&product["vendor"]),
        tags: list(&product["tags"]).iter().map(text).collect(),
        images: list(&product["images"]).iter().map(|image| text(&image["url"])).collect(),
        variants: list(&product["variants"]).iter().map(variant).collect(),
    };
    (text(&product["slug"]), product_shown)
}

/// Everything a list holds, page by page.
async fn every(world: &World, path: &str, limit: usize) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let page = world.get(&format!("{path}?limit={limit}{after}")).staff().send().await.expect(200);
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= limit);
        all.extend(data.iter().cloned());
        if page["hasMore"] == json!(false) {
            return all;
        }
        after = format!("&after={}", text(&page["nextCursor"]));
    }
}

async fn previewed(world: &World, csv: &str) -> Value {
    world
        .post("/v1/admin/imports", &json!({ "csv": csv, "currency": "USD" }))
        .staff()
        .fresh_key()
        .send()
        .await
        .expect(201)
}

#[tokio::test(flavor = "multi_thread")]
async fn options_make_a_variant_for_each_combination() {
    let world = World::open().await;
    let body = json!({
        "title": "Ocean Shirt", "status": "active", "prices": [{ "amount": 1999, "currency": "USD" }],
        "options": [{ "name": "Size", "values": ["S", "M"] }, { "name": "Colour", "values": ["Blue", "Red", "Sand"] }],
    });
    let made = world.post("/v1/admin/products", &body).staff().send().await.expect(201);

    let product = world.get("/v1/products/ocean-shirt").send().await.expect(200);
    let variants = product["variants"].as_array().unwrap();
    let titles: BTreeSet<String> = variants.iter().map(|variant| text(&variant["title"])).collect();
    assert_eq!((variants.len(), titles.len()), (6, 6));
    assert!(variants.iter().all(|variant| variant["price"] == json!({ "amount": 1999, "currency": "USD" })));
    assert_eq!(product["options"][1], json!({ "name": "Colour", "values": ["Blue", "Red", "Sand"] }));
    let by_id = world.get(&format!("/v1/products/{}", text(&made["id"]))).send().await.expect(200);
    assert_eq!(by_id, product);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variant_has_a_price_for_each_currency_and_none_is_converted() {
    let world = World::open().await;
    let body = json!({ "title": "Mug", "status": "active", "variants": [{ "sku": "MUG", "stock": 5, "prices": [
        { "amount": 1000, "currency": "USD", "compareAtAmount": 1200 }, { "amount": 1500, "currency": "JPY" },
    ] }] });
    world.post("/v1/admin/products", &body).staff().send().await.expect(201);
    let price = async |query: &str| {
        let product = world.get(&format!("/v1/products/mug{query}")).send().await.expect(200);
        product["variants"][0]["price"].clone()
    };

    assert_eq!(price("?currency=USD").await, json!({ "amount": 1000, "currency": "USD" }));
    assert_eq!(price("?currency=JPY").await, json!({ "amount": 1500, "currency": "JPY" }));
    assert_eq!(price("?currency=EUR").await, Value::Null);
    let product = world.get("/v1/products/mug").send().await.expect(200);
    let cart =
        json!({ "currency": "EUR", "items": [{ "variantId": product["variants"][0]["id"], "quantity": 1 }] });
    assert_eq!(world.post("/v1/carts", &cart).send().await.problem(422), "variant_unavailable");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sku_belongs_to_one_variant() {
    let world = World::open().await;
    world.on_sale("CUP", 1000, 5).await;
    let body = json!({ "title": "Other", "variants": [{ "sku": "CUP" }] });

    let taken = world.post("/v1/admin/products", &body).staff().send().await;

    assert_eq!(taken.body["errors"][0]["pointer"], "/variants/0/sku");
    assert_eq!(taken.problem(409), "sku_taken");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_names_the_version_it_was_made_for() {
    let world = World::open().await;
    world.on_sale("CUP", 1000, 5).await;
    let list = world.get("/v1/admin/products?q=CUP").staff().send().await.expect(200);
    let path = format!("/v1/admin/products/{}", text(&list["data"][0]["id"]));
    let body = json!({ "title": "Big cup" });
    let change = |tag: &str| world.patch(&path, &body).staff().header("if-match", tag);
    let read = world.get(&path).staff().send().await;
    let tag = read.headers["etag"].to_str().unwrap().to_owned();

    assert_eq!(world.patch(&path, &body).staff().send().await.problem(428), "precondition_required");
    let (one, other) = tokio::join!(change(&tag).send(), change(&tag).send());
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    assert_eq!(change(&tag).send().await.problem(412), "precondition_failed");
    assert_eq!(change("*").send().await.expect(200)["title"], "Big cup");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_the_newest_answer_gets_no_other() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 5).await;
    let first = world.get("/v1/products/product-cup").send().await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    let again = || world.get("/v1/products/product-cup").header("if-none-match", &tag);

    let same = again().send().await;
    assert_eq!((same.status.as_u16(), same.bytes.len()), (304, 0));
    world.buy(&variant, 2).await;

    let sold = again().send().await.expect(200);
    assert_eq!(sold["variants"][0]["available"], 3);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_just_sold_is_not_shown_as_available() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 20).await;
    for left in (0..20).rev() {
        world.get("/v1/products").send().await.expect(200);
        world.buy(&variant, 1).await;
        let product = world.get("/v1/products/product-cup").send().await.expect(200);
        let list = world.get("/v1/products").send().await.expect(200);
        let availability =
            world.get(&format!("/v1/variants/{variant}/availability")).send().await.expect(200);
        assert_eq!(product["variants"][0]["available"], left);
        assert_eq!(list["data"][0]["variants"][0]["available"], left);
        assert_eq!(availability["available"], left);
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_and_archived_products_are_not_for_sale() {
    let world = World::open().await;
    for status in ["draft", "archived"] {
        let body = json!({ "title": status, "status": status, "variants": [{
            "sku": status, "stock": 1, "prices": [{ "amount": 1, "currency": "USD" }],
        }] });
        let made = world.post("/v1/admin/products", &body).staff().send().await.expect(201);
        assert_eq!(world.get(&format!("/v1/products/{status}")).send().await.problem(404), "not_found");
        let cart = json!({ "currency": "USD", "items": [{ "variantId": made["variants"][0]["id"], "quantity": 1 }] });
        assert_eq!(world.post("/v1/carts", &cart).send().await.problem(422), "variant_unavailable");
    }
    assert_eq!(world.get("/v1/products").send().await.expect(200)["data"], json!([]));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_every_product_once() {
    let world = World::open().await;
    for number in 0..23 {
        world.on_sale(&format!("CUP{number}"), 1000, 1).await;
    }
    for (path, limit) in [("/v1/products", 5), ("/v1/products", 23), ("/v1/admin/products", 4)] {
        let products = every(&world, path, limit).await;
        let ids: BTreeSet<String> = products.iter().map(|product| text(&product["id"])).collect();
        assert_eq!((products.len(), ids.len()), (23, 23), "{path} by {limit}");
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn movements_add_up_to_what_is_on_the_shelf() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 50).await;
    let adjust = async |delta: i64, status: u16| {
        let body = json!({ "variantId": variant, "delta": delta, "reason": "counted" });
        let ask = world.post("/v1/admin/stock-levels/adjust", &body).staff().fresh_key();
        ask.send().await.status.as_u16() == status
    };
    assert!(adjust(7, 200).await && adjust(-3, 200).await && adjust(-1000, 409).await);
    world.buy(&variant, 4).await;
    world.eventually("the sale", async || world.stock(&variant).await["onHand"] == 50).await;
    let count = json!({ "variantId": variant, "onHand": 41, "reason": "stocktaking" });
    world.post("/v1/admin/stock-levels/count", &count).staff().fresh_key().send().await.expect(200);

    let path = format!("/v1/admin/stock-movements?variantId={variant}");
    let movements = world.get(&path).staff().send().await.expect(200);
    let deltas: Vec<i64> = movements["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|movement| movement["delta"].as_i64().unwrap())
        .collect();
    assert_eq!((deltas.len(), deltas.iter().sum::<i64>()), (5, 41));
    assert_eq!(world.stock(&variant).await["onHand"], 41);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_product_files_come_out_as_they_went_in() {
    if !Path::new(FILES).is_dir() {
        println!("skipped: there are no files in {FILES}");
        return;
    }
    for file in ["apparel.csv", "home-and-garden.csv"] {
        let world = World::open().await;
        let csv = std::fs::read_to_string(Path::new(FILES).join(file)).unwrap();
        let wanted = read(&csv);
        let import = previewed(&world, &csv).await;
        assert_eq!((&import["status"], &import["errorCount"]), (&json!("previewed"), &json!(0)), "{import}");
        assert_eq!(every(&world, "/v1/admin/products", 10).await.len(), 0);

        let confirm = format!("/v1/admin/imports/{}/confirm", text(&import["id"]));
        let confirmed =
            world.ask(reqwest::Method::POST, &confirm).staff().fresh_key().send().await.expect(200);
        let path = format!("/v1/admin/imports/{}", text(&import["id"]));
        let completed = async || world.get(&path).staff().send().await.expect(200)["status"] == "completed";
        world.eventually("the end of the import", completed).await;

        assert_eq!(confirmed["counts"]["products"], wanted.len());
        let got: BTreeMap<String, Product> =
            every(&world, "/v1/admin/products", 7).await.iter().map(shown).collect();
        assert_eq!(got.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
        for (handle, product) in &wanted {
            assert_eq!(&got[handle], product, "{handle}");
        }
        let variants: usize = wanted.values().map(|product| product.variants.len()).sum();
        println!("{file}: {} products with {variants} variants", wanted.len());
        world.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_bad_rows_says_which_and_changes_nothing() {
    let world = World::open().await;
    let csv = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price,Image Src\n\
               mug,Mug,Title,Default Title,MUG,5,9.99,https://example.com/mug.jpg\n\
               cup,Cup,Title,Default Title,CUP,5,nine,\n\
               jug,Jug,Title,Default Title,JUG,many,9.99,\n\
               pot,Pot,Title,Default Title,MUG,5,9.99,\n\
               pan,,Title,Default Title,PAN,5,9.99,javascript:alert(1)\n";
    let import = previewed(&world, csv).await;

    assert_eq!(import["status"], "refused");
    let rows: BTreeSet<u64> =
        import["errors"].as_array().unwrap().iter().map(|fault| fault["row"].as_u64().unwrap()).collect();
    assert_eq!(rows, BTreeSet::from([3, 4, 5, 6]), "{import}");
    assert_eq!(import["errors"][0]["column"], "Variant Price");
    let confirm = format!("/v1/admin/imports/{}/confirm", text(&import["id"]));
    let confirmed = world.ask(reqwest::Method::POST, &confirm).staff().fresh_key().send().await;
    assert_eq!(confirmed.problem(409), "import_refused");
    assert_eq!(every(&world, "/v1/admin/products", 10).await, Vec::<Value>::new());
    world.close().await;
}
