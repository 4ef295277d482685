//! Cleave, put together: modules on their databases, behind two listeners.

pub mod asyncapi;
pub mod books;
pub mod canvas;
pub mod cli;
pub mod compose;
pub mod config;
pub mod databases;
pub mod declared;
pub mod demo;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod gateway;
mod renew;
mod server;
pub mod topology;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use kernel::Clock;
use platform::calls::Dispatchers;
use platform::events::BrokerError;
use platform::{Tasks, fault};

use compose::{Beside, Incompatible, Modules};
use config::Config;
use databases::{DatabaseError, Databases};
use server::{Internal, Public, Readiness};
use topology::{Moves, TOPOLOGY_CALLERS, TopologiesServer, Topology};

/// How long whoever balances load has to notice that we are no longer ready.
const DRAIN: Duration = Duration::from_millis(200);
/// How long loops and jobs may take to come to an item boundary.
const TASKS: Duration = Duration::from_secs(5);

/// A shop, put together and not yet open.
pub struct Shop {
    config: Config,
    clock: Clock,
    tasks: Tasks,
    /// Its databases.
    pub databases: Databases,
    /// Its modules.
    pub modules: Modules,
    listeners: Listeners,
}

/// The sockets of a shop. They are taken before anything else, so that the shop knows its own addresses.
pub struct Listeners {
    public: TcpListener,
    internal: TcpListener,
    probes: Option<TcpListener>,
}

/// Why a shop cannot open.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}; is another shop running? Choose another with {setting}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What sets it.
        setting: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A module elsewhere does not fit.
    #[error(transparent)]
    Incompatible(#[from] Incompatible),
    /// The broker must not be used.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// A module cannot start.
    #[error("the modules cannot be put together")]
    Modules(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Shop {
    /// Opens the databases, applies what migrations are missing, takes the addresses, and wires the modules up.
    ///
    /// # Errors
    /// What stands in the way, in words that say what to do.
    pub async fn build(config: Config, clock: Clock) -> Result<Self, StartError> {
        let listeners = Listeners::bind(&config)?;
        Self::build_on(listeners, config, clock).await
    }

    /// As [`Shop::build`], on sockets that are already there.
    ///
    /// # Errors
    /// As there.
    pub async fn build_on(listeners: Listeners, config: Config, clock: Clock) -> Result<Self, StartError> {
        fault!("boot.after_bind");
        let tasks = Tasks::new();
        let databases = Databases::open(&config, &clock, &tasks).await?;
        databases.migrate(&config).await?;
        fault!("boot.after_migrate");
        databases.call_off_moves(&config).await?;
        let modules = Modules::compose(&config, &databases, &clock, &tasks, listeners.internal()?)
            .await
            .map_err(StartError::Modules)?;
        Ok(Self { config, clock, tasks, databases, modules, listeners })
    }

    /// Opens: starts listeners and jobs, then lets the world in.
    ///
    /// # Errors
    /// An address cannot be listened on after all, or a module elsewhere speaks another version of its contract.
    pub async fn open(self) -> Result<OpenShop, StartError> {
        let Self { config, clock, tasks, databases, modules, listeners } = self;
        let readiness = Readiness::default();
        let addresses = (listeners.public()?, listeners.internal()?);
        let failed = |address, setting| move |source| StartError::Listen { address, setting, source };
        let public = Public::new(&modules, &config, clock.clone());
        let modules = Arc::new(modules);
        let beside = Arc::new(Beside::new(Arc::clone(&modules), &config, &tasks));
        let moves = Moves::new(config.clone(), Arc::clone(&beside), tasks.clone());
        let topology = Topology::new(
            databases.clone(),
            Arc::clone(&modules),
            moves,
            Arc::clone(&beside),
            config.clone(),
        );
        let mut served = modules.served.clone();
        served.push((Arc::new(TopologiesServer(Arc::new(topology))), TOPOLOGY_CALLERS));
        let dispatchers = Dispatchers::new(served, modules.credentials.clone(), tasks.clone());

        let parts = Internal {
            dispatchers: Arc::new(dispatchers),
            databases: databases.clone(),
            readiness: readiness.clone(),
            public: public.clone(),
            tls: modules.credentials.tls.clone(),
        };
        let probes = match listeners.probes {
            Some(listener) => {
                let address = address(&listener, "`probes`")?;
                let opened = server::probes(listener, &parts).map_err(failed(address, "`probes`"))?;
                let handle = opened.handle();
                drop(tasks.spawn(opened));
                Some((address, handle))
            }
            None => None,
        };
        if let Some(tls) = &parts.tls {
            drop(tasks.spawn(renew::renew(tls.clone(), config.contracts.tls.clone(), clock, tasks.clone())));
        }
        let internal = server::internal(listeners.internal, parts, &config)
            .map_err(failed(addresses.1, "--internal"))?;
        let internal_handle = internal.handle();
        drop(tasks.spawn(internal));

        let (peers, broker) =
            tokio::join!(compose::greet(&modules.peers), compose::greet_broker(modules.broker.as_ref()));
        peers?;
        broker?;
        fault!("boot.before_recover");
        beside.start();
        public.follow_revocations(&tasks);
        drop(tasks.spawn(public.clone().forget(tasks.clone())));
        drop(tasks.spawn(public.clone().steer(tasks.clone())));
        platform::metrics::count(&tasks);

        let public =
            server::public(listeners.public, public, &config).map_err(failed(addresses.0, "--listen"))?;
        let public_handle = public.handle();
        drop(tasks.spawn(public));
        fault!("boot.before_ready");
        readiness.set(true);
        Ok(OpenShop {
            addresses,
            probes,
            tasks,
            databases,
            modules,
            readiness,
            handles: (public_handle, internal_handle),
        })
    }
}

/// A shop that takes requests.
pub struct OpenShop {
    addresses: (SocketAddr, SocketAddr),
    probes: Option<(SocketAddr, ServerHandle)>,
    tasks: Tasks,
    /// Its databases.
    pub databases: Databases,
    /// Its modules.
    pub modules: Arc<Modules>,
    readiness: Readiness,
    handles: (ServerHandle, ServerHandle),
}

impl OpenShop {
    /// Where the world reaches it.
    pub fn public(&self) -> SocketAddr {
        self.addresses.0
    }

    /// Where modules and probes reach it.
    pub fn internal(&self) -> SocketAddr {
        self.addresses.1
    }

    /// Where probes alone reach it, without TLS, if anywhere.
    pub fn probes(&self) -> Option<SocketAddr> {
        self.probes.as_ref().map(|(address, _)| *address)
    }

    /// Closes in order: says so, finishes what was begun, stops the rest, lets go of the databases.
    pub async fn close(self) {
        self.readiness.set(false);
        tokio::time::sleep(DRAIN).await;
        self.handles.0.stop(true).await;
        fault!("drain.mid");
        self.tasks.stopping().cancel();
        self.handles.1.stop(true).await;
        if let Some((_, handle)) = &self.probes {
            handle.stop(true).await;
        }
        if !self.tasks.stop(TASKS).await {
            tracing::warn!("some work was left where it stands and goes on at the next start");
        }
        fault!("drain.before_close");
        self.databases.close().await;
    }
}

impl Listeners {
    /// Takes the addresses that the settings name; a port of 0 takes any that is free.
    ///
    /// # Errors
    /// An address cannot be listened on.
    pub fn bind(config: &Config) -> Result<Self, StartError> {
        Ok(Self {
            public: listen(config.listen, "--listen")?,
            internal: listen(config.internal, "--internal")?,
            probes: config.probes.0.map(|address| listen(address, "`probes`")).transpose()?,
        })
    }

    /// Where the world will reach it.
    ///
    /// # Errors
    /// The system does not say.
    pub fn public(&self) -> Result<SocketAddr, StartError> {
        address(&self.public, "--listen")
    }

    /// Where modules and probes will reach it.
    ///
    /// # Errors
    /// The system does not say.
    pub fn internal(&self) -> Result<SocketAddr, StartError> {
        address(&self.internal, "--internal")
    }
}

fn address(listener: &TcpListener, setting: &'static str) -> Result<SocketAddr, StartError> {
    let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
    listener.local_addr().map_err(|source| StartError::Listen { address: nowhere, setting, source })
}

fn listen(address: SocketAddr, setting: &'static str) -> Result<TcpListener, StartError> {
    let failed = |source| StartError::Listen { address, setting, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}
