use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kernel::{Clock, Moment};
use serde_json::{Value, json};

use super::*;
use crate::db::Json;
use crate::testing::{TestStore, postgres_store, sqlite_store};

const TABLES: &[Migration] = &[Migration::each(
    1,
    "shelves",
    "CREATE TABLE shelves (id UUID NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE);
     CREATE TABLE things (
         shelf UUID NOT NULL REFERENCES shelves (id), place BIGINT NOT NULL, note TEXT, seal BYTEA, open BOOLEAN NOT NULL,
         data JSONB, made_at TIMESTAMPTZ NOT NULL, PRIMARY KEY (shelf, place)
     );
     CREATE TABLE stones (id UUID NOT NULL PRIMARY KEY);
     CREATE TRIGGER stones_stay BEFORE DELETE ON stones BEGIN SELECT RAISE(ABORT, 'no'); END;
     INSERT INTO shelves (id, name) VALUES (X'01900000000070008000000000000001', 'main');",
    "CREATE TABLE shelves (id UUID NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE);
     CREATE TABLE things (
         shelf UUID NOT NULL REFERENCES shelves (id), place BIGINT NOT NULL, note TEXT, seal BYTEA, open BOOLEAN NOT NULL,
         data JSONB, made_at TIMESTAMPTZ NOT NULL, PRIMARY KEY (shelf, place)
     );
     CREATE TABLE stones (id UUID NOT NULL PRIMARY KEY);
     CREATE FUNCTION stay() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
     CREATE TRIGGER stones_stay BEFORE DELETE OR TRUNCATE ON stones FOR EACH STATEMENT EXECUTE FUNCTION stay();
     INSERT INTO shelves (id, name) VALUES ('01900000-0000-7000-8000-000000000001', 'main');",
)];

/// A database with rows of every kind, and an empty one on PostgreSQL.
struct World {
    tasks: Tasks,
    old: TestStore,
    db: Db,
    new: TestStore,
    shelf: Uuid,
}

impl World {
    async fn on(old: TestStore) -> Option<Self> {
        let new = postgres_store("moved").await?;
        let tasks = Tasks::new();
        let db = Db::open("thing", &old, Clock::system(), &tasks).await.unwrap();
        db.migrate(TABLES).await.unwrap();
        let shelf = db.clock().uuid();
        let world = Self { tasks, old, db, new, shelf };
        let mut tx = world.db.begin().await.unwrap();
        tx.query("INSERT INTO shelves (id, name) VALUES ($1, $2)")
            .bind(shelf)
            .bind("Tea „é“ \\ \"quoted\" ☕")
            .run()
            .await
            .unwrap();
        tx.query("INSERT INTO stones (id) VALUES ($1)").bind(shelf).run().await.unwrap();
        tx.commit().await.unwrap();
        for place in 0..1200 {
            put(&world.db, shelf, place).await;
        }
        Some(world)
    }

    fn destination(&self, rehearse: bool) -> Destination {
        let Store::Postgres(to) = &*self.new else { panic!("the new place is on PostgreSQL") };
        Destination { to: (**to).clone(), name: "new".into(), from: "old".into(), rehearse }
    }

    async fn relocate(&self, rehearse: bool) -> Result<Relocated, RelocateError> {
        let (progress, _) = Progress::new();
        relocate(&self.db, TABLES, &self.destination(rehearse), &progress, &self.tasks).await
    }

    async fn opened(&self, store: &TestStore) -> Result<Db, DbError> {
        Db::open("thing", store, Clock::system(), &self.tasks).await
    }
}

/// Writes a row of every kind, and tells of it.
async fn put(db: &Db, shelf: Uuid, place: i64) {
    let data = match place % 4 {
        0 => None,
        1 => Some(Json(Value::Null)),
        2 => Some(Json(
            json!({ "z": [1, -2, 3.5, 9_007_199_254_740_993_i64], "a": { "é": null, "\n": "\"" } }),
        )),
        _ => Some(Json(json!([true, "text"]))),
    };
    let mut tx = db.begin().await.unwrap();
    tx.query(
        "INSERT INTO things (shelf, place, note, seal, open, data, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(shelf)
    .bind(place)
    .bind((place % 3 == 0).then(|| format!("note {place}")))
    .bind((place % 5 == 0).then(|| vec![0_u8, 255, place as u8]))
    .bind(place % 2 == 0)
    .bind(data)
    .bind(Moment::from_micros(1_700_000_000_123_456 + place))
    .run()
    .await
    .unwrap();
    tx.publish(&Put { place }).await.unwrap();
    tx.commit().await.unwrap();
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Put {
    place: i64,
}

impl kernel::event::EventData for Put {
    const TYPE: &'static str = "thing.put";

    fn subject(&self) -> String {
        self.place.to_string()
    }
}

type Thing = (i64, Option<String>, Option<Vec<u8>>, bool, Option<Json<Value>>, Moment);

async fn things(db: &Db) -> Vec<Thing> {
    db.query("SELECT place, note, seal, open, data, made_at FROM things ORDER BY place").all().await.unwrap()
}

/// Who writes meanwhile: adds, changes and takes away, in both orders of a unique value.
async fn write_on(db: Db, shelf: Uuid, stop: Arc<AtomicBool>) -> i64 {
    let mut place = 10_000;
    while !stop.load(Ordering::Acquire) {
        put(&db, shelf, place).await;
        let mut tx = db.begin().await.unwrap();
        tx.query("UPDATE things SET note = $1 WHERE place = $2")
            .bind(format!("changed with {place}"))
            .bind(place % 1000)
            .run()
            .await
            .unwrap();
        tx.query("DELETE FROM things WHERE place = $1").bind(place - 5).run().await.unwrap();
        tx.query("UPDATE shelves SET name = $1 WHERE name = 'main'").bind("other").run().await.unwrap();
        tx.query("UPDATE shelves SET name = 'main' WHERE name = $1").bind("other").run().await.unwrap();
        tx.commit().await.unwrap();
        place += 1;
    }
    place - 10_000
}

async fn moves_while_written(old: TestStore) {
    let Some(world) = World::on(old).await else { return };
    let sequencer = world.tasks.spawn(crate::events::sequence(world.db.clone(), world.tasks.clone()));
    let stop = Arc::new(AtomicBool::new(false));
    let writer = world.tasks.spawn(write_on(world.db.clone(), world.shelf, Arc::clone(&stop)));

    let relocated = world.relocate(false).await.unwrap();
    assert!(!world.db.is_sqlite(), "the process goes on with the new tables");
    let on_new = world.tasks.spawn(crate::events::sequence(world.db.clone(), world.tasks.clone()));
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Release);
    assert!(writer.await.unwrap() > 0, "nobody wrote meanwhile");
    assert!(relocated.followed > 0, "{relocated:?}");
    assert!(relocated.paused < PAUSE, "{:?}", relocated.paused);
    let compared: Vec<_> = relocated.tables.iter().map(|table| table.table.as_str()).collect();
    for table in ["events", "shelves", "stones", "things", "idempotency_keys"] {
        assert!(compared.contains(&table), "{compared:?}");
    }

    // Another process that opens the new database sees what this one wrote, and the old one is no longer opened.
    let again = world.opened(&world.new).await.unwrap();
    assert_eq!(things(&again).await, things(&world.db).await);
    assert_eq!(things(&again).await[..1000].len(), 1000);
    tokio::time::timeout(Duration::from_secs(10), async {
        while again
            .query("SELECT 1::BIGINT FROM events WHERE position IS NULL LIMIT 1")
            .maybe::<(i64,)>()
            .await
            .unwrap()
            .is_some()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    let events = crate::events::read(&again, 0, 100_000).await.unwrap();
    assert!(
        events.iter().zip(1..).all(|(event, position)| event.position == position),
        "positions have gaps"
    );
    let told: Vec<i64> = events.iter().map(|event| event.data["place"].as_i64().unwrap()).collect();
    assert!(told.iter().skip(1200).is_sorted(), "events overtook each other");
    let refused = world.opened(&world.old).await.err().unwrap().to_string();
    assert!(refused.contains("moved from here to new") && refused.contains("[database.thing]"), "{refused}");
    // The new tables have their own rules again.
    let mut tx = again.begin().await.unwrap();
    let deleted = tx.query("DELETE FROM stones").run().await;
    assert!(matches!(deleted, Err(DbError::Refused(_))), "{deleted:?}");
    world.tasks.stop(Duration::from_secs(1)).await;
    sequencer.await.unwrap();
    on_new.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_moves_to_postgresql_while_it_is_written() {
    moves_while_written(sqlite_store("thing")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_postgresql_moves_to_another_while_it_is_written() {
    let Some(old) = postgres_store("thing").await else { return };
    moves_while_written(old).await;
}

#[tokio::test]
async fn who_has_not_heard_of_the_move_is_refused() {
    let stores = [Some(sqlite_store("thing")), postgres_store("thing").await];
    for old in stores.into_iter().flatten() {
        let Some(world) = World::on(old).await else { return };
        let deaf = world.opened(&world.old).await.unwrap();
        world.relocate(false).await.unwrap();
        let mut tx = deaf.begin().await.unwrap();
        let written = tx.query("UPDATE shelves SET name = 'lost' WHERE name = 'main'").run().await;
        assert!(matches!(written, Err(DbError::Refused(_))), "{written:?}");
    }
}

#[tokio::test]
async fn a_rehearsal_leaves_everything_as_it_was() {
    let Some(world) = World::on(sqlite_store("thing")).await else { return };
    let before = things(&world.db).await;
    let rehearsed = world.relocate(true).await.unwrap();
    assert!(
        rehearsed.tables.iter().any(|table| table.table == "things" && table.rows == 1200),
        "{rehearsed:?}"
    );
    assert!(world.db.is_sqlite());
    put(&world.db, world.shelf, 5000).await;
    assert_eq!(things(&world.opened(&world.old).await.unwrap()).await.len(), before.len() + 1);
    let triggers = "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'moving%'";
    assert_eq!(world.db.query(triggers).one::<(i64,)>().await.unwrap(), (0,));
    // Nobody opens what was only rehearsed, and the next move overwrites it.
    let refused = world.opened(&world.new).await.err().unwrap().to_string();
    assert!(refused.contains("have not all arrived"), "{refused}");
    world.relocate(false).await.unwrap();
    assert_eq!(things(&world.db).await.len(), before.len() + 1);
}

#[tokio::test]
async fn a_database_in_use_is_not_overwritten() {
    let Some(world) = World::on(sqlite_store("thing")).await else { return };
    let used = world.opened(&world.new).await.unwrap();
    used.migrate(TABLES).await.unwrap();
    let refused = world.relocate(false).await;
    assert!(matches!(refused, Err(RelocateError::NotEmpty)), "{refused:?}");
    assert!(world.db.is_sqlite());
}

#[tokio::test]
async fn a_move_that_was_cut_off_is_called_off_or_finished() {
    let Some(world) = World::on(sqlite_store("thing")).await else { return };
    // Cut off in the middle: the process is gone, its triggers are there.
    let (progress, _) = Progress::new();
    let destination = world.destination(false);
    let mut source = Source::alone(&world.db).await.unwrap();
    let other = Store::Postgres(Box::new(destination.to.clone()));
    let there = Db::open_unchecked("thing", &other, Clock::system(), &world.tasks).await.unwrap();
    there.migrate(TABLES).await.unwrap();
    let Engine::Postgres { pool, .. } = there.engine() else { panic!("not on PostgreSQL") };
    let mut target = pool.acquire().await.unwrap();
    let mut target = Side::Postgres(&mut target);
    let tables = schema::tables(&mut target).await.unwrap();
    let id = world.db.clock().uuid();
    let at = world.db.clock().now();
    let begun = source
        .transaction(async |side| {
            notes::note(side, &tables).await?;
            mark::write(side, id, mark::LEAVING, "new", at).await
        })
        .await;
    begun.unwrap();
    drop(source);
    world.db.call_off_move().await.unwrap();
    put(&world.db, world.shelf, 6000).await;
    let noted = "SELECT COUNT(*) FROM moving_changes";
    assert_eq!(world.db.query(noted).one::<(i64,)>().await.unwrap(), (0,));

    // Cut off between the two last steps: the old tables refuse, the new ones wait to be told.
    mark::write(&mut target, id, mark::ARRIVING, "old", at).await.unwrap();
    let mut source = Source::alone(&world.db).await.unwrap();
    let left = source
        .transaction(async |side| {
            notes::refuse(side, &tables).await?;
            mark::write(side, id, mark::LEFT, "new", at).await
        })
        .await;
    left.unwrap();
    drop(source);
    assert!(world.opened(&world.old).await.is_err() && world.opened(&world.new).await.is_err());
    let old = Db::open_unchecked("thing", &world.old, Clock::system(), &world.tasks).await.unwrap();
    relocate(&old, TABLES, &destination, &progress, &world.tasks).await.unwrap();
    world.opened(&world.new).await.unwrap();
}
