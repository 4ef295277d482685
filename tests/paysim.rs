//! A payment provider that answers late, twice, wrongly or never: in the end its books and the shop's say the same.

#![expect(clippy::unwrap_used, reason = "this is a test")]

use std::path::Path;

use lab::prove::paysim::Trial;
use lab::server::{Store, postgres_on};

#[expect(clippy::disallowed_methods, reason = "what a test is run on is asked for in the environment")]
fn store() -> Store {
    if std::env::var("CLEAVE_TEST_STORE").is_ok_and(|store| store == "postgres") {
        let server = std::env::var("CLEAVE_TEST_POSTGRES").unwrap();
        return Store::Postgres(postgres_on(&server, "paysim").unwrap());
    }
    Store::Sqlite
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_provider_does_every_cent_is_explained_and_what_it_takes_astray_is_found() {
    let mut trial = Trial::open(Path::new(env!("CARGO_BIN_EXE_cleave")), None, store()).await.unwrap();

    let found = trial.go_through(1).await.unwrap();

    // One charge was taken twice over, on purpose. That it stands out shows that anything else would.
    assert_eq!((found.differences.len(), found.astray), (1, 1), "{:#?}", found.differences);
    assert_eq!(found.failures(), Vec::<String>::new());
    trial.close().await.unwrap();
}
