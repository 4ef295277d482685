//! The two listeners: one for the world, one for modules and probes.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use kernel::Clock;
use platform::calls::{self, Dispatchers};
use platform::http::{BodyLimit, Frame, docs, documents};
use platform::{Db, Mount};
use serde_json::json;
use utoipa_actix_web::AppExt as _;

use crate::config::Config;
use crate::gateway::authentication::Gatekeeper;
use crate::gateway::events::{self, EventFeed};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
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

/// What the public listener needs.
#[derive(Clone)]
pub(crate) struct Public {
    /// What the modules have to mount.
    pub mounts: Arc<Vec<Mount>>,
    /// Who tells tokens apart.
    pub gatekeeper: Arc<Gatekeeper>,
    /// The logs of all modules as one feed.
    pub feed: EventFeed,
    /// Where request ids come from.
    pub clock: Clock,
}

/// The listener for shops and staff.
///
/// # Errors
/// The socket cannot be listened on.
pub(crate) fn public(listener: TcpListener, parts: Public, config: &Config) -> io::Result<Server> {
    let settings = config.http.clone();
    let body_limit = BodyLimit(settings.body_limit.get());
    let server = HttpServer::new(move || {
        let parts = parts.clone();
        let (app, api) = App::new()
            .into_utoipa_app()
            .configure(|app| {
                app.app_data(Data::new(parts.feed.clone()));
                events::routes(app);
                for mount in parts.mounts.iter() {
                    (mount.routes)(app);
                }
            })
            .split_for_parts();
        let frame = Frame::new(parts.clock.clone(), parts.gatekeeper, &api);
        app.route("/problems", web::get().to(problems))
            .app_data(body_limit)
            .configure(docs(documents(api)))
            .wrap(frame)
    })
    .workers(settings.workers())
    .backlog(BACKLOG)
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

/// The listener for contract calls and probes.
///
/// # Errors
/// The socket cannot be listened on.
pub(crate) fn internal(
    listener: TcpListener,
    dispatchers: Arc<Dispatchers>,
    databases: [Db; 4],
    readiness: Readiness,
) -> io::Result<Server> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::from(Arc::clone(&dispatchers)))
            .app_data(Data::new((databases.clone(), readiness.clone())))
            .route("/livez", web::get().to(HttpResponse::NoContent))
            .route("/readyz", web::get().to(readyz))
            .route("/version", web::get().to(version))
            .configure(calls::configure)
    })
    .workers(1)
    .shutdown_timeout(INTERNAL_PATIENCE)
    .disable_signals()
    .listen(listener)?
    .run();
    Ok(server)
}

/// Ready when it was started, does not drain, and every database gives a sign of life.
async fn readyz(state: Data<([Db; 4], Readiness)>) -> HttpResponse {
    let (databases, readiness) = state.get_ref();
    if !readiness.is_set() {
        return HttpResponse::ServiceUnavailable()
            .json(json!({ "ready": false, "reason": "starting or stopping" }));
    }
    for db in databases {
        if db.ping().await.is_err() {
            let reason = format!("the database of the {} module gives no answer", db.module());
            return HttpResponse::ServiceUnavailable().json(json!({ "ready": false, "reason": reason }));
        }
    }
    HttpResponse::Ok().json(json!({ "ready": true }))
}

/// The page that every problem's `type` points into.
async fn problems() -> HttpResponse {
    HttpResponse::Ok().content_type("text/markdown; charset=utf-8").body(include_str!("../docs/http.md"))
}

async fn version() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") }))
}
