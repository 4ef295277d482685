//! The routes of all modules, wherever they run: the API's description, and whose a path is.

use std::collections::BTreeSet;

use platform::http::Routes;
use utoipa::openapi::OpenApi;

use super::events;
use super::forward::prefix;
use crate::declared::{Declared, MODULES};

/// The description of the whole API, however many processes serve it.
pub fn openapi() -> OpenApi {
    Routes::described(|app| {
        events::routes(app);
        for module in MODULES {
            (module.routes)(app);
        }
    })
}

/// The prefixes of this module's paths. A prefix belongs to one module alone.
pub fn prefixes(module: &Declared) -> Vec<String> {
    let api = Routes::described(module.routes);
    let prefixes: BTreeSet<_> = api.paths.paths.keys().filter_map(|path| prefix(path)).collect();
    prefixes.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_belongs_to_one_module() {
        let mut owners = Vec::new();
        for module in MODULES {
            for prefix in prefixes(&module) {
                assert!(!owners.iter().any(|(other, _)| *other == prefix), "{prefix} of {}", module.name);
                owners.push((prefix, module.name));
            }
        }
        for known in [("carts", "order"), ("products", "product"), ("auth", "user"), ("refunds", "payment")] {
            assert!(owners.contains(&(known.0.to_owned(), known.1)), "{known:?}");
        }
    }

    #[test]
    fn every_path_of_the_api_has_a_prefix() {
        for path in openapi().paths.paths.keys() {
            assert!(prefix(path).is_some(), "{path}");
        }
    }

    #[test]
    fn the_prefix_is_the_first_word_after_the_version() {
        for (path, found) in [
            ("/v1/carts", Some("carts")),
            ("/v1/carts/cart_1/items", Some("carts")),
            ("/v1/admin/orders/ord_1", Some("orders")),
            ("/v1/administrators", Some("administrators")),
            ("/v1/", None),
            ("/v1/admin/", None),
            ("/v2/carts", None),
            ("/docs", None),
        ] {
            assert_eq!(prefix(path), found, "{path}");
        }
    }
}
