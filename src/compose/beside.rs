//! What runs beside the requests: sequencers, listeners, workers and sweeps of the modules that are here.

use std::sync::Arc;
use std::time::Duration;

use kernel::Call;
use platform::events::{FeedsError, ReadProgress};
use platform::{Mount, Tasks, events, idempotency, jobs, module};

use super::{Modules, handshake};
use crate::config::Config;
use crate::declared::MODULES;

/// How often old events and idempotency keys are forgotten.
const FORGET_EVERY: Duration = Duration::from_hours(1);
/// How long another module may take to say how far it has read.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts everything that runs beside the requests.
pub fn run_beside(modules: &Modules, config: &Config, tasks: &Tasks) {
    for peer in &modules.peers {
        drop(tasks.spawn(Arc::clone(peer).resolve(tasks.clone())));
    }
    drop(tasks.spawn(handshake::watch(modules.peers.clone(), tasks.clone())));
    for mount in modules.mounts() {
        drop(tasks.spawn(events::sequence(mount.db.clone(), tasks.clone())));
        for sweep in forgetting(&mount, modules, config) {
            drop(tasks.spawn(module::sweep(sweep, tasks.clone())));
        }
        for listener in mount.listeners {
            let feeds = Arc::clone(&modules.feeds);
            let batch = config.events.batch.get();
            drop(tasks.spawn(events::listen(listener, mount.db.clone(), feeds, batch, tasks.clone())));
        }
        if let Some(worker) = mount.worker {
            drop(tasks.spawn(jobs::work(worker, mount.db.clone(), tasks.clone())));
        }
        for sweep in mount.sweeps {
            drop(tasks.spawn(module::sweep(sweep, tasks.clone())));
        }
    }
}

/// What every module forgets after a while.
fn forgetting(mount: &Mount, modules: &Modules, config: &Config) -> [module::Sweep; 2] {
    let db = mount.db.clone();
    let keys = module::Sweep::new("idempotency keys", FORGET_EVERY, move || {
        let db = db.clone();
        async move { idempotency::forget(&db).await }
    });
    let (db, feeds, keep) = (mount.db.clone(), Arc::clone(&modules.feeds), config.events.retention);
    let old = module::Sweep::new("old events", FORGET_EVERY, move || {
        let (db, feeds) = (db.clone(), Arc::clone(&feeds));
        async move {
            let mut readers = Vec::new();
            for reader in MODULES {
                let call = Call::by_module(db.module(), PATIENCE);
                let asked = ReadProgress { reader: reader.name.to_owned(), source: db.module().to_owned() };
                match feeds.progress(&call, asked).await {
                    Ok(progress) => readers.extend(progress.cursors),
                    // Who cannot be asked may have read nothing yet.
                    Err(FeedsError::Failed(_) | FeedsError::UnknownSource { .. }) => return Ok(false),
                }
            }
            events::retain(&db, keep, &readers).await.map(|_| false)
        }
    });
    [keys, old]
}
