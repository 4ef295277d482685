//! A slice of a real retailer's quarter, through the same API and the same checks as the whole.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a test says what it replayed")]

use std::path::Path;

use lab::api::Api;
use lab::replay::{Options, replay};
use lab::server::{Server, Store};

const FILE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/online-retail/2010-12_2011-02.csv.gz");

#[tokio::test(flavor = "multi_thread")]
async fn the_books_agree_with_a_slice_of_the_retailers_file() {
    if !Path::new(FILE).exists() {
        eprintln!("skipped: there is no file of invoices at {FILE}");
        return;
    }
    let server = Server::start(Path::new(env!("CARGO_BIN_EXE_cleave")), Store::Sqlite).await.unwrap();
    let api = Api::new(server.address.clone()).unwrap();
    let staff = server.staff().await.unwrap();

    let options = Options { limit: Some(60), concurrency: 8, progress: false };
    let report = replay(Path::new(FILE), &api, &staff, &options).await.unwrap();

    println!("{report}");
    assert!(report.differences.is_empty(), "{:#?}", report.differences);
    assert!(report.actual.values().map(|figures| figures.orders).sum::<i64>() > 30);
    server.stop().await.unwrap();
}
