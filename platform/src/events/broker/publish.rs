//! Publishes a module's log, in its order.
//!
//! Where to go on is asked of the broker: after the last message it has. Several replicas of a module publish the same,
//! and one that stops half-way is repeated; the broker knows an event by its id and takes it once.

use std::time::Duration;

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::stream::{Config, LastRawMessageErrorKind, Stream};
use kernel::{Call, Event};

use super::super::feed::{Feeds as _, Logs, ReadEvents};
use super::{Broker, BrokerError};
use crate::db::Db;
use crate::fault;
use crate::tasks::Tasks;

/// Events that are on their way to the broker at once.
const BATCH: u32 = 500;
/// How long the log may be silent before the broker is asked again what it has: it may have been emptied.
const SILENCE: Duration = Duration::from_secs(5);
/// How soon it is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// An empty stream begins with so many of the newest events; older ones are read from the log.
const NEWEST: i64 = 10_000;
/// Within this time the broker knows that it has an event already.
const DUPLICATES: Duration = Duration::from_mins(2);

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Broker {
    /// Publishes what this module's log says, until the process stops.
    pub async fn publish(self, db: Db, tasks: Tasks) {
        let mut told = false;
        while !tasks.stopping().is_cancelled() {
            let round = async {
                match self.fit() {
                    Ok(_) => self.publish_after_last(&db, &tasks).await,
                    // The connection itself says when it comes and goes.
                    Err(BrokerError::Away) => Ok(()),
                    Err(unfit) => Err(unfit.into()),
                }
            };
            let round = tokio::select! {
                round = round => round,
                () = tasks.stopping().cancelled() => return,
            };
            match round {
                Ok(()) => told = false,
                Err(error) if !told => {
                    told = true;
                    tracing::error!(module = db.module(), error, "the broker takes no events");
                }
                Err(_) => {}
            }
            tasks.pause(PAUSE).await;
        }
    }

    /// Publishes from where the stream ends until the log is silent for a while.
    async fn publish_after_last(&self, db: &Db, tasks: &Tasks) -> Result<(), Failure> {
        let logs = Logs::new([db.clone()], tasks);
        let mut after = self.last_published(db).await?;
        loop {
            let call = Call::by_module(db.module(), SILENCE * 3);
            let wait_ms = SILENCE.as_millis() as u64;
            let request = ReadEvents { source: db.module().to_owned(), after, limit: BATCH, wait_ms };
            let events = logs.read(&call, request).await?.events;
            let Some(last) = events.last() else { return Ok(()) };
            after = last.position;
            fault!("nats.before_publish");
            self.publish_all(db.module(), &events).await?;
            fault!("nats.after_publish");
        }
    }

    /// Sends them one after the other without waiting, then waits for all.
    async fn publish_all(&self, module: &str, events: &[Event]) -> Result<(), Failure> {
        let mut acknowledgements = Vec::with_capacity(events.len());
        for event in events {
            let (subject, message) = self.seal(module, event)?;
            match self.0.jetstream.send_publish(subject, message).await {
                Ok(acknowledgement) => acknowledgements.push(acknowledgement),
                // Trying again would help nobody; listeners find the gap and read the log.
                Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                    tracing::warn!(event.id = %event.id, event.kind = %event.kind, "too large for the broker");
                }
                Err(error) => return Err(error.into()),
            }
        }
        for acknowledgement in acknowledgements {
            acknowledgement.await?;
        }
        Ok(())
    }

    /// The position after which to go on.
    async fn last_published(&self, db: &Db) -> Result<i64, Failure> {
        let (end,): (i64,) = db.query("SELECT COALESCE(MAX(position), 0) FROM events").one().await?;
        let stream = self.ensure_stream(db.module()).await?;
        let last = match stream.get_last_raw_message_by_subject(&self.subjects(db.module())).await {
            Ok(last) => self.open(db.module(), &last.subject, Some(&last.headers), &last.payload),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => None,
            Err(error) => return Err(error.into()),
        };
        match last {
            Some(last) if last.position <= end => Ok(last.position),
            Some(_) => {
                tracing::warn!(
                    module = db.module(),
                    "the broker knows events that the log does not: the database is of an earlier time; the \
                     stream is made anew"
                );
                // Only with the stream itself go the ids it knows, by which it would refuse what it has to learn again.
                self.0.jetstream.delete_stream(self.stream(db.module())).await?;
                self.ensure_stream(db.module()).await?;
                Ok((end - NEWEST).max(0))
            }
            None => Ok((end - NEWEST).max(0)),
        }
    }

    async fn ensure_stream(&self, module: &str) -> Result<Stream, Failure> {
        let options = &self.0.options;
        let config = Config {
            name: self.stream(module),
            description: Some(format!("What the {module} module says; its log is the truth")),
            subjects: vec![self.subjects(module)],
            max_age: options.keep,
            duplicate_window: DUPLICATES,
            num_replicas: options.replicas,
            ..Config::default()
        };
        Ok(self.0.jetstream.get_or_create_stream(config).await?)
    }
}
