//! A switchable way to a module: here, elsewhere, or some of the calls each.

use std::sync::Arc;

use kernel::call::Channel;
use kernel::contract::{Route, Routing};

use super::peer::Peer;
use crate::metrics::Counted;

/// One caller's way to a module. It follows the peer's share from one call to the next.
pub struct Switch<M: ?Sized> {
    here: Option<Route<M>>,
    elsewhere: Arc<dyn Channel>,
    peer: Arc<Peer>,
}

impl<M: ?Sized> Switch<M> {
    /// A way for this caller to a module that may be here, too.
    pub fn new(here: Option<Route<M>>, peer: &Arc<Peer>, caller: &'static str) -> Self {
        let counted = |channel, way| Arc::new(Counted::new(channel, way));
        let here = here.map(|here| match here {
            Route::Through(channel) => Route::Through(counted(channel, "here")),
            // Its gate counts.
            here @ Route::Here(..) => here,
        });
        let elsewhere = counted(Arc::new(peer.channel(caller)), "elsewhere");
        Self { here, elsewhere, peer: Arc::clone(peer) }
    }
}

impl<M: ?Sized + Send + Sync> Routing<M> for Switch<M> {
    fn route(&self) -> Route<M> {
        match &self.here {
            Some(here) if !self.peer.is_next_elsewhere() => here.clone(),
            _ => Route::Through(Arc::clone(&self.elsewhere)),
        }
    }
}
