//! Who may know whom.

use std::collections::BTreeSet;
use std::process::Command;

/// A crate and one it depends on.
pub(crate) type Arrow = (String, String);

/// The map of `ARCHITECTURE.md`, section "Who may know whom".
const MAP: &[(&str, &[&str])] = &[
    ("user-api", &["kernel"]),
    ("product-api", &["kernel"]),
    ("order-api", &["kernel"]),
    ("payment-api", &["kernel"]),
    ("platform", &["kernel"]),
    ("user", &["kernel", "platform", "user-api"]),
    // It hears what orders say, and knows no more of them.
    ("product", &["kernel", "platform", "product-api", "order-api"]),
    // The one module that calls others. Nobody calls it back.
    ("order", &["kernel", "platform", "order-api", "user-api", "product-api", "payment-api"]),
    // Likewise.
    ("payment", &["kernel", "platform", "payment-api", "order-api"]),
    (
        "cleave",
        &[
            "kernel",
            "platform",
            "user",
            "user-api",
            "product",
            "product-api",
            "order",
            "order-api",
            "payment",
            "payment-api",
            // Its tests are the lab's first customers.
            "lab",
        ],
    ),
    // A tool that buys and checks from outside. It holds others to a contract, so it has to know it. With the feature
    // `sim` it runs the modules themselves, put together by what they hand out to anybody who composes a shop.
    (
        "lab",
        &["kernel", "platform", "payment-api", "order", "order-api", "payment", "product", "product-api"],
    ),
];

pub(crate) fn documented() -> BTreeSet<Arrow> {
    let arrow = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    MAP.iter().flat_map(|(from, all)| all.iter().map(move |to| arrow(from, to))).collect()
}

/// What cargo knows, dependencies of tests and build scripts included.
pub(crate) fn actual() -> BTreeSet<Arrow> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    read(&serde_json::from_slice(&output.stdout).unwrap())
}

/// A dependency with a path is one of ours.
fn read(metadata: &serde_json::Value) -> BTreeSet<Arrow> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut arrows = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        for dependency in package["dependencies"].as_array().unwrap() {
            // A crate that asks for a feature of its own in its tests is no arrow.
            let itself = dependency["name"] == package["name"];
            if !itself && dependency.get("path").is_some_and(serde_json::Value::is_string) {
                arrows.insert((text(&package["name"]), text(&dependency["name"])));
            }
        }
    }
    arrows
}

/// The crates of a circle, if there is one: what is left when crates that depend on nothing left are taken away.
pub(crate) fn circle(arrows: &BTreeSet<Arrow>) -> Option<BTreeSet<String>> {
    let mut left = arrows.clone();
    loop {
        let from: BTreeSet<String> = left.iter().map(|(from, _)| from.clone()).collect();
        let before = left.len();
        left.retain(|(_, to)| from.contains(to));
        if left.is_empty() {
            return None;
        }
        if left.len() == before {
            return Some(from);
        }
    }
}

fn arrows(list: &[(&str, &str)]) -> BTreeSet<Arrow> {
    list.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
}

#[test]
fn only_our_own_crates_are_arrows() {
    let metadata = serde_json::json!({"packages": [{"name": "user", "dependencies": [
        {"name": "order", "path": "/x/modules/order", "kind": "dev"},
        {"name": "serde", "kind": null},
    ]}]});
    assert_eq!(read(&metadata), arrows(&[("user", "order")]));
}

#[test]
fn a_new_arrow_is_not_documented() {
    assert!(!documented().contains(&("payment".to_owned(), "product-api".to_owned())));
    assert!(!documented().contains(&("order".to_owned(), "product".to_owned())));
}

#[test]
fn a_circle_is_found() {
    let three = arrows(&[("order", "payment"), ("payment", "user"), ("user", "order"), ("user", "kernel")]);
    assert_eq!(circle(&three).unwrap().len(), 3);
    assert_eq!(circle(&documented()), None);
}
