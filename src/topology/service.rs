//! Looks at a change, and carries it out.

use std::sync::Arc;
use std::time::Duration;

use kernel::Call;
use kernel::contract::Route;
use platform::Db;
use platform::calls::{ALL, Callers, Peer};
use platform::tls::{GATEWAY, OPERATOR};
use tokio::sync::Mutex;

use super::moving::Moves;
use super::{
    MoveTables, Moving, PlaceModule, PlacedModule, Placements, ShowMove, ShowTopology, Topologies,
    TopologiesClient, TopologyError,
};
use crate::compose::{Beside, Modules, shake};
use crate::config::{Config, misfit};
use crate::databases::Databases;
use crate::declared::{Declared, MODULES};

/// Whom the contract is for. Processes look at each other before they call each other.
pub(crate) const TOPOLOGY_CALLERS: Callers = &[
    ("show", &[OPERATOR, GATEWAY]),
    ("place", &[OPERATOR]),
    ("relocate", &[OPERATOR]),
    ("relocation", &[OPERATOR]),
];
/// How long the process elsewhere may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the calls for each module go from this process.
pub struct Topology {
    databases: Databases,
    modules: Arc<Modules>,
    beside: Arc<Beside>,
    config: Config,
    version: Mutex<u64>,
    moves: Moves,
}

impl Topology {
    pub(crate) fn new(
        databases: Databases,
        modules: Arc<Modules>,
        moves: Moves,
        beside: Arc<Beside>,
        config: Config,
    ) -> Self {
        Self { databases, modules, beside, config, version: Mutex::new(1), moves }
    }

    async fn placements(&self, version: u64) -> Placements {
        let mut modules = Vec::new();
        for peer in &self.modules.peers {
            let database = match self.databases.of(peer.module()) {
                Some(db) => db.identity().await.ok(),
                None => None,
            };
            modules.push(PlacedModule {
                module: peer.module().to_owned(),
                here: self.databases.of(peer.module()).is_some(),
                works_here: self.beside.works(peer.module()),
                per_mille: peer.share(),
                urls: peer.urls().to_vec(),
                database,
            });
        }
        Placements { version, modules }
    }

    /// Whether the process there can take the module's calls.
    async fn look(&self, declared: &Declared, url: &str, db: Option<&Db>) -> Result<(), TopologyError> {
        let invalid = || TopologyError::InvalidUrl { url: url.to_owned() };
        let away = || TopologyError::Away { url: url.to_owned() };
        let peer = Peer::new(declared.name, vec![url.to_owned()], self.modules.credentials.clone());
        let peer = Arc::new(peer.map_err(|_| invalid())?);
        let there = TopologiesClient::new(Route::Through(Arc::new(peer.channel(GATEWAY))));
        let there = there.show(&Call::by_module(GATEWAY, PATIENCE), ShowTopology {}).await;
        let there = there.map_err(|_| away())?;
        let ours = match db {
            Some(db) => db.identity().await.ok(),
            None => None,
        };
        let there = there.modules.into_iter().find(|module| module.module == declared.name);
        let same =
            there.is_some_and(|there| there.database.is_some() && (ours.is_none() || there.database == ours));
        if !same {
            return Err(TopologyError::OtherDatabase {
                module: declared.name.to_owned(),
                url: url.to_owned(),
            });
        }
        let breaks = shake(&peer, declared).await.map_err(|_| away())?;
        if breaks.is_empty() {
            return Ok(());
        }
        Err(TopologyError::Incompatible { url: url.to_owned(), reason: breaks.join("; ") })
    }
}

#[kernel::macros::async_trait]
impl Topologies for Topology {
    async fn show(&self, _: &Call, _: ShowTopology) -> Result<Placements, TopologyError> {
        let version = *self.version.lock().await;
        Ok(self.placements(version).await)
    }

    async fn place(&self, _: &Call, change: PlaceModule) -> Result<Placements, TopologyError> {
        let mut version = self.version.lock().await;
        if change.version != *version {
            return Err(TopologyError::Changed { current: *version });
        }
        let module = change.module.clone();
        let peer = self.modules.peers.iter().find(|peer| peer.module() == module);
        let declared = MODULES.iter().find(|declared| declared.name == module);
        let (Some(peer), Some(declared)) = (peer, declared) else {
            return Err(TopologyError::UnknownModule { module });
        };
        let db = self.databases.of(declared.name);
        if db.is_none() && change.per_mille < ALL {
            return Err(TopologyError::NotHere { module });
        }
        let urls = if change.urls.is_empty() { peer.urls().to_vec() } else { change.urls };
        if change.per_mille > 0 {
            if urls.is_empty() {
                return Err(TopologyError::Nowhere { module });
            }
            if let Some(reason) = urls.iter().find_map(|url| misfit(&self.config, url)) {
                return Err(TopologyError::Misfit { reason });
            }
            if db.is_some_and(Db::is_sqlite) {
                return Err(TopologyError::InAFile { module });
            }
            for url in &urls {
                self.look(declared, url, db).await?;
            }
        }
        if *peer.urls() != urls {
            let url = urls.join(", ");
            peer.move_to(urls).map_err(|_| TopologyError::InvalidUrl { url })?;
        }
        peer.set_share(change.per_mille);
        if db.is_some() {
            self.beside.set(declared.name, change.per_mille < ALL);
        }
        *version += 1;
        tracing::info!(
            module,
            per_mille = peer.share(),
            version = *version,
            "a module's calls go another way"
        );
        Ok(self.placements(*version).await)
    }

    async fn relocate(&self, call: &Call, asked: MoveTables) -> Result<Moving, TopologyError> {
        let module = asked.module.clone();
        let Some(declared) = MODULES.iter().find(|declared| declared.name == module) else {
            return Err(TopologyError::UnknownModule { module });
        };
        let Some(db) = self.databases.of(declared.name) else {
            return Err(TopologyError::NotHere { module });
        };
        self.moves.begin(db, declared, &asked)?;
        self.relocation(call, ShowMove { module }).await
    }

    async fn relocation(&self, _: &Call, asked: ShowMove) -> Result<Moving, TopologyError> {
        self.moves.of(&asked.module).ok_or(TopologyError::NotMoving { module: asked.module })
    }
}
