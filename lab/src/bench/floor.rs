//! The floor: what the machine, the HTTP server and the database can do with the least of work.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use hdrhistogram::Histogram;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Executor as _, SqlitePool};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

use super::load::{Rate, everybody};
use crate::Failure;
use crate::server;

/// A bare actix-web route in a process of its own.
pub(super) struct Http {
    child: Child,
    pub(super) address: String,
}

impl Http {
    /// Starts it, answering so many bytes.
    pub(super) async fn start(size: usize) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("floor")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(stdin) = &mut child.stdin {
            stdin.write_all(format!("{size}\n").as_bytes()).await?;
        }
        let stdout = child.stdout.take().ok_or("the floor has no standard output")?;
        let address = BufReader::new(stdout).lines().next_line().await?.ok_or("the floor said nothing")?;
        Ok(Self { child, address })
    }

    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        self.child.kill().await?;
        Ok(())
    }
}

/// Serves the bare route: reads the size of the answer from standard input, prints the address.
///
/// # Errors
/// The socket cannot be listened on.
pub async fn serve() -> Result<(), Failure> {
    let mut size = String::new();
    std::io::stdin().read_line(&mut size)?;
    let body = web::Bytes::from(vec![b'x'; size.trim().parse()?]);
    let server = HttpServer::new(move || {
        let body = body.clone();
        App::new().route(
            "/",
            web::get().to(move || {
                let body = body.clone();
                async move { HttpResponse::Ok().content_type("application/json").body(body) }
            }),
        )
    })
    .workers(std::thread::available_parallelism()?.get())
    .bind("127.0.0.1:0")?;
    let address = server.addrs().first().copied().ok_or("no address")?;
    std::io::Write::write_all(&mut std::io::stdout(), format!("{address}\n").as_bytes())?;
    Ok(server.run().await?)
}

/// The least a purchase has to write, durably, in one transaction through bare sqlx: an order with a line, the stock,
/// a payment, two entries and an event.
pub(super) enum Transaction {
    Sqlite(SqlitePool, #[expect(dead_code, reason = "the folder lives as long as the pool")] TempDir),
    Postgres(PgPool),
}

const TABLES: &str = "
    CREATE TABLE orders (id UUID NOT NULL PRIMARY KEY, total BIGINT NOT NULL, email TEXT NOT NULL);
    CREATE TABLE lines (id UUID NOT NULL PRIMARY KEY, order_id UUID NOT NULL, quantity BIGINT NOT NULL);
    CREATE TABLE stock (id BIGINT NOT NULL PRIMARY KEY, on_hand BIGINT NOT NULL CHECK (on_hand >= 0));
    CREATE TABLE payments (id UUID NOT NULL PRIMARY KEY, order_id UUID NOT NULL, amount BIGINT NOT NULL);
    CREATE TABLE entries (id UUID NOT NULL PRIMARY KEY, account TEXT NOT NULL, amount BIGINT NOT NULL);
    CREATE TABLE events (id UUID NOT NULL PRIMARY KEY, data TEXT NOT NULL);
    INSERT INTO stock (id, on_hand) VALUES (1, 100000000);
";

macro_rules! purchase {
    ($tx:expr) => {{
        let id = || sqlx::types::Uuid::from_u128(rand::random());
        let order = id();
        sqlx::query("INSERT INTO orders (id, total, email) VALUES ($1, $2, $3)")
            .bind(order)
            .bind(1999_i64)
            .bind("bench@example.com")
            .execute(&mut *$tx)
            .await?;
        sqlx::query("INSERT INTO lines (id, order_id, quantity) VALUES ($1, $2, 1)")
            .bind(id())
            .bind(order)
            .execute(&mut *$tx)
            .await?;
        sqlx::query("UPDATE stock SET on_hand = on_hand - 1 WHERE id = 1 AND on_hand >= 1")
            .execute(&mut *$tx)
            .await?;
        sqlx::query("INSERT INTO payments (id, order_id, amount) VALUES ($1, $2, $3)")
            .bind(id())
            .bind(order)
            .bind(1999_i64)
            .execute(&mut *$tx)
            .await?;
        sqlx::query("INSERT INTO entries (id, account, amount) VALUES ($1, 'debit', $3), ($2, 'credit', $3)")
            .bind(id())
            .bind(id())
            .bind(1999_i64)
            .execute(&mut *$tx)
            .await?;
        sqlx::query("INSERT INTO events (id, data) VALUES ($1, $2)")
            .bind(id())
            .bind("{\"type\":\"order.placed\"}")
            .execute(&mut *$tx)
            .await?;
        $tx.commit().await?;
    }};
}

impl Transaction {
    pub(super) async fn prepare(store: &str) -> Result<Self, Failure> {
        if store == "postgres" {
            let url = server::postgres("floor")?;
            let (base, name) = url.rsplit_once('/').ok_or("the url names no database")?;
            let admin = PgPool::connect(&format!("{base}/postgres")).await?;
            admin.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
            let pool = PgPoolOptions::new()
                .max_connections(8)
                .acquire_timeout(Duration::from_mins(1))
                .connect(&url)
                .await?;
            pool.execute(sqlx::raw_sql(TABLES)).await?;
            return Ok(Self::Postgres(pool));
        }
        let folder = tempfile::tempdir()?;
        let pool = sqlite(folder.path()).await?;
        pool.execute(sqlx::raw_sql(TABLES)).await?;
        Ok(Self::Sqlite(pool, folder))
    }

    /// So many clients, each writing purchases one after another.
    pub(super) async fn run(&self, clients: usize, duration: Duration) -> Result<Rate, Failure> {
        match self {
            Self::Sqlite(pool, _) => {
                everybody(clients, duration, |until| on_sqlite(pool.clone(), until)).await
            }
            Self::Postgres(pool) => {
                everybody(clients, duration, |until| on_postgres(pool.clone(), until)).await
            }
        }
    }
}

async fn sqlite(folder: &Path) -> Result<SqlitePool, Failure> {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("floor.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_mins(1));
    // One connection: SQLite has one writer, and waiting in the pool costs less than waiting for its lock.
    Ok(SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_mins(1))
        .connect_with(options)
        .await?)
}

async fn on_sqlite(pool: SqlitePool, until: Instant) -> Result<(Histogram<u64>, u64), Failure> {
    let mut times = crate::histogram();
    while Instant::now() < until {
        let began = Instant::now();
        let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
        purchase!(tx);
        times.saturating_record(began.elapsed().as_micros() as u64);
    }
    Ok((times, 0))
}

async fn on_postgres(pool: PgPool, until: Instant) -> Result<(Histogram<u64>, u64), Failure> {
    let mut times = crate::histogram();
    while Instant::now() < until {
        let began = Instant::now();
        let mut tx = pool.begin().await?;
        purchase!(tx);
        times.saturating_record(began.elapsed().as_micros() as u64);
    }
    Ok((times, 0))
}
