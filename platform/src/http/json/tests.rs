//! What a body may say, and where a refusal points.

use std::collections::BTreeMap;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Address {
    city: String,
    zip_code: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Gift,
    Parcel,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Body {
    quantity: u32,
    #[serde(default)]
    address: Option<Address>,
    #[serde(default)]
    addresses: Vec<Address>,
    #[serde(default, deserialize_with = "patch")]
    note: Option<Option<String>>,
    #[serde(default)]
    kind: Option<Kind>,
    #[serde(default)]
    metadata: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    product: Option<kernel::Id<Product>>,
}

#[derive(Debug)]
struct Product;
impl kernel::Entity for Product {
    const PREFIX: &'static str = "prod";
}

/// Status, code, and the first error's pointer and code.
fn refusal(text: impl AsRef<[u8]>) -> (u16, &'static str, String, &'static str) {
    let problem = parse::<Body>(text.as_ref()).unwrap_err();
    let (pointer, code) =
        problem.parts().errors.first().map_or((String::new(), ""), |e| (e.pointer.clone(), e.code));
    (problem.status().as_u16(), problem.code(), pointer, code)
}

#[test]
fn what_is_not_json_is_malformed() {
    let texts = [
        "",
        "  ",
        "\u{feff}{\"quantity\":1}",
        "{\"quantity\":1,}",
        "{\"quantity\":1}{}",
        "{\"quantity\":1} x",
        "{'quantity':1}",
        "{\"quantity\":NaN}",
        "{\"quantity\":Infinity}",
        "{\"quantity\":1.}",
        "{\"quantity\":.5}",
        "{\"quantity\":01}",
        "{/* */\"quantity\":1}",
        "{\"quantity\":1",
        "{\"a\":\"\\ud800\"}",
    ];
    for text in texts {
        assert_eq!(refusal(text), (400, "malformed_json", String::new(), ""), "{text}");
    }
    for bytes in [b"{\"quantity\":1,\"note\":\"\xC0\xAE\"}".as_slice(), b"\xFF\xFE{\0}\0"] {
        assert_eq!(refusal(bytes).1, "malformed_json");
    }
}

#[test]
fn thirty_two_levels_are_enough() {
    let nested = |levels: usize| {
        format!("{{\"quantity\":1,\"metadata\":{{\"a\":{}{}}}}}", "[".repeat(levels), "]".repeat(levels))
    };
    assert!(parse::<Body>(nested(30).as_bytes()).is_ok());
    assert_eq!(refusal(nested(31)).1, "malformed_json");
    assert_eq!(refusal(nested(30_000)).1, "malformed_json");
}

#[test]
fn every_refusal_points_at_its_field() {
    let cases = [
        ("null", "", "wrong_type"),
        ("[]", "", "wrong_type"),
        ("[1]", "", "wrong_type"),
        ("\"x\"", "", "wrong_type"),
        ("1", "", "wrong_type"),
        ("{}", "/quantity", "missing_field"),
        ("{\"quantity\":\"1\"}", "/quantity", "wrong_type"),
        ("{\"quantity\":1.0}", "/quantity", "wrong_type"),
        ("{\"quantity\":1e0}", "/quantity", "wrong_type"),
        ("{\"quantity\":true}", "/quantity", "wrong_type"),
        ("{\"quantity\":null}", "/quantity", "wrong_type"),
        ("{\"quantity\":[1]}", "/quantity", "wrong_type"),
        ("{\"quantity\":{}}", "/quantity", "wrong_type"),
        ("{\"quantity\":-1}", "/quantity", "invalid_value"),
        ("{\"quantity\":99999999999999}", "/quantity", "invalid_value"),
        ("{\"quantity\":1,\"Quantity\":1}", "/Quantity", "unknown_field"),
        ("{\"quantity\":1,\"quantit\u{443}\":1}", "/quantit\u{443}", "unknown_field"),
        ("{\"quantity\":1,\"quantity\":2}", "/quantity", "duplicate_field"),
        ("{\"quantity\":1,\"quantit\\u0079\":2}", "/quantity", "duplicate_field"),
        ("{\"quantity\":1,\"metadata\":{\"a/b\":{\"c\":1,\"c\":2}}}", "/metadata/a~1b/c", "duplicate_field"),
        ("{\"quantity\":1,\"metadata\":{\"a\":[1,{\"c\":1,\"c\":2}]}}", "/metadata/a/1/c", "duplicate_field"),
        ("{\"quantity\":1,\"address\":{\"city\":\"B\"}}", "/address/zipCode", "missing_field"),
        ("{\"quantity\":1,\"address\":[\"B\",\"1\"]}", "/address", "wrong_type"),
        ("{\"quantity\":1,\"addresses\":[[\"B\",\"1\"]]}", "/addresses/0", "wrong_type"),
        (
            "{\"quantity\":1,\"addresses\":[{\"city\":\"B\",\"zipCode\":1}]}",
            "/addresses/0/zipCode",
            "wrong_type",
        ),
        ("{\"quantity\":1,\"note\":5}", "/note", "wrong_type"),
        ("{\"quantity\":1,\"kind\":\"letter\"}", "/kind", "invalid_value"),
        ("{\"quantity\":1,\"product\":\"ord_01h455vb4pex5vsknk084sn02q\"}", "/product", "invalid_value"),
        ("{\"quantity\":1,\"product\":123}", "/product", "wrong_type"),
    ];
    for (text, pointer, code) in cases {
        assert_eq!(refusal(text), (422, "invalid_body", pointer.to_owned(), code), "{text}");
    }
}

#[test]
fn a_refused_value_is_not_repeated() {
    let problem = parse::<Body>(b"{\"quantity\":\"my secret word\"}").unwrap_err();
    let text = serde_json::to_string(&problem).unwrap();
    assert!(!text.contains("secret") && text.contains("a whole number"), "{text}");
}

#[test]
fn absent_null_and_a_value_are_three_things() {
    let note = |text: &str| parse::<Body>(text.as_bytes()).unwrap().note;
    assert_eq!(note("{\"quantity\":1}"), None);
    assert_eq!(note("{\"quantity\":1,\"note\":null}"), Some(None));
    assert_eq!(note("{\"quantity\":1,\"note\":\"hi\"}"), Some(Some("hi".into())));
}

#[test]
fn a_body_that_is_right_is_read() {
    let text = r#"{"quantity":2,"address":{"city":"Ü","zipCode":"1"},"kind":"gift","metadata":{"a":[1,null]},
        "product":"prod_01h455vb4pex5vsknk084sn02q"}"#;
    let body: Body = parse(text.as_bytes()).unwrap();
    assert_eq!((body.quantity, body.kind), (2, Some(Kind::Gift)));
    assert_eq!(body.address.unwrap().city, "Ü");
}

#[test]
fn thousands_of_names_are_compared_in_no_time() {
    use std::fmt::Write as _;
    let mut text = "{\"quantity\":1,\"metadata\":{\"a\":0".to_owned();
    for n in 0..5_000 {
        write!(text, ",\"k{n}\":{n}").unwrap();
    }
    text.push_str("}}");
    let start = std::time::Instant::now();
    assert_eq!(parse::<Body>(text.as_bytes()).unwrap().metadata.len(), 5_001);
    // A comparison of each with each would take seconds in a debug build.
    assert!(start.elapsed().as_millis() < 500, "{:?}", start.elapsed());
}
