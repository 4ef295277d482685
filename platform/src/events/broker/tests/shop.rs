//! A module that says something, another that listens, and a broker between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use kernel::call::{CallFailure, FailureReason};
use kernel::event::EventData;
use kernel::{Call, Event};
use serde::{Deserialize, Serialize};

use super::super::{Broker, BrokerOptions, BrokeredFeeds};
use crate::Tasks;
use crate::db::{Migration, Tx};
use crate::events::{
    EventsPage, Feeds, FeedsError, Hears, Listener, ListenerError, Logs, Progress, ReadEvents, ReadProgress,
    listen, read, sequence,
};
use crate::testing::{self, TestBroker, TestDb};

/// How long healing may take.
const PATIENCE: Duration = Duration::from_secs(30);

const NOTES: &[Migration] =
    &[Migration::new(1, "notes", "CREATE TABLE notes (place BIGINT NOT NULL, number BIGINT NOT NULL)")];

pub(super) struct Shop {
    pub(super) server: TestBroker,
    pub(super) broker: Broker,
    pub(super) said: TestDb,
    heard: TestDb,
    log: Arc<Log>,
    numbers: AtomicI64,
    pub(super) tasks: Tasks,
}

#[derive(Debug, Serialize, Deserialize)]
struct Counted {
    number: i64,
}

impl EventData for Counted {
    const TYPE: &'static str = "thing.counted";

    fn subject(&self) -> String {
        "thing".to_owned()
    }
}

/// Writes down what it hears, in the order in which it hears it.
struct Notes;

#[kernel::macros::async_trait]
impl Listener for Notes {
    fn hears(&self) -> Hears {
        Hears { name: "notes", source: "order", types: &[Counted::TYPE] }
    }

    async fn apply(&self, tx: &mut Tx, event: &Event) -> Result<(), ListenerError> {
        let Some(counted) = event.read::<Counted>()? else { return Ok(()) };
        tx.query("INSERT INTO notes (place, number) SELECT COUNT(*) + 1, CAST($1 AS BIGINT) FROM notes")
            .bind(counted.number)
            .run()
            .await?;
        Ok(())
    }
}

/// The log as it is read over the network, which may be down.
struct Log {
    logs: Logs,
    is_away: AtomicBool,
}

#[kernel::macros::async_trait]
impl Feeds for Log {
    async fn read(&self, call: &Call, request: ReadEvents) -> Result<EventsPage, FeedsError> {
        let read = self.logs.read(call, request).await;
        // Looked at afterwards: what was already waiting when the log went away brings nothing any more.
        if self.is_away.load(Ordering::SeqCst) {
            return Err(CallFailure::not_executed(FailureReason::Unreachable).into());
        }
        read
    }

    async fn progress(&self, call: &Call, request: ReadProgress) -> Result<Progress, FeedsError> {
        self.logs.progress(call, request).await
    }
}

impl Shop {
    pub(super) async fn open() -> Option<Self> {
        let server = TestBroker::start()?;
        let (said, heard) = (testing::db("order", &[]).await, testing::db("product", NOTES).await);
        let tasks = Tasks::new();
        let log = Arc::new(Log {
            logs: Logs::new([(*said).clone()], said.tasks()),
            is_away: AtomicBool::new(false),
        });
        let broker = Broker::connect(options(&server, "known to the shop", true)).await.unwrap();
        drop(tasks.spawn(sequence((*said).clone(), tasks.clone())));
        drop(tasks.spawn(broker.clone().publish((*said).clone(), tasks.clone())));
        // The listener's process has a connection of its own.
        let ears = Broker::connect(options(&server, "known to the shop", true)).await.unwrap();
        let feeds = Arc::new(BrokeredFeeds::new(log.clone(), ears, Vec::new(), tasks.clone()));
        drop(tasks.spawn(listen(Arc::new(Notes), (*heard).clone(), feeds, 100, tasks.clone())));
        let numbers = AtomicI64::new(0);
        Some(Self { server, broker, said, heard, log, numbers, tasks })
    }

    /// Another process's connection.
    pub(super) async fn connect(&self) -> Broker {
        self.connect_with(true).await
    }

    pub(super) async fn connect_with(&self, accept_old: bool) -> Broker {
        Broker::connect(options(&self.server, "known to the shop", accept_old)).await.unwrap()
    }

    /// Says the next numbers, a transaction each.
    pub(super) async fn say(&self, count: i64) {
        for _ in 0..count {
            let number = self.numbers.fetch_add(1, Ordering::SeqCst) + 1;
            let mut tx = self.said.begin().await.unwrap();
            tx.publish(&Counted { number }).await.unwrap();
            tx.commit().await.unwrap();
        }
    }

    /// Everything that was said is heard, once and in order.
    pub(super) async fn hears_all(&self) {
        let all: Vec<i64> = (1..=self.numbers.load(Ordering::SeqCst)).collect();
        let give_up = Instant::now() + PATIENCE;
        loop {
            let heard: Vec<(i64,)> =
                self.heard.query("SELECT number FROM notes ORDER BY place").all().await.unwrap();
            let heard: Vec<i64> = heard.into_iter().map(|(number,)| number).collect();
            assert!(heard.len() <= all.len(), "doubled: {heard:?}");
            if heard == all {
                return;
            }
            assert!(Instant::now() < give_up, "{heard:?} of {}", all.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What is said now is heard while the log cannot be read: sooner or later the broker brings it.
    pub(super) async fn hears_through_the_broker(&self) {
        let give_up = Instant::now() + PATIENCE;
        loop {
            self.say(1).await;
            self.hears_all().await;
            self.log.is_away.store(true, Ordering::SeqCst);
            self.say(5).await;
            let brought = tokio::time::timeout(Duration::from_secs(2), self.hears_all()).await.is_ok();
            self.log.is_away.store(false, Ordering::SeqCst);
            if brought {
                return;
            }
            assert!(Instant::now() < give_up, "the broker brings nothing");
        }
    }

    pub(super) async fn log(&self) -> Vec<Event> {
        read(&self.said, 0, 1000).await.unwrap()
    }

    pub(super) async fn delete_stream(&self) {
        testing::forget_streams(&self.server.url(), "test.shop", &["order"]).await;
    }

    /// Publishes events again, as if the broker had never heard of them.
    pub(super) async fn publish_anew(&self, events: &[Event]) {
        self.publish_as(&self.broker, events).await;
    }

    pub(super) async fn publish_as(&self, broker: &Broker, events: &[Event]) {
        for event in events {
            let (subject, message) = broker.seal("order", event).unwrap();
            let message = message.outbound_message(subject);
            let mut headers = HeaderMap::new();
            // The id by which the broker would know them stays away.
            let seal = message.headers.as_ref().unwrap().get("Cleave-Seal").unwrap();
            headers.insert("Cleave-Seal", seal.as_str());
            broker
                .0
                .jetstream
                .publish_with_headers(message.subject, headers, message.payload)
                .await
                .unwrap()
                .await
                .unwrap();
        }
    }

    /// The stream ends where the log ends.
    pub(super) async fn has_published_all(&self) {
        let give_up = Instant::now() + PATIENCE;
        loop {
            // On PostgreSQL an event gets its place in the log a moment after its commit.
            let mut log = self.log().await;
            let is_whole = log.len() as i64 == self.numbers.load(Ordering::SeqCst);
            let last = log.pop().map(|event| event.id);
            let published = async {
                let stream = self.broker.0.jetstream.get_stream("test-shop-order").await.ok()?;
                let last = stream.get_last_raw_message_by_subject("test.shop.order.>").await.ok()?;
                self.broker.open("order", &last.subject, Some(&last.headers), &last.payload)
            };
            if is_whole && published.await.map(|event| event.id) == last {
                return;
            }
            assert!(Instant::now() < give_up, "the stream does not end where the log does");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn close(self) {
        assert!(self.tasks.stop(Duration::from_secs(10)).await, "a task does not end");
    }
}

/// Somebody who may write to the same broker and does not know the shop's secret.
pub(super) async fn someone_elses(server: &TestBroker) -> Broker {
    let broker = Broker::connect(options(server, "guessed", true)).await.unwrap();
    broker.greet(Duration::from_secs(5)).await.unwrap();
    broker
}

fn options(server: &TestBroker, secret: &str, accept_old: bool) -> BrokerOptions {
    BrokerOptions {
        urls: vec![server.url()],
        credentials: None,
        prefix: "test.shop".to_owned(),
        keep: Duration::from_hours(1),
        replicas: 1,
        accept_old,
        secret: format!("{secret:_>40}").parse().unwrap(),
    }
}
