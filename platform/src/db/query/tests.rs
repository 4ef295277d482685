use std::time::Duration;

use kernel::{Currency, Entity, Id, Moment};
use serde_json::{Value, json};
use sqlx::FromRow;

use crate::db::{Db, DbError, Json, Migration};
use crate::testing::{self, TestDb};

const TABLES: &[Migration] = &[Migration::new(
    1,
    "things",
    "CREATE TABLE things (
         id       UUID        NOT NULL PRIMARY KEY,
         name     TEXT        NOT NULL UNIQUE,
         quantity BIGINT      NOT NULL CHECK (quantity >= 0),
         shown    BOOLEAN     NOT NULL,
         currency TEXT        NOT NULL,
         facts    JSONB       NOT NULL,
         picture  BYTEA       NOT NULL,
         made_at  TIMESTAMPTZ NOT NULL,
         sold_at  TIMESTAMPTZ
     );
     CREATE TABLE parts (thing_id UUID NOT NULL REFERENCES things (id), name TEXT NOT NULL);",
)];

#[derive(Debug)]
struct Sort;

impl Entity for Sort {
    const PREFIX: &'static str = "thing";
}

#[derive(Debug, Clone, PartialEq, FromRow)]
struct Thing {
    id: Id<Sort>,
    name: String,
    quantity: i64,
    shown: bool,
    currency: Currency,
    facts: Json<Value>,
    picture: Vec<u8>,
    made_at: Moment,
    sold_at: Option<Moment>,
}

const ALL: &str = "SELECT id, name, quantity, shown, currency, facts, picture, made_at, sold_at
     FROM things
     ORDER BY id";

fn moment(text: &str) -> Moment {
    text.parse().unwrap()
}

fn thing(db: &Db, name: &str) -> Thing {
    Thing {
        id: db.clock().id(),
        name: name.to_owned(),
        quantity: 3,
        shown: true,
        currency: "EUR".parse().unwrap(),
        facts: Json(json!({ "colour": "red", "sizes": [1, 2] })),
        picture: vec![0, 255, 7],
        made_at: moment("2026-01-31T09:30:00.123456Z"),
        sold_at: None,
    }
}

async fn insert(db: &Db, things: &[Thing]) -> Result<u64, DbError> {
    let mut tx = db.begin().await?;
    let inserted = tx
        .query(
            "INSERT INTO things (id, name, quantity, shown, currency, facts, picture, made_at, sold_at)
             VALUES {rows}",
        )
        .rows(things.to_vec(), |query, thing| {
            query
                .bind(thing.id)
                .bind(thing.name)
                .bind(thing.quantity)
                .bind(thing.shown)
                .bind(thing.currency)
                .bind(thing.facts)
                .bind(thing.picture)
                .bind(thing.made_at)
                .bind(thing.sold_at)
        })
        .run()
        .await?;
    tx.commit().await?;
    Ok(inserted)
}

async fn shop() -> TestDb {
    testing::db("shop", TABLES).await
}

#[tokio::test]
async fn every_kind_of_value_comes_back_as_it_went() {
    let db = shop().await;
    let plain = thing(&db, "plain");
    let mut sold = thing(&db, "sold");
    sold.sold_at = Some(moment("1969-12-31T23:59:59.000001Z"));
    sold.shown = false;
    sold.quantity = i64::MAX;
    sold.picture = Vec::new();
    let things = [plain, sold];

    assert_eq!(insert(&db, &things).await.unwrap(), 2);

    let read: Vec<Thing> = db.query(ALL).all().await.unwrap();
    assert_eq!(read, things);
}

#[tokio::test]
async fn moments_sort_and_compare_in_the_database_as_they_do_here() {
    let db = shop().await;
    // Without a fixed number of decimals these would not sort as texts.
    let moments = [
        "1969-07-20T20:17:40Z",
        "2026-01-31T09:30:00Z",
        "2026-01-31T09:30:00.1Z",
        "2026-01-31T09:30:00.100001Z",
    ]
    .map(moment);
    let things: Vec<Thing> = moments
        .iter()
        .rev()
        .map(|made_at| Thing { made_at: *made_at, ..thing(&db, &made_at.to_string()) })
        .collect();
    insert(&db, &things).await.unwrap();

    let sorted: Vec<(Moment,)> = db.query("SELECT made_at FROM things ORDER BY made_at").all().await.unwrap();
    let (earlier,): (i64,) =
        db.query("SELECT COUNT(*) FROM things WHERE made_at < $1").bind(moments[2]).one().await.unwrap();
    let (latest,): (Moment,) = db.query("SELECT MAX(made_at) FROM things").one().await.unwrap();

    assert_eq!(sorted.into_iter().map(|(made_at,)| made_at).collect::<Vec<_>>(), moments);
    assert_eq!(earlier, 2);
    assert_eq!(latest, moments[3]);
}

#[tokio::test]
async fn ids_sort_in_the_database_in_the_order_they_were_made() {
    let db = shop().await;
    let things: Vec<Thing> = (0..50).map(|number| thing(&db, &number.to_string())).collect();
    let mut shuffled = things.clone();
    shuffled.reverse();
    insert(&db, &shuffled).await.unwrap();

    let page: Vec<(Id<Sort>,)> = db
        .query("SELECT id FROM things WHERE id > $1 ORDER BY id LIMIT 3")
        .bind(things[9].id)
        .all()
        .await
        .unwrap();

    assert_eq!(page, [(things[10].id,), (things[11].id,), (things[12].id,)]);
}

#[tokio::test]
async fn a_list_becomes_as_many_placeholders_and_an_empty_one_matches_nothing() {
    let db = shop().await;
    let things = ["a", "b", "c"].map(|name| thing(&db, name));
    insert(&db, &things).await.unwrap();
    let named = async |quantity: i64, ids: Vec<Id<Sort>>| {
        let rows: Vec<(String,)> = db
            .query("SELECT name FROM things WHERE quantity = $1 AND id IN {list} ORDER BY name")
            .bind(quantity)
            .list(ids)
            .all()
            .await
            .unwrap();
        rows.into_iter().map(|(name,)| name).collect::<String>()
    };

    assert_eq!(named(3, vec![things[0].id, things[2].id]).await, "ac");
    assert_eq!(named(4, vec![things[0].id]).await, "");
    assert_eq!(named(3, Vec::new()).await, "");
}

#[tokio::test]
async fn rows_and_a_list_share_one_text_and_braces_of_its_own_stay() {
    let db = shop().await;
    let things = ["a", "b"].map(|name| thing(&db, name));
    insert(&db, &things).await.unwrap();

    let rows: Vec<(String, String)> = db
        .query(
            "WITH wanted (name) AS (VALUES {rows})
             SELECT name, '{}'
             FROM things
             WHERE name IN (SELECT name FROM wanted) AND id IN {list}",
        )
        .rows(["a", "b"], |query, name| query.bind(name.to_owned()))
        .list([things[1].id])
        .all()
        .await
        .unwrap();

    assert_eq!(rows, [("b".to_owned(), "{}".to_owned())]);
}

#[tokio::test]
async fn the_columns_of_a_row_are_named_once_for_all_its_statements() {
    const PART: &str = "name, quantity";
    let db = shop().await;
    let things = ["a", "b"].map(|name| thing(&db, name));
    insert(&db, &things).await.unwrap();

    let read: Vec<(String, i64)> = db
        .query("SELECT {columns} FROM things WHERE id IN {list}")
        .columns(PART)
        .list([things[1].id])
        .all()
        .await
        .unwrap();
    let mut tx = db.begin().await.unwrap();
    let changed: Option<(String, i64)> = tx
        .query("UPDATE things SET quantity = 9 WHERE name = $1 RETURNING {columns}")
        .columns(PART)
        .bind("a".to_owned())
        .maybe()
        .await
        .unwrap();
    tx.rollback().await.unwrap();

    assert_eq!((read, changed), (vec![("b".to_owned(), 3)], Some(("a".to_owned(), 9))));
}

#[tokio::test]
async fn a_statement_without_rows_is_not_sent() {
    let db = shop().await;
    let before = db.stats().counts().statements;
    assert_eq!(insert(&db, &[]).await.unwrap(), 0);
    assert_eq!(db.stats().counts().statements, before);
}

#[tokio::test]
async fn a_wide_statement_works_although_it_is_not_cached() {
    let db = shop().await;
    let things: Vec<Thing> = (0..200).map(|number| thing(&db, &number.to_string())).collect();
    assert_eq!(insert(&db, &things).await.unwrap(), 200);
}

#[tokio::test]
async fn a_changing_statement_that_returns_rows_changes_all_of_them() {
    let db = shop().await;
    insert(&db, &["a", "b", "c"].map(|name| thing(&db, name))).await.unwrap();

    let mut tx = db.begin().await.unwrap();
    let update = "UPDATE things SET quantity = quantity - 1 WHERE quantity > $1 RETURNING quantity";
    let first: Option<(i64,)> = tx.query(update).bind(0_i64).maybe().await.unwrap();
    tx.commit().await.unwrap();

    let (sum,): (i64,) = db.query("SELECT CAST(SUM(quantity) AS BIGINT) FROM things").one().await.unwrap();
    assert_eq!((first, sum), (Some((2,)), 6));
}

#[tokio::test]
async fn each_refusal_has_its_own_name() {
    let db = shop().await;
    let there = thing(&db, "there");
    insert(&db, std::slice::from_ref(&there)).await.unwrap();

    let same_name = insert(&db, &[thing(&db, "there")]).await;
    let same_id = insert(&db, &[Thing { id: there.id, ..thing(&db, "else") }]).await;
    let negative = insert(&db, &[Thing { quantity: -1, ..thing(&db, "negative") }]).await;
    let mut tx = db.begin().await.unwrap();
    let orphan = tx
        .query("INSERT INTO parts (thing_id, name) VALUES ($1, 'wheel')")
        .bind(db.clock().id::<Sort>())
        .run()
        .await;
    drop(tx);
    let mut tx = db.begin().await.unwrap();
    let nameless = tx
        .query("INSERT INTO parts (thing_id, name) VALUES ($1, $2)")
        .bind(there.id)
        .bind(None::<String>)
        .run()
        .await;
    drop(tx);

    assert!(matches!(same_name, Err(DbError::Unique(_))), "{same_name:?}");
    assert!(matches!(same_id, Err(DbError::Unique(_))), "{same_id:?}");
    assert!(matches!(negative, Err(DbError::Refused(_))), "{negative:?}");
    assert!(matches!(orphan, Err(DbError::Refused(_))), "{orphan:?}");
    assert!(matches!(nameless, Err(DbError::Refused(_))), "{nameless:?}");
    assert!(matches!(db.query("SELECT nothing").run().await, Err(DbError::Other(_))));
}

#[tokio::test]
async fn a_row_that_must_be_there_is_missed() {
    let db = shop().await;
    assert!(matches!(db.query(ALL).one::<Thing>().await, Err(DbError::Missing)));
    assert!(matches!(db.query(ALL).maybe::<Thing>().await, Ok(None)));
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_leaves_a_transaction_to_be_undone() {
    let db = shop().await;
    insert(&db, &[thing(&db, "there")]).await.unwrap();

    let mut tx = db.begin().await.unwrap();
    let unread =
        tx.query("UPDATE things SET currency = 'nonsense' RETURNING currency").all::<(Currency,)>().await;
    assert!(matches!(unread, Err(DbError::Other(_))));
    assert!(matches!(tx.commit().await, Err(DbError::Aborted)));

    insert(&db, &[thing(&db, "later")]).await.unwrap();
    assert_eq!(db.query(ALL).all::<Thing>().await.unwrap().len(), 2);
}

#[tokio::test]
async fn two_transactions_in_each_others_way_end_as_busy_or_conflict() {
    let db = shop().await;
    let things = ["a", "b"].map(|name| thing(&db, name));
    insert(&db, &things).await.unwrap();
    let touch = async |first: Id<Sort>, second: Id<Sort>| {
        let mut tx = db.begin().await?;
        tx.query("UPDATE things SET quantity = 1 WHERE id = $1").bind(first).run().await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        tx.query("UPDATE things SET quantity = 2 WHERE id = $1").bind(second).run().await?;
        tx.commit().await
    };

    let (one, other) = tokio::join!(touch(things[0].id, things[1].id), touch(things[1].id, things[0].id));

    // One writer never deadlocks; row locks do, and then one of the two is told to repeat.
    let failed: Vec<DbError> = [one, other].into_iter().filter_map(Result::err).collect();
    assert_eq!(failed.len(), usize::from(!db.is_sqlite()));
    assert!(failed.iter().all(|error| matches!(error, DbError::Conflict(_)) && error.is_worth_repeating()));
}

#[tokio::test]
async fn a_statement_on_its_own_cannot_write_to_a_file() {
    let db = shop().await;
    if db.is_sqlite() {
        assert!(db.query("DELETE FROM things").run().await.is_err());
    }
}
