//! Several replicas of a listener: every event has its effect once, in order, also when some of them are at fault.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kernel::event::EventData;
use kernel::{Clock, Event};
use serde::{Deserialize, Serialize};

use super::{Hears, Listener, ListenerError, Logs, ParkedEvent, listen, parked, replay, sequence};
use crate::Tasks;
use crate::db::{Db, Migration, Tx};
use crate::testing::{self, TestDb};

const PATIENCE: Duration = Duration::from_mins(1);
const NOTES: &[Migration] =
    &[Migration::new(1, "notes", "CREATE TABLE notes (place BIGINT NOT NULL, number BIGINT NOT NULL)")];

#[derive(Debug, Serialize, Deserialize)]
struct Counted {
    number: i64,
}

impl EventData for Counted {
    const TYPE: &'static str = "thing.counted";

    fn subject(&self) -> String {
        self.number.to_string()
    }
}

async fn note(tx: &mut Tx, event: &Event) -> Result<i64, ListenerError> {
    let number = event.read::<Counted>()?.map_or(0, |counted| counted.number);
    tx.query("INSERT INTO notes (place, number) SELECT COUNT(*) + 1, CAST($1 AS BIGINT) FROM notes")
        .bind(number)
        .run()
        .await?;
    Ok(number)
}

async fn notes(db: &Db) -> Vec<i64> {
    let noted: Vec<(i64,)> = db.query("SELECT number FROM notes ORDER BY place").all().await.unwrap();
    noted.into_iter().map(|(number,)| number).collect()
}

/// Says these numbers together.
async fn say(db: &Db, numbers: impl Iterator<Item = i64>) {
    let counted: Vec<Counted> = numbers.map(|number| Counted { number }).collect();
    let mut tx = db.begin().await.unwrap();
    tx.publish_all(&counted).await.unwrap();
    tx.commit().await.unwrap();
}

/// Two replicas of a listener, and what they hear and write.
async fn replicas(listeners: [Arc<dyn Listener>; 2]) -> (TestDb, TestDb, Tasks) {
    let (said, heard) = (testing::db("order", &[]).await, testing::db("product", NOTES).await);
    let tasks = Tasks::new();
    drop(tasks.spawn(sequence((*said).clone(), tasks.clone())));
    for listener in listeners {
        // On SQLite a file has one process, and the replicas only share it.
        let db = if heard.is_sqlite() {
            (*heard).clone()
        } else {
            heard.store().open("product", Clock::system()).await
        };
        let logs = Arc::new(Logs::new([(*said).clone()], &tasks));
        drop(tasks.spawn(listen(listener, db, logs, 100, tasks.clone())));
    }
    (said, heard, tasks)
}

/// Cannot take every tenth number.
struct Picky;

#[kernel::macros::async_trait]
impl Listener for Picky {
    fn hears(&self) -> Hears {
        Hears { name: "picky", source: "order", types: &[Counted::TYPE] }
    }

    async fn apply(&self, tx: &mut Tx, event: &Event) -> Result<(), ListenerError> {
        if note(tx, event).await? % 10 == 0 {
            return Err(ListenerError::Refused("a tenth number".to_owned()));
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_apply_one_by_one_do_not_undo_each_others_place() {
    let (said, heard, tasks) = replicas([Arc::new(Picky), Arc::new(Picky)]).await;
    let all: Vec<i64> = (1..=400).filter(|number| number % 10 != 0).collect();

    for first in (1..=400).step_by(20) {
        say(&said, first..first + 20).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let give_up = Instant::now() + PATIENCE;
    loop {
        let noted = notes(&heard).await;
        assert!(noted.len() <= all.len(), "{} events had {} effects", all.len(), noted.len());
        if noted.len() == all.len() {
            assert_eq!(noted, all);
            break;
        }
        assert!(Instant::now() < give_up, "{noted:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let aside = parked(&heard).await.unwrap();
    assert_eq!(aside.len(), 40, "each that cannot be applied is set aside once");
    assert!(tasks.stop(Duration::from_secs(5)).await);
}

/// Sets every tenth number aside, and takes it the next time if it is well.
struct Moody {
    is_well: bool,
}

#[kernel::macros::async_trait]
impl Listener for Moody {
    fn hears(&self) -> Hears {
        Hears { name: "moody", source: "order", types: &[Counted::TYPE] }
    }

    async fn apply(&self, tx: &mut Tx, event: &Event) -> Result<(), ListenerError> {
        note(tx, event).await?;
        if self.is_well {
            return Ok(());
        }
        // Long enough for the other replica to come for the same event.
        tokio::time::sleep(Duration::from_millis(100)).await;
        Err(ListenerError::Refused("not now".to_owned()))
    }

    async fn apply_all(&self, tx: &mut Tx, events: &[&Event]) -> Result<(), ListenerError> {
        for event in events {
            if note(tx, event).await? % 10 == 0 {
                return Err(ListenerError::Refused("a tenth number".to_owned()));
            }
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_replica_cannot_apply_and_another_can_is_applied_once() {
    let (said, heard, tasks) =
        replicas([Arc::new(Moody { is_well: false }), Arc::new(Moody { is_well: true })]).await;
    let give_up = Instant::now() + PATIENCE;
    let mut last = 0;
    // Something has to happen for what was set aside to be looked at.
    while last < 120 || !parked(&heard).await.unwrap().is_empty() {
        assert!(Instant::now() < give_up, "{:?}", parked(&heard).await);
        last += 1;
        say(&said, std::iter::once(if last <= 120 { last } else { 1 })).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let tenths: Vec<i64> = notes(&heard).await.into_iter().filter(|number| number % 10 == 0).collect();
    assert_eq!(tenths.len(), 12, "{tenths:?}");
    assert!(tasks.stop(Duration::from_secs(5)).await);
}

/// Cannot take the seventh number until somebody has mended it.
#[derive(Default)]
struct Broken {
    is_mended: AtomicBool,
    refused: AtomicU64,
}

#[kernel::macros::async_trait]
impl Listener for Broken {
    fn hears(&self) -> Hears {
        Hears { name: "broken", source: "order", types: &[Counted::TYPE] }
    }

    async fn apply(&self, tx: &mut Tx, event: &Event) -> Result<(), ListenerError> {
        if note(tx, event).await? == 7 && !self.is_mended.load(Ordering::Acquire) {
            self.refused.fetch_add(1, Ordering::AcqRel);
            return Err(ListenerError::Refused("a seventh number".to_owned()));
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_applied_holds_up_nobody_else_and_waits_for_an_operator() {
    let broken = Arc::new(Broken::default());
    let (said, heard, tasks) = replicas([broken.clone(), broken.clone()]).await;
    let until = async |done: &dyn Fn(&[i64], &[ParkedEvent]) -> bool| {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let (noted, aside) = (notes(&heard).await, parked(&heard).await.unwrap());
            if done(&noted, &aside) {
                return (noted, aside);
            }
            assert!(Instant::now() < give_up, "{noted:?} {aside:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };

    // The second seven is of the subject of the first.
    say(&said, [6, 7, 8, 7, 9].into_iter()).await;
    let (noted, aside) = until(&|noted, aside| noted.len() == 3 && aside.len() == 2).await;
    assert_eq!(noted, [6, 8, 9]);
    assert!(aside.iter().all(|event| event.subject == "7"));

    // As if it had been tried seven times already, which takes most of a minute.
    let mut tx = heard.begin().await.unwrap();
    tx.query("UPDATE parked_events SET attempts = 7 WHERE attempts > 0").run().await.unwrap();
    tx.commit().await.unwrap();
    let (_, aside) = until(&|_, aside| aside.iter().any(|event| event.attempts == 8)).await;
    assert_eq!(aside.iter().map(|event| event.next_attempt.is_none()).collect::<Vec<_>>(), [true, false]);
    let refused = broken.refused.load(Ordering::Acquire);
    say(&said, [10].into_iter()).await;
    until(&|noted, _| noted.contains(&10)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(broken.refused.load(Ordering::Acquire), refused, "only an operator has it tried again");

    broken.is_mended.store(true, Ordering::Release);
    assert_eq!(replay(&heard, "broken").await.unwrap(), 2);
    let (noted, _) = until(&|_, aside| aside.is_empty()).await;
    assert_eq!(noted, [6, 8, 9, 10, 7, 7]);
    assert!(tasks.stop(Duration::from_secs(5)).await);
}
