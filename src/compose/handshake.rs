//! Whether the modules elsewhere speak the version of their contracts that this process does.

use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use kernel::{CallFailure, Clock};
use platform::Tasks;
use platform::calls::{Peer, SharedSecret, breaks};
use platform::events::{Broker, BrokerError, FeedsClient};

use super::settings;
use crate::config::Config;
use crate::declared::{Declared, MODULES};

/// How long a module may take to describe itself.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the broker is looked for at a start, which waits for nobody, and by who wants to know.
const GLANCE: Duration = Duration::from_millis(300);
const LOOK: Duration = Duration::from_secs(3);
/// How often it is asked again: it may have been replaced meanwhile.
const AGAIN: Duration = Duration::from_secs(5);

/// A module elsewhere that cannot be worked with.
#[derive(Debug, thiserror::Error)]
#[error(
    "the {module} module at {} speaks another version of its contract: {}; bring both processes to the same release",
    urls.join(", "),
    breaks.join("; ")
)]
pub struct Incompatible {
    /// The module.
    pub module: &'static str,
    /// Where it is.
    pub urls: Vec<String>,
    /// What does not fit, a sentence each.
    pub breaks: Vec<String>,
}

/// Asks each module that runs elsewhere alone. One that is not there yet is asked again later.
///
/// # Errors
/// The first that is there and does not fit.
pub(crate) async fn greet(peers: &[Arc<Peer>]) -> Result<(), Incompatible> {
    let greeted = elsewhere(peers).map(|(peer, declared)| async move {
        match shake(peer, declared).await {
            Ok(breaks) if breaks.is_empty() => Ok(()),
            Ok(breaks) => Err(Incompatible { module: declared.name, urls: peer.urls().to_vec(), breaks }),
            Err(failure) => {
                let reason = failure.reason;
                tracing::warn!(module = declared.name, ?reason, "a module elsewhere is not there yet");
                Ok(())
            }
        }
    });
    try_join_all(greeted).await.map(drop)
}

/// Looks whether the broker is fit for use. One that is not there yet is not waited for.
///
/// # Errors
/// It is there and not fit.
pub(crate) async fn greet_broker(broker: Option<&Broker>) -> Result<(), BrokerError> {
    let Some(broker) = broker else { return Ok(()) };
    match broker.greet(GLANCE).await {
        Ok(_) => Ok(()),
        Err(away @ BrokerError::Away) => {
            tracing::warn!("{away}");
            Ok(())
        }
        Err(unfit) => Err(unfit),
    }
}

/// Looks whether the broker of these settings is there and fit for use, and waits a while for it. Returns its version.
///
/// # Errors
/// It is not there, or not fit.
pub(crate) async fn look_at_broker(config: &Config) -> Result<String, BrokerError> {
    // Nothing is published, so nothing is sealed.
    let unused = SharedSecret::random(&Clock::system());
    Broker::connect(settings::broker(config, unused)).await?.greet(LOOK).await
}

/// Asks again and again. What was replaced by another version is not called until it fits again.
pub(crate) async fn watch(peers: Vec<Arc<Peer>>, tasks: Tasks) {
    while tasks.pause(AGAIN).await {
        for (peer, declared) in elsewhere(&peers) {
            let Ok(breaks) = shake(peer, declared).await else { continue };
            if !breaks.is_empty() {
                tracing::error!(module = declared.name, breaks = breaks.join("; "), "a module does not fit");
            }
            peer.refuse(!breaks.is_empty());
        }
    }
}

fn elsewhere(peers: &[Arc<Peer>]) -> impl Iterator<Item = (&Arc<Peer>, &'static Declared)> {
    let asked = peers.iter().filter(|peer| peer.share() > 0);
    asked.filter_map(|peer| Some((peer, MODULES.iter().find(|module| module.name == peer.module())?)))
}

/// What does not fit between this process and a module elsewhere.
pub(crate) async fn shake(peer: &Peer, declared: &Declared) -> Result<Vec<String>, CallFailure> {
    let mut all = breaks(&(declared.descriptor)(), &peer.descriptor(declared.contract, PATIENCE).await?);
    let feeds = peer.descriptor(FeedsClient::CONTRACT, PATIENCE).await?;
    all.extend(breaks(&FeedsClient::descriptor(), &feeds));
    Ok(all)
}
