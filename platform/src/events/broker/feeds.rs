//! The logs of other processes, heard through the broker as far as it brings them, and otherwise read.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::Call;
use tokio::time::Instant;

use super::super::feed::{EventsPage, Feeds, FeedsError, Progress, ReadEvents, ReadProgress};
use super::Broker;
use super::brought::Found;
use super::follow::Followed;
use crate::tasks::Tasks;

/// Logs, some of which are heard through the broker.
pub struct BrokeredFeeds {
    logs: Arc<dyn Feeds>,
    broker: Broker,
    /// The modules whose logs this process can read for itself, which nothing is faster than.
    here: Vec<&'static str>,
    followed: Mutex<HashMap<String, Arc<Followed>>>,
    tasks: Tasks,
}

impl BrokeredFeeds {
    /// These logs, heard through the broker except for those of the modules `here`.
    pub fn new(logs: Arc<dyn Feeds>, broker: Broker, here: Vec<&'static str>, tasks: Tasks) -> Self {
        Self { logs, broker, here, followed: Mutex::default(), tasks }
    }

    /// What is heard of a module, from the first time somebody listens.
    fn followed(&self, module: &str) -> Arc<Followed> {
        let mut all = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let followed = all.entry(module.to_owned()).or_insert_with(|| {
            let followed = Arc::<Followed>::default();
            let following =
                self.broker.clone().follow(module.to_owned(), Arc::clone(&followed), self.tasks.clone());
            drop(self.tasks.spawn(following));
            followed
        });
        Arc::clone(followed)
    }
}

#[kernel::macros::async_trait]
impl Feeds for BrokeredFeeds {
    /// Waits for the broker no longer than was asked for, and then looks into the log: so what it never brings comes
    /// late and is not lost. Whoever does not wait is told what the log says.
    async fn read(&self, call: &Call, request: ReadEvents) -> Result<EventsPage, FeedsError> {
        if request.wait_ms == 0 || self.here.iter().any(|module| *module == request.source) {
            return self.logs.read(call, request).await;
        }
        let followed = self.followed(&request.source);
        if !followed.is_listening() {
            return self.logs.read(call, request).await;
        }
        let patience = Duration::from_millis(request.wait_ms).min(call.remaining() / 2);
        let give_up = Instant::now() + patience;
        let mut waited = false;
        loop {
            // Listen before looking, so that news between the two is not slept through.
            let mut news = pin!(followed.news.notified());
            news.as_mut().enable();
            match followed.after(request.after, request.limit) {
                Found::Events(events) => return Ok(EventsPage { events, brought: true }),
                Found::Awaited if !waited => {
                    waited = tokio::time::timeout_at(give_up, news).await.is_err();
                }
                Found::Awaited | Found::Elsewhere => break,
            }
        }
        let page = self.logs.read(call, ReadEvents { wait_ms: 0, ..request.clone() }).await?;
        if waited && !page.events.is_empty() {
            followed.was_late();
        }
        if page.events.len() < request.limit as usize {
            followed.ends_at(page.events.last().map_or(request.after, |event| event.position));
        }
        // The broker says what cannot follow on this: then it is not waited for.
        if page.events.is_empty() && followed.after(request.after, 1) == Found::Elsewhere {
            return self.logs.read(call, request).await;
        }
        Ok(page)
    }

    async fn progress(&self, call: &Call, request: ReadProgress) -> Result<Progress, FeedsError> {
        self.logs.progress(call, request).await
    }
}
