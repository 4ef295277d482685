//! What runs beside the requests: sequencers, listeners, workers and sweeps of the modules that are here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
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

/// The work beside the requests, which can be stopped and started again module by module.
pub struct Beside {
    modules: Arc<Modules>,
    retention: Duration,
    batch: u32,
    tasks: Tasks,
    working: Mutex<HashMap<&'static str, Tasks>>,
}

impl Beside {
    /// The work of these modules, not yet begun.
    pub(crate) fn new(modules: Arc<Modules>, config: &Config, tasks: &Tasks) -> Self {
        let (retention, batch) = (config.events.retention, config.events.batch.get());
        Self { modules, retention, batch, tasks: tasks.clone(), working: Mutex::new(HashMap::new()) }
    }

    /// Begins with all of it.
    pub(crate) fn start(&self) {
        let (peers, tasks) = (&self.modules.peers, &self.tasks);
        for peer in peers {
            drop(tasks.spawn(Arc::clone(peer).resolve(tasks.clone())));
        }
        drop(tasks.spawn(handshake::watch(peers.clone(), tasks.clone())));
        for module in MODULES {
            self.set(module.name, true);
        }
    }

    /// Whether the work of this module goes on here.
    pub(crate) fn works(&self, module: &str) -> bool {
        self.working.lock().unwrap_or_else(PoisonError::into_inner).contains_key(module)
    }

    /// Starts or stops the work of a module that is here. What is under way ends at its next boundary.
    pub(crate) fn set(&self, module: &'static str, works: bool) {
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        if !works {
            if let Some(part) = working.remove(module) {
                part.stopping().cancel();
            }
        } else if !working.contains_key(module)
            && let Some(mount) = self.modules.mounts().into_iter().find(|mount| mount.db.module() == module)
        {
            let part = self.tasks.part();
            self.work(mount, &part);
            working.insert(module, part);
        }
    }

    fn work(&self, mount: Mount, tasks: &Tasks) {
        drop(tasks.spawn(events::sequence(mount.db.clone(), tasks.clone())));
        if let Some(broker) = &self.modules.broker {
            drop(tasks.spawn(broker.clone().publish(mount.db.clone(), tasks.clone())));
        }
        for sweep in forgetting(&mount, &self.modules, self.retention) {
            drop(tasks.spawn(module::sweep(sweep, tasks.clone())));
        }
        for listener in mount.listeners {
            let feeds = Arc::clone(&self.modules.feeds);
            drop(tasks.spawn(events::listen(listener, mount.db.clone(), feeds, self.batch, tasks.clone())));
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
fn forgetting(mount: &Mount, modules: &Modules, keep: Duration) -> [module::Sweep; 2] {
    let db = mount.db.clone();
    let keys = module::Sweep::new("idempotency keys", FORGET_EVERY, move || {
        let db = db.clone();
        async move { idempotency::forget(&db).await }
    });
    let (db, feeds) = (mount.db.clone(), Arc::clone(&modules.feeds));
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
