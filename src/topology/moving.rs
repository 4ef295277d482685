//! Brings a module's tables to another database, in the process that runs the module.

use std::collections::HashMap;
use std::error::Error;
use std::iter::successors;
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, PoisonError};

use platform::db::{Compared, Destination, PostgresOptions, Progress, Relocated, Step, relocate};
use platform::{Db, Tasks};
use sqlx::postgres::PgConnectOptions;
use tokio::sync::watch;

use super::{ComparedTable, MoveTables, Moved, Moving, TopologyError};
use crate::compose::Beside;
use crate::config::Config;
use crate::databases::describe;
use crate::declared::Declared;

/// The moves of this process, one for each module at the most.
pub(crate) struct Moves {
    config: Config,
    beside: Arc<Beside>,
    tasks: Tasks,
    begun: Arc<Mutex<HashMap<&'static str, Move>>>,
}

/// One that goes on, or has ended.
struct Move {
    step: watch::Receiver<Step>,
    ended: Option<Result<Moved, String>>,
}

impl Moves {
    pub(crate) fn new(config: Config, beside: Arc<Beside>, tasks: Tasks) -> Self {
        Self { config, beside, tasks, begun: Arc::default() }
    }

    /// How the last move of this module went, or is going.
    pub(super) fn of(&self, module: &str) -> Option<Moving> {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let (name, found) = begun.get_key_value(module)?;
        let step = found.step.borrow().clone();
        let (moved, failed) = match &found.ended {
            None => (None, None),
            Some(Ok(moved)) => (Some(moved.clone()), None),
            Some(Err(why)) => (None, Some(why.clone())),
        };
        Some(Moving {
            module: (*name).to_owned(),
            doing: step.doing.to_owned(),
            rows: step.rows,
            moved,
            failed,
        })
    }

    /// Begins, and leaves it to a task that nobody has to wait for.
    pub(super) fn begin(
        &self,
        db: &Db,
        declared: &'static Declared,
        asked: &MoveTables,
    ) -> Result<(), TopologyError> {
        let settings = &self.config.database;
        let connect = PgConnectOptions::from_str(asked.database.expose());
        let destination = Destination {
            to: PostgresOptions {
                connect: connect.map_err(|_| TopologyError::InvalidDatabase)?,
                pool_size: settings.pool_size.get(),
                acquire_timeout: settings.acquire_timeout,
                accept_unsafe_settings: settings.accept_unsafe_settings,
            },
            name: asked.name.clone(),
            from: describe(&self.config.place(declared.name)),
            rehearse: asked.rehearse,
        };
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.get(declared.name).is_some_and(|found| found.ended.is_none()) {
            return Err(TopologyError::Moving { module: declared.name.to_owned() });
        }
        let (progress, step) = Progress::new();
        begun.insert(declared.name, Move { step, ended: None });
        let (db, tasks, beside, begun) =
            (db.clone(), self.tasks.clone(), Arc::clone(&self.beside), Arc::clone(&self.begun));
        drop(self.tasks.spawn(async move {
            let relocated = relocate(&db, declared.migrations, &destination, &progress, &tasks).await;
            if relocated.is_ok() && !destination.rehearse && beside.works(declared.name) {
                // What works beside the requests does so otherwise on another database.
                beside.set(declared.name, false);
                beside.set(declared.name, true);
            }
            let ended = relocated.map(Moved::from).map_err(|error| with_causes(&error));
            tracing::info!(module = declared.name, to = destination.name, ?ended, "a move of tables ended");
            let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = begun.get_mut(declared.name) {
                found.ended = Some(ended);
            }
        }));
        Ok(())
    }
}

fn with_causes(error: &dyn Error) -> String {
    let causes = successors(error.source(), |cause: &&dyn Error| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl From<Relocated> for Moved {
    fn from(relocated: Relocated) -> Self {
        let table = |Compared { table, rows, checksum }| ComparedTable { table, rows, checksum };
        Self {
            tables: relocated.tables.into_iter().map(table).collect(),
            followed: relocated.followed,
            paused_ms: u64::try_from(relocated.paused.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
