//! What is counted, for whoever scrapes `/metrics`: every contract call and every request, by name and outcome.
//!
//! Names and units follow the conventions of Prometheus. Labels are names that the code knows, never what a caller
//! sent: those would be without number, and personal.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use kernel::call::{Call, CallFailure, Channel, FailureReason, Method, Reply};
use kernel::macros::async_trait;
use metrics::{counter, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::db::{Db, DbError};
use crate::http::admission::Admission;
use crate::tasks::Tasks;

const CALLS: &str = "cleave_contract_call_seconds";
const REQUESTS: &str = "cleave_http_request_seconds";
/// Seconds, from a call within one process to a request that waits for a provider.
const BUCKETS: [f64; 12] =
    [0.000_05, 0.000_25, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0];
/// How often measurements are added up when nobody scrapes.
const ADD_UP: Duration = Duration::from_secs(5);

/// One for the process, however many shops a test opens in it. `None` when somebody else has claimed that place.
static RECORDER: LazyLock<Option<PrometheusHandle>> = LazyLock::new(|| {
    let builder =
        PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS);
    let recorder = builder.ok()?.install_recorder().ok()?;
    describe_histogram!(CALLS, metrics::Unit::Seconds, "Contract calls, by method, way and outcome");
    describe_histogram!(REQUESTS, metrics::Unit::Seconds, "Requests, by method, route and status");
    Some(recorder)
});

/// Begins to count, and adds up until the process stops.
pub fn count(tasks: &Tasks) {
    let (recorder, stopping) = (LazyLock::force(&RECORDER), tasks.clone());
    drop(tasks.spawn(async move {
        while stopping.pause(ADD_UP).await {
            if let Some(recorder) = recorder {
                recorder.run_upkeep();
            }
        }
    }));
}

/// A contract call ended.
pub(crate) fn call(
    method: &'static Method,
    way: &'static str,
    began: Instant,
    outcome: Result<(), &CallFailure>,
) {
    let outcome = match outcome {
        Ok(()) => "answered",
        Err(failure) => match failure.reason {
            FailureReason::Unreachable => "unreachable",
            FailureReason::DeadlineExceeded => "deadline_exceeded",
            FailureReason::Overloaded => "overloaded",
            FailureReason::Incompatible => "incompatible",
            FailureReason::Internal => "internal",
        },
    };
    histogram!(
        CALLS, "contract" => method.contract, "method" => method.name, "way" => way, "outcome" => outcome
    )
    .record(began.elapsed());
}

/// A request was answered. Without a route it was for nothing we have, or for a module elsewhere.
pub(crate) fn request(method: &str, route: Option<String>, status: StatusCode, began: Instant) {
    let method = match method {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        _ => "other",
    };
    let route = route.unwrap_or_default();
    histogram!(REQUESTS, "method" => method, "route" => route, "status" => status.as_str().to_owned())
        .record(began.elapsed());
}

/// How the gate before all requests stands.
pub fn admission(gate: &Admission) {
    gauge!("cleave_admission_limit").set(f64::from(gate.limit()));
    for (priority, standing) in gate.standings() {
        let priority = priority.name();
        counter!("cleave_admission_admitted_total", "priority" => priority).absolute(standing.admitted);
        counter!("cleave_admission_shed_total", "priority" => priority).absolute(standing.shed);
        gauge!("cleave_admission_waiting", "priority" => priority).set(f64::from(standing.waiting));
        gauge!("cleave_admission_active", "priority" => priority).set(f64::from(standing.taken));
    }
}

/// Everything as Prometheus reads it, with how these databases stand now.
///
/// # Errors
/// A database cannot be asked.
pub async fn text(databases: &[Db]) -> Result<String, DbError> {
    for db in databases {
        let (module, counts) = (db.module(), db.stats().counts());
        counter!("cleave_db_statements_total", "module" => module).absolute(counts.statements);
        counter!("cleave_db_commits_total", "module" => module).absolute(counts.commits);
        let (last,): (i64,) =
            db.query("SELECT CAST(COALESCE(MAX(position), 0) AS BIGINT) FROM events").one().await?;
        gauge!("cleave_events_position", "source" => module).set(last as f64);
        let cursors: Vec<(String, String, i64)> =
            db.query("SELECT listener, source, position FROM cursors").all().await?;
        for (listener, source, position) in cursors {
            gauge!("cleave_listener_position", "listener" => listener, "source" => source)
                .set(position as f64);
        }
        let (parked,): (i64,) = db.query("SELECT COUNT(*) FROM parked_events").one().await?;
        gauge!("cleave_parked_events", "module" => module).set(parked as f64);
        let (failed,): (i64,) =
            db.query("SELECT COUNT(*) FROM jobs WHERE failed_at IS NOT NULL").one().await?;
        gauge!("cleave_failed_jobs", "module" => module).set(failed as f64);
    }
    Ok(RECORDER.as_ref().map(PrometheusHandle::render).unwrap_or_default())
}

/// A channel whose calls are counted.
pub(crate) struct Counted {
    channel: Arc<dyn Channel>,
    way: &'static str,
}

impl Counted {
    /// Counts what goes through this channel as calls on that way.
    pub(crate) fn new(channel: Arc<dyn Channel>, way: &'static str) -> Self {
        Self { channel, way }
    }
}

#[async_trait]
impl Channel for Counted {
    async fn send(
        &self,
        method: &'static Method,
        call: &Call,
        request: Vec<u8>,
    ) -> Result<Reply, CallFailure> {
        let began = Instant::now();
        let sent = self.channel.send(method, call, request).await;
        self::call(method, self.way, began, sent.as_ref().map(drop));
        sent
    }
}
