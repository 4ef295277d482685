//! The two listeners: one for the world, one for modules and probes.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer};
use kernel::Clock;
use platform::calls::{self, Dispatchers};
use platform::http::admission::Admission;
use platform::http::{Authenticate, BodyLimit, Frame, Pages, Routes, documents};
use platform::tls::Tls;
use platform::{Mount, Tasks};
use serde_json::json;

use crate::compose::Modules;
use crate::config::Config;
use crate::databases::Databases;
use crate::declared::{Declared, MODULES};
use crate::gateway::authentication::Gatekeeper;
use crate::gateway::describe::described;
use crate::gateway::events::{self, EventFeed};
use crate::gateway::expand::Expander;
use crate::gateway::forward::Forwarder;
use crate::gateway::limit::Limits;
use crate::gateway::reshape::Reshaper;
use crate::gateway::routes;
use crate::gateway::{Gateway, Steer};

/// The largest request of a contract call, in bytes.
const LARGEST_CALL: usize = 4 * 1024 * 1024;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// How long an idle connection of another process is kept; longer than any of them keeps it.
const INTERNAL_KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How often clients that were not seen for a while are forgotten, which bounds the memory that many take.
const FORGET_EVERY: Duration = Duration::from_secs(10);
/// How long the internal listener waits for its last answers.
const INTERNAL_PATIENCE: u64 = 2;

/// Whether the process can take requests.
#[derive(Clone, Default)]
pub(crate) struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Says whether it can.
    pub(crate) fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The API: the routes of the modules that are here, in the frame around all of them.
#[derive(Clone)]
pub(crate) struct Public {
    mounts: Arc<Vec<(Mount, &'static Declared)>>,
    /// The logs of all modules as one feed.
    feed: EventFeed,
    frame: Frame,
    gatekeeper: Arc<Gatekeeper>,
    gateway: Arc<Gateway>,
    body_limit: BodyLimit,
    pages: Pages,
}

impl Public {
    /// The API of these modules and of those they have a way to.
    pub(crate) fn new(modules: &Modules, config: &Config, clock: Clock) -> Self {
        let api = routes::openapi();
        let gatekeeper = Arc::new(Gatekeeper::new(Arc::clone(&modules.users), clock.clone()));
        let declared = |name| MODULES.iter().find(|declared| declared.name == name);
        let mounts = modules.mounts().into_iter();
        let mounts = mounts.filter_map(|mount| declared(mount.db.module()).map(|module| (mount, module)));
        let peers = modules
            .peers
            .iter()
            .filter_map(|peer| Some((Arc::clone(peer), routes::prefixes(declared(peer.module())?))));
        let expander = Expander {
            users: Arc::clone(&modules.users),
            payments: Arc::clone(&modules.payments),
            orders: Arc::clone(&modules.orders),
        };
        let admission = config.gateway.admitting().map(|settings| Arc::new(Admission::new(settings, &api)));
        Self {
            mounts: Arc::new(mounts.collect()),
            feed: EventFeed::new(Arc::clone(&modules.feeds)),
            frame: Frame::new(clock, Arc::clone(&gatekeeper) as Arc<dyn Authenticate>, &api),
            gatekeeper,
            gateway: Arc::new(Gateway {
                admission,
                limits: Limits::new(&config.gateway),
                reshaper: Arc::new(Reshaper::new(&api, expander)),
                forwarder: Forwarder::new(peers),
            }),
            body_limit: BodyLimit(config.http.body_limit.get()),
            pages: Pages::new(&documents(described(api))),
        }
    }

    /// Learns which tokens are revoked, until the process stops.
    pub(crate) fn follow_revocations(&self, tasks: &Tasks) {
        drop(tasks.spawn(self.gatekeeper.follow(tasks.clone())));
    }

    /// Forgets idle clients until the process stops.
    pub(crate) async fn forget(self, tasks: Tasks) {
        while tasks.pause(FORGET_EVERY).await {
            self.gateway.limits.forget();
        }
    }

    /// Steers how many requests are let in until the process stops.
    pub(crate) async fn steer(self, tasks: Tasks) {
        let databases = self.mounts.iter().map(|(mount, _)| mount.db.clone()).collect();
        if let Some(admission) = &self.gateway.admission {
            Steer::new(Arc::clone(admission), databases).run(tasks).await;
        }
    }

    /// Mounts what is here.
    fn mount(&self, app: &mut ServiceConfig) {
        app.app_data(self.body_limit);
        for (mount, declared) in self.mounts.iter() {
            (mount.services)(app);
            (declared.routes)(&mut Routes::of(app));
        }
    }

    /// Mounts what belongs to no module.
    fn mount_gateway(&self, app: &mut ServiceConfig) {
        app.app_data(Data::new(self.feed.clone()));
        events::routes(&mut Routes::of(app));
        app.route("/problems", web::get().to(problems)).configure(|app| self.pages.mount(app));
    }
}

/// The listener for shops and staff.
///
/// # Errors
/// The socket cannot be listened on.
pub(crate) fn public(listener: TcpListener, api: Public, config: &Config) -> io::Result<Server> {
    let settings = config.http.clone();
    let server = HttpServer::new(move || {
        App::new()
            .configure(|app| api.mount(app))
            .configure(|app| api.mount_gateway(app))
            .wrap(api.frame.clone().behind(Arc::clone(&api.gateway) as Arc<dyn platform::http::Gateway>))
    })
    .workers(settings.workers())
    .backlog(BACKLOG)
    // An answer that comes in pieces would wait for the acknowledgement of its first.
    .tcp_nodelay(true)
    .max_connections(settings.max_connections.get())
    .keep_alive(settings.keep_alive)
    .client_request_timeout(settings.client_request_timeout)
    .client_disconnect_timeout(Duration::from_secs(1))
    .shutdown_timeout(settings.shutdown.as_secs().saturating_sub(5).max(1))
    .disable_signals()
    .listen(listener)?
    .run();
    Ok(server)
}

/// What the internal listener needs.
#[derive(Clone)]
pub(crate) struct Internal {
    pub dispatchers: Arc<Dispatchers>,
    pub databases: Databases,
    pub readiness: Readiness,
    pub public: Public,
    pub tls: Option<Tls>,
}

/// The listener for contract calls, for probes, and for what other processes forward: only to modules that are here,
/// so nothing is forwarded twice.
///
/// # Errors
/// The socket cannot be listened on.
pub(crate) fn internal(listener: TcpListener, parts: Internal, config: &Config) -> io::Result<Server> {
    // Where there are no other processes nothing is forwarded, and routes take memory.
    let shared = config.contracts.is_shared();
    let workers = if shared { config.http.workers() } else { 1 };
    let (tls, met) = (parts.tls.clone(), parts.tls.clone());
    let server = HttpServer::new(move || {
        let api = web::scope("").wrap(parts.public.frame.clone());
        let api = if shared { api.configure(|app| parts.public.mount(app)) } else { api };
        App::new()
            .app_data(Data::from(Arc::clone(&parts.dispatchers)))
            .app_data(web::PayloadConfig::new(LARGEST_CALL))
            .configure(|app| probed(app, &parts.databases, &parts.readiness))
            .configure(calls::configure)
            .service(api)
    })
    .on_connect(move |connection, about| met.iter().for_each(|tls| tls.meet(connection, about)))
    .workers(workers)
    .backlog(BACKLOG)
    .tcp_nodelay(true)
    .keep_alive(INTERNAL_KEEP_ALIVE)
    .shutdown_timeout(INTERNAL_PATIENCE)
    .disable_signals();
    let server = match tls {
        Some(tls) => server.listen_rustls_0_23(listener, tls.server().map_err(io::Error::other)?)?,
        None => server.listen(listener)?,
    };
    Ok(server.run())
}

/// The listener for who watches the process and has no certificate.
///
/// # Errors
/// The socket cannot be listened on.
pub(crate) fn probes(listener: TcpListener, parts: &Internal) -> io::Result<Server> {
    let (databases, readiness) = (parts.databases.clone(), parts.readiness.clone());
    let server = HttpServer::new(move || App::new().configure(|app| probed(app, &databases, &readiness)))
        .workers(1)
        .shutdown_timeout(INTERNAL_PATIENCE)
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}

fn probed(app: &mut ServiceConfig, databases: &Databases, readiness: &Readiness) {
    app.app_data(Data::new((databases.clone(), readiness.clone())))
        .route("/livez", web::get().to(HttpResponse::NoContent))
        .route("/readyz", web::get().to(readyz))
        .route("/metrics", web::get().to(metrics))
        .route("/version", web::get().to(version));
}

/// Ready when it was started, does not drain, and every database gives a sign of life.
async fn readyz(state: Data<(Databases, Readiness)>) -> HttpResponse {
    let (databases, readiness) = state.get_ref();
    if !readiness.is_set() {
        return HttpResponse::ServiceUnavailable()
            .json(json!({ "ready": false, "reason": "starting or stopping" }));
    }
    for db in databases.all() {
        if db.ping().await.is_err() {
            let reason = format!("the database of the {} module gives no answer", db.module());
            return HttpResponse::ServiceUnavailable().json(json!({ "ready": false, "reason": reason }));
        }
    }
    HttpResponse::Ok().json(json!({ "ready": true }))
}

async fn metrics(state: Data<(Databases, Readiness)>) -> HttpResponse {
    match platform::metrics::text(state.0.all()).await {
        Ok(text) => HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text),
        Err(error) => HttpResponse::ServiceUnavailable().body(error.to_string()),
    }
}

/// The page that every problem's `type` points into.
async fn problems() -> HttpResponse {
    HttpResponse::Ok().content_type("text/markdown; charset=utf-8").body(include_str!("../docs/http.md"))
}

async fn version() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") }))
}
