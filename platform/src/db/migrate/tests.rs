use kernel::Clock;
use sqlx::migrate::MigrateError;

use super::{Migration, PLATFORM};
use crate::db::DbError;
use crate::{Tasks, testing};

const FIRST: Migration = Migration::new(1, "things", "CREATE TABLE things (id BIGINT NOT NULL PRIMARY KEY)");
const SECOND: Migration = Migration::new(2, "one_thing", "INSERT INTO things (id) VALUES (1)");

#[tokio::test]
async fn a_migration_is_applied_once_and_counted_until_then() {
    let store = testing::store("shop").await;
    let db = store.open("shop", Clock::system()).await;
    assert_eq!(db.pending_migrations(&[FIRST, SECOND]).await.unwrap(), PLATFORM.len() + 2);

    db.migrate(&[FIRST]).await.unwrap();
    assert_eq!(db.pending_migrations(&[FIRST, SECOND]).await.unwrap(), 1);
    db.migrate(&[FIRST, SECOND]).await.unwrap();
    db.migrate(&[FIRST, SECOND]).await.unwrap();

    assert_eq!(db.pending_migrations(&[FIRST, SECOND]).await.unwrap(), 0);
    assert_eq!(db.query("SELECT id FROM things").all::<(i64,)>().await.unwrap(), [(1,)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_may_migrate_at_once() {
    for _ in 0..5 {
        let store = testing::store("shop").await;
        let one = store.open("shop", Clock::system()).await;
        let other = store.open("shop", Clock::system()).await;
        let tasks = Tasks::new();
        let both =
            [one.clone(), other].map(|db| tasks.spawn(async move { db.migrate(&[FIRST, SECOND]).await }));
        for migrated in both {
            migrated.await.unwrap().unwrap();
        }
        assert_eq!(one.query("SELECT id FROM things").all::<(i64,)>().await.unwrap(), [(1,)]);
    }
}

#[tokio::test]
async fn a_migration_that_was_edited_is_refused() {
    let db = testing::db("shop", &[FIRST, SECOND]).await;
    let edited = Migration::new(2, "one_thing", "INSERT INTO things (id) VALUES (2)");

    let refused = db.migrate(&[FIRST, edited]).await;
    assert!(matches!(refused, Err(DbError::Migrate(MigrateError::VersionMismatch(2)))), "{refused:?}");

    // A refusal must not leave a lock behind.
    db.migrate(&[FIRST, SECOND]).await.unwrap();
}

#[tokio::test]
async fn a_database_of_a_later_release_is_refused() {
    let db = testing::db("shop", &[FIRST, SECOND]).await;
    let refused = db.migrate(&[FIRST]).await;
    assert!(matches!(refused, Err(DbError::Migrate(MigrateError::VersionMissing(2)))), "{refused:?}");
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_behind_and_can_be_mended() {
    let db = testing::db("shop", &[FIRST]).await;
    let broken =
        Migration::new(2, "two", "INSERT INTO things (id) VALUES (5); INSERT INTO nowhere (id) VALUES (5)");
    assert!(db.migrate(&[FIRST, broken]).await.is_err());
    assert_eq!(db.query("SELECT id FROM things").all::<(i64,)>().await.unwrap(), []);

    db.migrate(&[FIRST, SECOND]).await.unwrap();

    let mut tx = db.begin().await.unwrap();
    tx.query("INSERT INTO things (id) VALUES (9)").run().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(db.query("SELECT id FROM things ORDER BY id").all::<(i64,)>().await.unwrap(), [(1,), (9,)]);
}
