//! Requests of the wrong form: routes, types of content, sizes and texts.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Bad, Fixture};
use crate::world::{address, text};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_in_the_wrong_way_is_told_so() {
    let shop = Fixture::open().await;
    let random = Method::from_bytes(&[b'Q'; 60]).unwrap();
    let cart = json!({ "currency": "USD" }).to_string();
    let rows = vec![
        Bad::new(Method::TRACE, "/v1/orders").is(405, "method_not_allowed"),
        Bad::new(Method::OPTIONS, "/v1/orders").is(405, "method_not_allowed"),
        Bad::new(Method::from_bytes(b"FOO").unwrap(), "/v1/products").is(405, "method_not_allowed"),
        Bad::new(random, "/v1/products").is(405, "method_not_allowed"),
        Bad::new(Method::PUT, "/v1/carts").is(405, "method_not_allowed"),
        Bad::get("/v1/orders/").is(404, "not_found"),
        Bad::get("//v1//orders").is(404, "not_found"),
        Bad::get("/V1/orders").is(404, "not_found"),
        Bad::get("/v1/nothing").is(404, "not_found"),
        Bad::get("/").is(404, "not_found"),
        Bad::get("/v1/products/%C0%AE").is(400, "malformed_url"),
        Bad::get("/v1/products/%ED%A0%80").is(400, "malformed_url"),
        Bad::get("/v1/products/%zz").is(400, "malformed_url"),
        Bad::get("/v1/products/%00").is(404, "not_found"),
        Bad::get("/v1/products").header("accept", "application/xml").is(406, "not_acceptable"),
        Bad::post("/v1/carts")
            .header("content-type", "text/plain")
            .bytes(cart.clone())
            .is(415, "unsupported_media_type"),
        Bad::post("/v1/carts").bytes(cart.clone()).is(415, "unsupported_media_type"),
        Bad::post("/v1/carts")
            .header("content-type", "application/x-www-form-urlencoded")
            .bytes("currency=USD")
            .is(415, "unsupported_media_type"),
        Bad::post("/v1/carts")
            .raw(cart)
            .header("content-type", "text/plain")
            .is(415, "unsupported_media_type"),
    ];
    shop.refuses(rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_refused_without_being_read() {
    let shop = Fixture::open().await;
    let cart = |body: String| Bad::post("/v1/carts").raw(body);
    let keys = (0..5_000).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>().join(",");
    let zeros = format!("{{\"currency\":\"USD\",\"items\":[{}0]}}", "0,".repeat(30_000));
    let long = "x".repeat(60 * 1024);
    let register = json!({ "email": "new@example.com", "password": "correct horse battery", "name": long });
    let import =
        |csv: String| shop.staff(Method::POST, "/v1/admin/imports").fresh_key().json(&json!({ "csv": csv }));
    let small = json!({ "currency": "USD" }).to_string();
    let many_columns = format!("Handle,Title{}\n", ",x".repeat(10_000));
    let long_line = format!("Handle,Title\nmug,{}\n", "x".repeat(2 * 1024 * 1024));
    let orders = shop.world.get("/v1/admin/products?limit=1&status=active").staff().send().await.expect(200);
    let cursor = text(&orders["nextCursor"]);
    let rows = vec![
        cart(format!("{{\"currency\":\"USD\"{}}}", " ".repeat(64 * 1024))).is(413, "body_too_large"),
        cart("0,".repeat(1_000_000)).is(413, "body_too_large"),
        cart(format!("{{{keys}}}")).is(422, "invalid_body"),
        cart(zeros).is(422, "invalid_body").at("/items/0"),
        cart(format!("{{\"currency\":\"USD\",\"items\":{}{}}}", "[".repeat(33), "]".repeat(33)))
            .is(400, "malformed_json"),
        cart("[".repeat(60_000)).is(400, "malformed_json"),
        Bad::post("/v1/auth/register").json(&register).is(422, "invalid_body").at("/name"),
        shop.patch_cart(&json!({ "email": long })).is(422, "invalid_email").at("/email"),
        cart(small.clone()).header("content-encoding", "gzip").is(415, "unsupported_media_type"),
        cart(small.clone()).header("content-encoding", "br").is(415, "unsupported_media_type"),
        cart(small).header("content-encoding", "gzip, gzip").is(415, "unsupported_media_type"),
        Bad::get(&format!("/v1/products?after={}", "A".repeat(10 * 1024))).is(414, "url_too_long"),
        Bad::get(&format!("/v1/products?after={}", "A".repeat(3 * 1024))).is(400, "invalid_cursor"),
        Bad::get("/v1/products?after=bm9uc2Vuc2U").is(400, "invalid_cursor"),
        Bad::get(&format!("/v1/products?after={cursor}x")).is(400, "invalid_cursor"),
        Bad::get(&format!("/v1/products?after=x{cursor}")).is(400, "invalid_cursor"),
        Bad::get("/v1/products?limit=0").is(400, "invalid_parameter"),
        Bad::get("/v1/products?limit=101").is(400, "invalid_parameter"),
        Bad::get("/v1/products?limit=-1").is(400, "invalid_parameter"),
        Bad::get("/v1/products?limit=99999999999999999999").is(400, "invalid_parameter"),
        import(many_columns).is(422, "invalid_import").at("/csv"),
        import(long_line).is(422, "invalid_import").at("/csv"),
        import("x".repeat(17 * 1024 * 1024)).is(413, "body_too_large"),
        import("not a table".into()).is(422, "invalid_import").at("/csv"),
    ];
    shop.refuses(rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_read_in_two_ways_is_not_read() {
    let shop = Fixture::open().await;
    let cart = |body: &[u8]| Bad::post("/v1/carts").raw(body);
    let utf16: Vec<u8> = "{\"currency\":\"USD\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut rows: Vec<Bad> = [
        "",
        " ",
        "{\"currency\":\"USD\",}",
        "{\"currency\":\"USD\"} // sold",
        "{/* */\"currency\":\"USD\"}",
        "{\"currency\":NaN}",
        "{\"currency\":Infinity}",
        "{\"currency\":1.}",
        "{\"currency\":.5}",
        "{\"currency\":01}",
        "{'currency':'USD'}",
        "{currency:\"USD\"}",
        "\u{feff}{\"currency\":\"USD\"}",
        "{\"currency\":\"USD\"}{\"currency\":\"EUR\"}",
        "{\"currency\":\"US",
        "{\"currency\":\"\\ud800\"}",
        "{\"currency\":\"U\u{0}SD\"}",
    ]
    .iter()
    .map(|body| cart(body.as_bytes()).is(400, "malformed_json"))
    .collect();
    rows.extend(["null", "[]", "\"x\"", "1"].map(|body| cart(body.as_bytes()).is(422, "invalid_body")));
    let unknown = |field: &str| {
        cart(format!("{{\"currency\":\"USD\",\"{field}\":1}}").as_bytes()).is(422, "invalid_body")
    };
    rows.extend([
        cart(&utf16).is(400, "malformed_json"),
        cart(b"{\"currency\":\"\xC3\x28\"}").is(400, "malformed_json"),
        unknown("Currency").at("/Currency"),
        unknown("total").at("/total"),
        unknown("__proto__").at("/__proto__"),
        // A Cyrillic letter in place of one that looks like it.
        unknown("\u{456}tems").at("/\u{456}tems"),
        cart(b"{\"currency\":\"USD\",\"currency\":\"EUR\"}").is(422, "invalid_body").at("/currency"),
        Bad::get("/v1/products?filter[a][b][c]=1").is(400, "invalid_parameter"),
        Bad::get("/v1/products?limit=5&limit=5").is(400, "invalid_parameter"),
        Bad::get("/v1/products/%2565").is(404, "not_found"),
        Bad::get("/v1/products/%25252e%25252e").is(404, "not_found"),
    ]);
    shop.refuses(rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_of_another_type_is_never_coerced() {
    let shop = Fixture::open().await;
    let mut rows = Vec::new();
    for quantity in ["\"1\"", "1.0", "1.5", "1e0", "true", "null", "[1]", "{}", "9223372036854775808"] {
        let body = format!("{{\"variantId\":\"{}\",\"quantity\":{quantity}}}", shop.variant);
        let mut bad = shop.add_to_cart(&Value::Null);
        bad.body = Some(body.into_bytes());
        rows.push(bad.is(422, "invalid_body").at("/quantity"));
    }
    let upper = shop.variant.to_uppercase();
    let (longer, braces) = (format!("{}0", shop.variant), format!("{{{}}}", shop.variant));
    let bare = "00000000-0000-0000-0000-000000000000";
    for id in
        [json!(123), json!(bare), json!(upper), json!(braces), json!(longer), json!(shop.cart), json!("")]
    {
        let body = json!({ "variantId": id, "quantity": 1 });
        rows.push(shop.add_to_cart(&body).is(422, "invalid_body").at("/variantId"));
    }
    let nobodys = json!({ "variantId": "var_00000000000000000000000000", "quantity": 1 });
    rows.push(shop.add_to_cart(&nobodys).is(422, "variant_unavailable"));
    for currency in ["eur", "XXX", "EURO", "€", "DEM", "", "US\u{0}"] {
        rows.push(
            Bad::post("/v1/carts")
                .json(&json!({ "currency": currency }))
                .is(422, "invalid_body")
                .at("/currency"),
        );
    }
    for currency in ["eur", "XXX", "EURO", "%E2%82%AC", "DEM"] {
        rows.push(
            Bad::get(&format!("/v1/products?currency={currency}"))
                .is(400, "invalid_parameter")
                .at("/currency"),
        );
    }
    for value in [json!("yes"), json!(0), json!("true"), json!(null)] {
        let body = json!({ "title": "Mug", "variants": [{ "sku": "MUG", "taxable": value }] });
        let bad = shop.staff(Method::POST, "/v1/admin/products").json(&body);
        rows.push(bad.is(422, "invalid_body").at("/variants/0/taxable"));
    }
    let email = format!("a@{}", "a.".repeat(2_500));
    for email in
        [email.as_str(), "ada", "ada@", "@example.com", "a@b@c.de", "ada@example.com\r\nBcc: eve@example.com"]
    {
        let body = json!({ "email": email, "password": "correct horse battery", "name": "Ada" });
        rows.push(Bad::post("/v1/auth/register").json(&body).is(422, "invalid_body").at("/email"));
        rows.push(shop.patch_cart(&json!({ "email": email })).is(422, "invalid_email").at("/email"));
    }
    let with = |field: &str, value: &str| {
        let mut address = address();
        address[field] = json!(value);
        json!({ "shippingAddress": address })
    };
    let at = "/shippingAddress/phone";
    rows.push(shop.patch_cart(&with("phone", "call me")).is(422, "invalid_address").at(at));
    rows.push(shop.patch_cart(&with("phone", &"1".repeat(1000))).is(422, "invalid_address").at(at));
    for country in ["us", "USA", "U", "Ü", ""] {
        let bad = shop.patch_cart(&with("country", country));
        rows.push(bad.is(422, "invalid_address").at("/shippingAddress/country"));
    }
    for name in ["", "   ", "Ada\r\nBcc: eve@example.com", "Ada\u{0}"] {
        rows.push(
            shop.patch_cart(&with("name", name)).is(422, "invalid_address").at("/shippingAddress/name"),
        );
    }
    shop.refuses(rows).await;
}
