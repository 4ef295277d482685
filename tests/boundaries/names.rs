//! File names that say nothing.

use std::path::Path;

/// Names under which everything and nothing is kept; a better one is the thing itself.
const EMPTY_WORDS: [&str; 6] = ["util", "utils", "helper", "helpers", "common", "manager"];

/// What is wrong with this path, if anything.
pub(crate) fn unwelcome(path: &Path) -> Option<&'static str> {
    if path.file_name().is_some_and(|name| name == "mod.rs") {
        return Some("a module is `cart.rs` beside `cart/`, never `cart/mod.rs`");
    }
    let stem = path.with_extension("");
    let parts = || stem.iter().filter_map(|part| part.to_str()).flat_map(|part| part.split('_'));
    let empty = parts().any(|word| EMPTY_WORDS.contains(&word));
    empty.then_some("the name does not say what it is")
}

#[test]
fn names_that_say_nothing_are_found() {
    for path in
        ["src/cart/mod.rs", "src/utils.rs", "src/helpers/money.rs", "src/cart_helper.rs", "src/common.rs"]
    {
        assert!(unwelcome(Path::new(path)).is_some(), "{path}");
    }
    for path in ["src/cart.rs", "src/cart/store.rs", "src/commons.rs", "tests/api/main.rs"] {
        assert_eq!(unwelcome(Path::new(path)), None, "{path}");
    }
}
