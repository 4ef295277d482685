//! Follows a module's stream: a consumer of this process, which is made anew whenever it might have missed something.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::push::OrderedConfig;
use futures::StreamExt as _;
use tokio::sync::Notify;

use super::Broker;
use super::brought::{Brought, Found};
use crate::tasks::Tasks;

/// How often the connection is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How soon a consumer is asked for again.
const PAUSE: Duration = Duration::from_millis(500);
/// So often in a row the log may know what the broker has not brought in time.
const PATIENCE: u32 = 2;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is heard of one module.
#[derive(Default)]
pub(super) struct Followed {
    brought: Mutex<Brought>,
    /// Rung when something was brought, and when nothing more will be.
    pub(super) news: Notify,
    /// Whether there is a consumer.
    listening: AtomicBool,
    missed: AtomicU32,
    /// Rung when the consumer is not to be trusted any more.
    renew: Notify,
}

impl Followed {
    /// At most `limit` events after a position.
    pub(super) fn after(&self, position: i64, limit: u32) -> Found {
        self.brought().after(position, limit)
    }

    pub(super) fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Acquire)
    }

    /// The log was read to its end.
    pub(super) fn ends_at(&self, position: i64) {
        self.brought().ends_at(position);
    }

    /// The log knows what the broker had time to bring.
    pub(super) fn was_late(&self) {
        if self.missed.fetch_add(1, Ordering::AcqRel) + 1 >= PATIENCE {
            self.missed.store(0, Ordering::Release);
            self.renew.notify_one();
        }
    }

    fn brought(&self) -> MutexGuard<'_, Brought> {
        self.brought.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_listening(&self, listening: bool) {
        *self.brought() = Brought::default();
        self.listening.store(listening, Ordering::Release);
        self.news.notify_waiters();
    }
}

impl Broker {
    /// Follows a module's stream until the process stops.
    pub(super) async fn follow(self, module: String, followed: Arc<Followed>, tasks: Tasks) {
        while !tasks.stopping().is_cancelled() {
            let consumed = tokio::select! {
                consumed = self.consume(&module, &followed) => consumed,
                () = tasks.stopping().cancelled() => return,
            };
            followed.set_listening(false);
            if let Err(error) = consumed {
                tracing::debug!(module, error, "the stream cannot be followed");
            }
            tasks.pause(PAUSE).await;
        }
    }

    /// Consumes what is new. Returns when the consumer is to be made anew.
    ///
    /// It is one without a name or a place of its own: what came before it is in the log, and its place could only be
    /// wrong.
    async fn consume(&self, module: &str, followed: &Followed) -> Result<(), Failure> {
        if self.fit().is_err() {
            return Ok(());
        }
        let connection = self.connection();
        let stream = self.0.jetstream.get_stream_no_info(self.stream(module)).await?;
        let consumer = OrderedConfig {
            deliver_subject: self.0.client.new_inbox(),
            deliver_policy: DeliverPolicy::New,
            ..OrderedConfig::default()
        };
        let mut messages = stream.create_consumer(consumer).await?.messages().await?;
        followed.set_listening(true);
        let mut look = tokio::time::interval(LOOK_AGAIN);
        loop {
            let message = tokio::select! {
                message = messages.next() => message,
                () = followed.renew.notified() => return Ok(()),
                _ = look.tick() => {
                    // Another connection is another server, or the same without its memory.
                    if self.fit().is_err() || self.connection() != connection {
                        return Ok(());
                    }
                    continue;
                }
            };
            let Some(message) = message.transpose()? else { return Ok(()) };
            let Some(event) = self.open(module, &message.subject, message.headers.as_ref(), &message.payload)
            else {
                tracing::warn!(module, subject = %message.subject, "a message that this shop has not sealed");
                continue;
            };
            followed.missed.store(0, Ordering::Release);
            followed.brought().take(event);
            followed.news.notify_waiters();
        }
    }
}
