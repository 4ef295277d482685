use crate::db::{Db, DbError, Migration, Tx};
use crate::testing::{self, TestDb};

const TABLES: &[Migration] = &[Migration::new(
    1,
    "things",
    "CREATE TABLE things (name TEXT NOT NULL PRIMARY KEY, quantity BIGINT NOT NULL CHECK (quantity >= 0));",
)];

async fn shop() -> TestDb {
    testing::db("later", TABLES).await
}

fn insert(tx: &mut Tx, name: &str, quantity: i64) {
    tx.query("INSERT INTO things (name, quantity) VALUES ($1, $2)")
        .bind(name.to_owned())
        .bind(quantity)
        .later();
}

/// Takes one away, which must be there.
fn take(tx: &mut Tx, name: &str) {
    tx.query("UPDATE things SET quantity = quantity - 1 WHERE name = $1 AND quantity >= 1")
        .bind(name.to_owned())
        .later_changing_one();
}

async fn names(db: &Db) -> String {
    let rows: Vec<(String, i64)> =
        db.query("SELECT name, quantity FROM things ORDER BY name").all().await.unwrap();
    rows.into_iter().map(|(name, quantity)| name + &quantity.to_string()).collect()
}

#[tokio::test]
async fn what_is_left_for_later_is_durable_with_the_commit() {
    let db = shop().await;
    let before = db.stats().counts();

    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "a", 1);
    tx.query("INSERT INTO things (name, quantity) VALUES {rows}")
        .rows([("b", 2_i64), ("c", 3)], |row, (name, quantity)| row.bind(name).bind(quantity))
        .later();
    insert(&mut tx, "d", 4);
    tx.commit().await.unwrap();

    let after = db.stats().counts();
    assert_eq!((after.statements - before.statements, after.commits - before.commits), (3, 1));
    assert_eq!(names(&db).await, "a1b2c3d4");
}

#[tokio::test]
async fn a_statement_that_is_run_sees_what_was_left_before_it() {
    let db = shop().await;
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "a", 5);
    insert(&mut tx, "b", 5);
    let (first,): (i64,) =
        tx.query("SELECT COUNT(*) FROM things WHERE quantity = $1").bind(5_i64).one().await.unwrap();
    insert(&mut tx, "c", 5);
    let second = tx.query("UPDATE things SET quantity = $1").bind(6_i64).run().await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!((first, second), (2, 3));
    assert_eq!(names(&db).await, "a6b6c6");
}

#[tokio::test]
async fn one_that_has_not_changed_its_row_undoes_all() {
    let db = shop().await;
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "there", 1);
    tx.commit().await.unwrap();

    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "before", 1);
    take(&mut tx, "nothing");
    insert(&mut tx, "after", 1);
    assert!(matches!(tx.commit().await, Err(DbError::Missing)));

    let mut tx = db.begin().await.unwrap();
    take(&mut tx, "nothing");
    let touched = tx.query("UPDATE things SET quantity = 9").run().await;
    assert!(matches!(touched, Err(DbError::Missing)));
    // Who overlooks that has nothing to commit.
    assert!(matches!(tx.commit().await, Err(DbError::Aborted)));

    let mut tx = db.begin().await.unwrap();
    take(&mut tx, "there");
    tx.commit().await.unwrap();
    assert_eq!(names(&db).await, "there0");
}

#[tokio::test]
async fn one_that_is_refused_undoes_all() {
    let db = shop().await;
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "there", 1);
    tx.commit().await.unwrap();

    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "before", 1);
    insert(&mut tx, "there", 1);
    insert(&mut tx, "after", 1);
    assert!(matches!(tx.commit().await, Err(DbError::Unique(_))));

    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "before", 1);
    insert(&mut tx, "negative", -1);
    let touched = tx.query("UPDATE things SET quantity = 9").run().await;
    assert!(matches!(touched, Err(DbError::Refused(_))), "{touched:?}");
    assert!(matches!(tx.commit().await, Err(DbError::Aborted)));

    assert_eq!(names(&db).await, "there1");
}

#[tokio::test]
async fn what_is_dropped_or_rolled_back_was_never_sent() {
    let db = shop().await;
    let before = db.stats().counts().statements;
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "a", 1);
    drop(tx);
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "a", 1);
    tx.rollback().await.unwrap();

    assert_eq!(db.stats().counts().statements, before);
    assert_eq!(names(&db).await, "");
}

/// All take from the same heap at once, and each puts down what it took: the two happen together or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_that_race_for_seven_exactly_seven_win() {
    let db = shop().await;
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "heap", 7);
    tx.commit().await.unwrap();

    let racing = (0..100).map(async |number| {
        let mut tx = db.begin().await?;
        insert(&mut tx, &format!("taken{number:03}/"), 1);
        take(&mut tx, "heap");
        tx.commit().await
    });
    let ended: Vec<Result<(), DbError>> = futures::future::join_all(racing).await;

    let won = ended.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(won, 7);
    assert!(ended.iter().all(|outcome| matches!(outcome, Ok(()) | Err(DbError::Missing))), "{ended:?}");
    let (taken,): (i64,) = db.query("SELECT COUNT(*) FROM things WHERE name <> 'heap'").one().await.unwrap();
    let (left,): (i64,) = db.query("SELECT quantity FROM things WHERE name = 'heap'").one().await.unwrap();
    assert_eq!((taken, left), (7, 0));
}
