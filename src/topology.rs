//! Where the calls for each module go from this process, and how that is changed while it runs.
//!
//! It is a contract like those of the modules, served on the internal listener to whoever is of the shop. A
//! change names the version it was made for, so that two operators do not undo each other's work unseen.

mod diagram;
mod moving;
mod plan;
mod service;
mod set;
mod trust;

use std::fmt;

use kernel::{CallFailure, contract};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use moving::Moves;
pub use plan::{Step, plan};
pub(crate) use service::TOPOLOGY_CALLERS;
pub use service::Topology;
pub use set::{Process, Set, SetError};

contract! {
    /// Where the calls for each module go.
    pub trait Topologies = "topology.v1", TopologiesClient, TopologiesServer, TopologyError {
        /// How it is now.
        Read fn show(ShowTopology) -> Placements;
        /// Sends a module's calls another way. Calls under way end where they are.
        Once fn place(PlaceModule) -> Placements;
        /// Begins to bring a module's tables to another database.
        Once fn relocate(MoveTables) -> Moving;
        /// How far that is.
        Read fn relocation(ShowMove) -> Moving;
    }
}

/// Asks how it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShowTopology {}

/// Asks for a module's calls to be sent another way.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlaceModule {
    /// The version this change was made for.
    pub version: u64,
    /// The module.
    pub module: String,
    /// The internal listeners of the processes that run it elsewhere; empty leaves them as they are.
    pub urls: Vec<String>,
    /// How many of a thousand calls go there: 0 is all here, 1000 is all there.
    pub per_mille: u32,
}

/// Where the calls for each module go.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Placements {
    /// Grows with every change.
    pub version: u64,
    /// Each module.
    pub modules: Vec<PlacedModule>,
}

/// Where the calls for one module go.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlacedModule {
    /// Its name.
    pub module: String,
    /// Whether this process can run it.
    pub here: bool,
    /// Whether its listeners, jobs and sweeps run in this process.
    pub works_here: bool,
    /// How many of a thousand calls go elsewhere.
    pub per_mille: u32,
    /// Where that is.
    pub urls: Vec<String>,
    /// What tells its database from all others; absent when it is not here.
    pub database: Option<String>,
}

/// Asks for a module's tables to be brought to another database, while they are in use.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MoveTables {
    /// The module.
    pub module: String,
    /// The database.
    pub database: Connection,
    /// What people call it; without passwords.
    pub name: String,
    /// Do all but the last step.
    pub rehearse: bool,
}

/// A `postgres://` url with its password. It is not printed.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Connection(String);

impl Connection {
    /// The connection this url leads to.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The url with its password, for whoever connects.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://***")
    }
}

/// Asks how far a move is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShowMove {
    /// The module.
    pub module: String,
}

/// A move of a module's tables.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Moving {
    /// The module.
    pub module: String,
    /// What is being done.
    pub doing: String,
    /// How many rows of it are done.
    pub rows: u64,
    /// How it went, once it is done.
    pub moved: Option<Moved>,
    /// Why it failed, if it did.
    pub failed: Option<String>,
}

/// How a move went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    /// Its tables, which were read on both sides and found alike.
    pub tables: Vec<ComparedTable>,
    /// Rows that changed meanwhile and were brought after.
    pub followed: u64,
    /// How long writing paused, in milliseconds.
    pub paused_ms: u64,
}

/// A table that was read on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComparedTable {
    /// Its name.
    pub table: String,
    /// How many rows it had then.
    pub rows: u64,
    /// The sum of the SHA-256 digests of its rows, each cut to 128 bits.
    pub checksum: String,
}

/// Why a module was not placed. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum TopologyError {
    /// Somebody else was faster.
    #[error("the topology is at version {current} by now; look at it again")]
    Changed {
        /// The version it has now.
        current: u64,
    },
    /// There is no such module.
    #[error("there is no module `{module}`")]
    UnknownModule {
        /// What was asked for.
        module: String,
    },
    /// It cannot be called here.
    #[error(
        "this process does not run the {module} module: its calls have to go elsewhere, and its tables are moved by the \
         process that runs it"
    )]
    NotHere {
        /// The module.
        module: String,
    },
    /// Nobody said where else.
    #[error("nobody has said where else the {module} module runs; give its --url")]
    Nowhere {
        /// The module.
        module: String,
    },
    /// Not the address of an internal listener.
    #[error("`{url}` is not the address of an internal listener, such as http://10.0.0.7:9080")]
    InvalidUrl {
        /// What was given.
        url: String,
    },
    /// Not in the way in which this process speaks with others.
    #[error("{reason}")]
    Misfit {
        /// What to do about it.
        reason: String,
    },
    /// A file has one process.
    #[error(
        "the {module} module keeps its tables in a file, which belongs to one process; bring them to PostgreSQL first, \
         with `cleave move`"
    )]
    InAFile {
        /// The module.
        module: String,
    },
    /// Its tables are being moved.
    #[error("the tables of the {module} module are being moved already")]
    Moving {
        /// The module.
        module: String,
    },
    /// Nothing was begun.
    #[error("nobody has asked this process to move the tables of the {module} module")]
    NotMoving {
        /// The module.
        module: String,
    },
    /// Not a database.
    #[error("that is not the url of a PostgreSQL database")]
    InvalidDatabase,
    /// The process there does not run it, or runs it on other tables.
    #[error("the process at {url} does not run the {module} module on the database that it has here")]
    OtherDatabase {
        /// The module.
        module: String,
        /// Where it was looked for.
        url: String,
    },
    /// The process there is of another release.
    #[error("the process at {url} speaks another version of the contract: {reason}")]
    Incompatible {
        /// Where.
        url: String,
        /// What does not fit.
        reason: String,
    },
    /// Nobody is there.
    #[error("no process answers at {url}")]
    Away {
        /// Where.
        url: String,
    },
    /// No answer.
    #[error(transparent)]
    Failed(#[from] CallFailure),
}
