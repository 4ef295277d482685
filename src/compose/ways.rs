//! The ways calls take: to a module here as the settings want it, to a module elsewhere through its peer.

use std::net::SocketAddr;
use std::sync::Arc;

use kernel::Clock;
use kernel::call::{Channel, Dispatch};
use kernel::contract::Route;
use platform::Tasks;
use platform::calls::{ALL, Credentials, EncodedChannel, LocalGate, Peer, SharedSecret, Switch};

use super::Failure;
use crate::config::{Config, ContractMode};
use crate::declared::MODULES;

/// The ways out of this process and across it.
pub(super) struct Ways {
    mode: ContractMode,
    /// This process, for calls that are made to travel although they need not.
    loopback: Arc<Peer>,
    peers: Vec<Arc<Peer>>,
    credentials: Credentials,
    tasks: Tasks,
}

impl Ways {
    pub(super) fn new(
        config: &Config,
        clock: &Clock,
        tasks: &Tasks,
        internal: SocketAddr,
    ) -> Result<Self, Failure> {
        let secret = config.contracts.secret.clone().unwrap_or_else(|| SharedSecret::random(clock));
        let credentials =
            Credentials { secret, tls: config.contracts.tls.load(clock)?, clock: clock.clone() };
        let mut peers = Vec::new();
        for module in MODULES {
            let urls = config.modules.urls(module.name).to_vec();
            let peer = Peer::new(module.name, urls, credentials.clone())?;
            peer.set_share(if config.modules.runs(module.name) { 0 } else { ALL });
            peers.push(Arc::new(peer));
        }
        let loopback = Arc::new(Peer::next_door("loopback", internal, credentials.clone())?);
        let (mode, tasks) = (config.contracts.mode, tasks.clone());
        Ok(Self { mode, loopback, peers, credentials, tasks })
    }

    /// The way of a caller to a module, which may be here.
    pub(super) fn to<M: ?Sized + Send + Sync + 'static>(
        &self,
        module: &'static str,
        caller: &'static str,
        here: Option<Arc<M>>,
        serve: impl FnOnce(Arc<M>) -> Arc<dyn Dispatch>,
    ) -> Result<Switch<M>, Failure> {
        let here = here.map(|module| match self.mode {
            ContractMode::Local => Route::Here(module, Arc::new(LocalGate::new(self.tasks.clone()))),
            ContractMode::Encoded => {
                Route::Through(Arc::new(EncodedChannel::new(serve(module), self.tasks.clone())))
            }
            ContractMode::Http => Route::Through(Arc::new(self.loopback.channel(caller)) as Arc<dyn Channel>),
        });
        let peer = self.peers.iter().find(|peer| peer.module() == module);
        let peer = peer.ok_or_else(|| format!("there is no module `{module}`"))?;
        Ok(Switch::new(here, peer, caller))
    }

    pub(super) fn credentials(&self) -> Credentials {
        self.credentials.clone()
    }

    pub(super) fn into_peers(self) -> Vec<Arc<Peer>> {
        self.peers
    }
}
