//! The logs of all modules, each read where its module is.

use std::sync::Arc;

use kernel::Call;
use platform::events::{
    EventsPage, Feeds, FeedsClient, FeedsError, FeedsServer, Progress, ReadEvents, ReadProgress,
};
use platform::tls::READER;

use super::Failure;
use super::ways::Ways;
use crate::databases::Databases;
use crate::declared::MODULES;

/// Asks whoever keeps the log.
pub(super) struct RoutedFeeds(Vec<(&'static str, FeedsClient)>);

impl RoutedFeeds {
    /// The ways to all logs, of which `here` keeps those of the modules with a database here.
    pub(super) fn new(ways: &Ways, databases: &Databases, here: &Arc<dyn Feeds>) -> Result<Self, Failure> {
        let way = |module: &'static str| {
            let here = databases.of(module).map(|_| Arc::clone(here));
            let way = ways.to(module, READER, here, |logs| Arc::new(FeedsServer(logs)))?;
            Ok((module, FeedsClient::new(way)))
        };
        MODULES.iter().map(|module| way(module.name)).collect::<Result<_, Failure>>().map(Self)
    }

    fn of(&self, module: &str) -> Result<&FeedsClient, FeedsError> {
        let found = self.0.iter().find(|(name, _)| *name == module);
        found.map(|(_, client)| client).ok_or_else(|| FeedsError::UnknownSource { module: module.to_owned() })
    }
}

#[kernel::macros::async_trait]
impl Feeds for RoutedFeeds {
    async fn read(&self, call: &Call, request: ReadEvents) -> Result<EventsPage, FeedsError> {
        self.of(&request.source)?.read(call, request).await
    }

    async fn progress(&self, call: &Call, request: ReadProgress) -> Result<Progress, FeedsError> {
        self.of(&request.reader)?.progress(call, request).await
    }
}
