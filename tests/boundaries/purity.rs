//! A thing's own file does no I/O and awaits nothing.

use std::collections::BTreeSet;

use super::source::Source;

/// The words in the code that have no place in a pure file.
pub(crate) fn impurities(source: &str) -> BTreeSet<String> {
    Source::read(source)
        .code
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| {
            matches!(*word, "async" | "await" | "sqlx" | "tokio" | "reqwest") || word.starts_with("actix")
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn io_in_a_things_own_file_is_found() {
    let found = impurities("use actix_web::web; #[derive(sqlx::FromRow)] async fn load() { db.await }");
    assert_eq!(found, ["actix_web", "async", "await", "sqlx"].map(str::to_owned).into());
}

#[test]
fn speaking_of_io_is_no_io() {
    let source = "// async sqlx\npub fn asynchronous(cart: Cart) -> &'static str { \"await sqlx\" }";
    assert!(impurities(source).is_empty());
}
