use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use kernel::Clock;

use super::*;
use crate::db::{Db, DbError, Engine, Migration, Store};
use crate::testing::{self, TestDb};

const TABLES: &[Migration] =
    &[Migration::new(1, "lines", "CREATE TABLE lines (number BIGINT NOT NULL PRIMARY KEY)")];

/// A database on the server the environment names, or nothing to do.
async fn shop() -> Option<TestDb> {
    let store = testing::postgres_store("shop").await?;
    Some(TestDb::open(store, "shop", TABLES, Clock::system()).await)
}

fn options(store: &Store) -> PostgresOptions {
    let Store::Postgres(options) = store else { panic!("not PostgreSQL") };
    PostgresOptions::clone(options)
}

fn pool(db: &Db) -> &PgPool {
    let Engine::Postgres { pool, .. } = &db.0.engine else { panic!("not PostgreSQL") };
    pool
}

async fn written(db: &Db) -> Vec<i64> {
    let rows: Vec<(i64,)> = db.query("SELECT number FROM lines ORDER BY number").all().await.unwrap();
    rows.into_iter().map(|(number,)| number).collect()
}

/// Every connection of the pool answers, and none is in the middle of a transaction.
async fn is_healthy(db: &Db) -> bool {
    let mut held = Vec::new();
    for _ in 0..pool(db).options().get_max_connections() {
        let mut connection = pool(db).acquire().await.unwrap();
        // In a transaction that is still open, this is its beginning and not now.
        let row = connection
            .fetch_one("SELECT now() = statement_timestamp() AS outside, pg_current_xact_id_if_assigned() IS NULL AS clean")
            .await
            .unwrap();
        if !(row.get::<bool, _>("outside") && row.get::<bool, _>("clean")) {
            return false;
        }
        held.push(connection);
    }
    true
}

#[tokio::test]
async fn a_module_cannot_enter_the_database_of_another() {
    let (Some(ours), Some(theirs)) =
        (testing::postgres_store("product").await, testing::postgres_store("order").await)
    else {
        return;
    };
    let mut intruder = options(&ours);
    assert!(open(&intruder).await.is_ok());
    intruder.connect = intruder.connect.database(options(&theirs).connect.get_database().unwrap());
    let refused = open(&intruder).await.unwrap_err();
    assert!(
        std::error::Error::source(&refused).unwrap().to_string().contains("permission denied"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn provisioning_again_and_at_once_is_harmless() {
    let Some(store) = testing::postgres_store("shop").await else { return };
    let name = options(&store).connect.get_database().unwrap().to_owned();
    let admin = testing::postgres_admin().unwrap();
    let others = [format!("{name}_a"), format!("{name}_b")];

    let again = (0..4).map(|_| provision(&admin, &name, &name, "other"));
    let fresh = (0..8).map(|turn| provision(&admin, &others[turn % 2], &name, "it's \\ \" quoted"));
    let done =
        futures::future::join(futures::future::join_all(again), futures::future::join_all(fresh)).await;

    assert!(done.0.into_iter().chain(done.1).all(|result| result.is_ok()));
    let mut server = admin.connect().await.unwrap();
    for other in others {
        server.execute(AssertSqlSafe(format!("DROP DATABASE \"{other}\""))).await.unwrap();
    }
}

#[tokio::test]
async fn a_name_that_would_need_quoting_is_refused() {
    let admin = PgConnectOptions::new();
    for name in ["", "Shop", "1shop", "shop-1", "shop\"; DROP", &"s".repeat(64)] {
        let refused = provision(&admin, name, "role", "secret").await;
        assert!(matches!(refused, Err(DbError::Unsafe(_))), "{name}");
    }
}

#[tokio::test]
async fn a_server_that_can_lose_acknowledged_writes_is_refused() {
    let Some(store) = testing::postgres_store("shop").await else { return };
    let mut strict = options(&store);
    strict.accept_unsafe_settings = false;
    let admin = testing::postgres_admin().unwrap();
    let role = strict.connect.get_username().to_owned();
    let mut server = admin.connect().await.unwrap();
    let set = format!("ALTER ROLE \"{role}\" SET synchronous_commit = off");
    server.execute(AssertSqlSafe(set)).await.unwrap();

    let refused = open(&strict).await.unwrap_err();
    strict.accept_unsafe_settings = true;

    assert!(refused.to_string().contains("synchronous_commit"), "{refused}");
    assert!(open(&strict).await.is_ok());
}

#[tokio::test]
async fn commit_keeps_and_rollback_and_drop_undo() {
    let Some(db) = shop().await else { return };
    let hooks = Arc::new(AtomicUsize::new(0));
    for (number, end) in ["commit", "rollback", "drop"].into_iter().enumerate() {
        let mut tx = db.begin().await.unwrap();
        tx.query("INSERT INTO lines (number) VALUES ($1)").bind(number as i64).run().await.unwrap();
        let hooks = Arc::clone(&hooks);
        tx.after_commit(move || {
            hooks.fetch_add(1, Ordering::SeqCst);
        });
        tx.after_commit(|| panic!("on purpose"));
        match end {
            "commit" => tx.commit().await.unwrap(),
            "rollback" => tx.rollback().await.unwrap(),
            _ => drop(tx),
        }
    }

    assert_eq!(written(&db).await, [0]);
    assert_eq!(hooks.load(Ordering::SeqCst), 1);
    assert!(is_healthy(&db).await);
}

#[tokio::test]
async fn a_transaction_dropped_in_a_statement_leaves_nothing_and_a_healthy_pool() {
    let Some(db) = shop().await else { return };
    for wait in [0, 1, 5, 50] {
        let work = async {
            let mut tx = db.begin().await.unwrap();
            tx.query("INSERT INTO lines (number) VALUES (1)").run().await.unwrap();
            tx.query("SELECT pg_sleep(0.3)").run().await.unwrap();
            tx.commit().await.unwrap();
        };
        assert!(tokio::time::timeout(Duration::from_millis(wait), work).await.is_err());
    }

    assert!(is_healthy(&db).await);
    assert!(written(&db).await.is_empty());
}

#[tokio::test]
async fn a_commit_nobody_waits_for_is_whole_or_absent() {
    let Some(db) = shop().await else { return };
    for number in 0..40 {
        let mut tx = db.begin().await.unwrap();
        tx.query("INSERT INTO lines (number) VALUES ($1)").bind(number).run().await.unwrap();
        let _ = tokio::time::timeout(Duration::from_micros(number as u64 * 20), tx.commit()).await;
    }

    assert!(db.tasks().stop(Duration::from_secs(5)).await);
    // Once begun, a commit goes on to its end.
    assert_eq!(written(&db).await.len(), 40);
    assert!(is_healthy(&db).await);
}

#[tokio::test]
async fn a_transaction_with_a_failed_statement_cannot_be_committed() {
    let Some(db) = shop().await else { return };
    let hooks = Arc::new(AtomicUsize::new(0));
    let mut tx = db.begin().await.unwrap();
    let ran = Arc::clone(&hooks);
    tx.after_commit(move || {
        ran.fetch_add(1, Ordering::SeqCst);
    });
    tx.query("INSERT INTO lines (number) VALUES (1)").run().await.unwrap();
    let taken = tx.query("INSERT INTO lines (number) VALUES (1)").run().await;
    let later = tx.query("INSERT INTO lines (number) VALUES (2)").run().await;

    assert!(matches!(taken, Err(DbError::Unique(_))));
    assert!(matches!(later, Err(DbError::Aborted)));
    assert!(matches!(tx.commit().await, Err(DbError::Aborted)));
    assert_eq!(hooks.load(Ordering::SeqCst), 0);
    assert!(written(&db).await.is_empty());
    assert!(is_healthy(&db).await);
}

#[tokio::test]
async fn a_pool_in_use_is_busy() {
    let Some(store) = testing::postgres_store("shop").await else { return };
    let mut small = options(&store);
    small.pool_size = 1;
    // The one connection is also made within this time, on a server that may have a lot to do.
    small.acquire_timeout = Duration::from_secs(1);
    let db =
        Db::open("shop", &Store::Postgres(Box::new(small)), Clock::system(), &Tasks::new()).await.unwrap();

    let held = db.begin().await.unwrap();
    assert!(matches!(db.begin().await, Err(DbError::Busy)));
    held.rollback().await.unwrap();
    assert!(db.begin().await.is_ok());
}

/// Says hello to the server, and nothing more.
fn greet(options: &PgConnectOptions) -> TcpStream {
    let (user, database) = (options.get_username(), options.get_database().unwrap());
    let words = format!("user\0{user}\0database\0{database}\0\0");
    let mut hello = (8 + words.len() as u32).to_be_bytes().to_vec();
    hello.extend(196_608_u32.to_be_bytes());
    hello.extend(words.as_bytes());
    let mut server = TcpStream::connect((options.get_host(), options.get_port())).unwrap();
    server.write_all(&hello).unwrap();
    server.read_exact(&mut [0]).unwrap();
    server
}

#[tokio::test]
async fn a_test_that_is_making_a_connection_ends_all_the_same() {
    let Some(store) = testing::postgres_store("shop").await else { return };
    let greeted = greet(&options(&store).connect);

    let began = Instant::now();
    drop(store);
    drop(greeted);

    // The server would give the connection up after a minute.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}
