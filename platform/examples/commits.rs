//! How many durable transactions a second one SQLite file takes, with group commit and without.
//!
//! `cargo run --release -p platform --example commits [folder]`

#![expect(clippy::print_stdout, reason = "the figures are the point")]

use std::error::Error;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use kernel::Clock;
use platform::db::{Counts, Migration, SqliteOptions, Store};
use platform::{Db, DbError, Tasks};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tokio::sync::Mutex;

const TABLES: &str = "CREATE TABLE lines (number BIGINT NOT NULL PRIMARY KEY, note TEXT NOT NULL);
                      CREATE TABLE totals (id BIGINT NOT NULL PRIMARY KEY, amount BIGINT NOT NULL);
                      INSERT INTO totals (id, amount) VALUES (0, 0), (1, 0), (2, 0), (3, 0);";
const INSERT: &str = "INSERT INTO lines (number, note) VALUES ($1, 'a line of an order')";
const UPDATE: &str = "UPDATE totals SET amount = amount + 1 WHERE id = $1";
const SELECT: &str = "SELECT amount FROM totals WHERE id = $1";
const MEASURE_FOR: Duration = Duration::from_secs(3);

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let parent = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(parent)?;
    println!(
        "{:>8} {:>14} {:>14} {:>12} {:>8}",
        "writers", "group commit/s", "one by one/s", "per commit", "ratio"
    );
    for writers in [1, 16, 64, 128] {
        let (together, counts) = group(&folder.path().join(format!("group{writers}.db")), writers).await?;
        let alone = one_by_one(&folder.path().join(format!("alone{writers}.db")), writers).await?;
        let shared = counts.commits as f64 / counts.batches as f64;
        println!("{writers:>8} {together:>14.0} {alone:>14.0} {shared:>12.1} {:>8.2}", together / alone);
    }
    Ok(())
}

async fn group(file: &Path, writers: usize) -> Result<(f64, Counts), Box<dyn Error>> {
    let tasks = Tasks::new();
    let db = Db::open("shop", &Store::Sqlite(SqliteOptions::new(file)), Clock::system(), &tasks).await?;
    db.migrate(&[Migration::new(1, "tables", TABLES)]).await?;
    let ours = db.clone();
    let rate = measure(&tasks, writers, move |number| transaction(ours.clone(), number)).await?;
    let counts = db.stats().counts();
    db.close().await;
    Ok((rate, counts))
}

async fn transaction(db: Db, number: i64) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    let _: (i64,) = tx.query(SELECT).bind(number % 4).one().await?;
    tx.query(INSERT).bind(number).run().await?;
    tx.query(UPDATE).bind(number % 4).run().await?;
    tx.query(UPDATE).bind((number + 1) % 4).run().await?;
    tx.commit().await
}

async fn one_by_one(file: &Path, writers: usize) -> Result<f64, Box<dyn Error>> {
    let mut connection = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("wal_autocheckpoint", "4000")
        .disable_statement_logging()
        .connect()
        .await?;
    connection.execute(TABLES).await?;
    let shared = Arc::new(Mutex::new(connection));
    measure(&Tasks::new(), writers, move |number| {
        let shared = Arc::clone(&shared);
        async move { bare_transaction(&mut *shared.lock().await, number).await.map_err(DbError::from) }
    })
    .await
}

#[expect(clippy::disallowed_methods, reason = "this is what group commit is compared with")]
async fn bare_transaction(connection: &mut SqliteConnection, number: i64) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let _: (i64,) = sqlx::query_as(SELECT).bind(number % 4).fetch_one(&mut *tx).await?;
    sqlx::query(INSERT).bind(number).execute(&mut *tx).await?;
    sqlx::query(UPDATE).bind(number % 4).execute(&mut *tx).await?;
    sqlx::query(UPDATE).bind((number + 1) % 4).execute(&mut *tx).await?;
    tx.commit().await
}

/// Transactions a second of so many writers, each starting its next when the last is durable.
async fn measure<W, F>(tasks: &Tasks, writers: usize, work: W) -> Result<f64, Box<dyn Error>>
where
    W: Fn(i64) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), DbError>> + Send,
{
    let numbers = Arc::new(AtomicI64::new(0));
    let begun = Instant::now();
    let running: Vec<_> = (0..writers)
        .map(|_| {
            let (numbers, work) = (Arc::clone(&numbers), work.clone());
            tasks.spawn(async move {
                let mut done = 0_u32;
                while begun.elapsed() < MEASURE_FOR {
                    work(numbers.fetch_add(1, Ordering::Relaxed)).await?;
                    done += 1;
                }
                Ok::<_, DbError>(done)
            })
        })
        .collect();
    let mut done = 0;
    for writer in running {
        done += writer.await??;
    }
    Ok(f64::from(done) / begun.elapsed().as_secs_f64())
}
