//! What a contract call costs beyond the work itself: within a process, written and read again, and over HTTP.

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::Data;
use actix_web::{App, HttpServer};
use hdrhistogram::Histogram;
use kernel::call::{Call, CallFailure, Dispatch};
use kernel::contract::Route;
use kernel::{Clock, contract};
use platform::Tasks;
use platform::calls::{
    ALL, Callers, Credentials, Dispatchers, EncodedChannel, LocalGate, Peer, Switch, configure,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Failure;

contract! {
    /// Says again what it is told.
    pub trait Echoes = "echoes.v1", EchoesClient, EchoesServer, EchoesError {
        /// Without a task of its own.
        Read fn look(Said) -> Said;
        /// In a task of its own, as everything that changes something.
        Keyed fn keep(Said) -> Said;
    }
}

/// Something of the size of a small request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// An id.
    pub id: String,
    /// A number.
    pub amount: i64,
}

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum EchoesError {
    /// No answer.
    #[error(transparent)]
    Failed(#[from] CallFailure),
}

struct Echo;

#[kernel::macros::async_trait]
impl Echoes for Echo {
    async fn look(&self, _: &Call, said: Said) -> Result<Said, EchoesError> {
        Ok(said)
    }

    async fn keep(&self, _: &Call, said: Said) -> Result<Said, EchoesError> {
        Ok(said)
    }
}

const CALLERS: Callers = &[];
const WARM: u32 = 2_000;
const TIMES: u32 = 20_000;

/// One way, and how long calls on it take, in nanoseconds.
struct Way {
    name: &'static str,
    look: Histogram<u64>,
    keep: Histogram<u64>,
}

/// All ways.
pub(super) struct Ways(Vec<Way>);

/// Calls one after another on each way.
pub(super) async fn measure() -> Result<Ways, Failure> {
    let (module, tasks) = (Arc::new(Echo) as Arc<dyn Echoes>, Tasks::new());
    let gate = Arc::new(LocalGate::new(tasks.clone()));
    let here = EchoesClient::new(Route::Here(Arc::clone(&module), gate));
    let server = Arc::new(EchoesServer(Arc::clone(&module)));
    let encoded = EchoesClient::new(Route::Through(Arc::new(EncodedChannel::new(server, tasks.clone()))));
    let peer = Peer::new("echo", vec![served(&module, &tasks)?], credentials()?)?;
    let peer = Arc::new(peer);
    peer.set_share(ALL);
    let elsewhere = EchoesClient::new(Switch::<dyn Echoes>::new(None, &peer, "lab"));
    let ways: [(&'static str, Arc<dyn Echoes>); 4] = [
        ("a plain call of the trait", module),
        ("here", Arc::new(here)),
        ("here, written and read again", Arc::new(encoded)),
        ("over loopback HTTP", Arc::new(elsewhere)),
    ];
    let mut measured = Vec::new();
    for (name, way) in ways {
        // As in a shop, where those who call are tasks themselves.
        let look = tokio::task::spawn(timed(Arc::clone(&way), false)).await??;
        let keep = tokio::task::spawn(timed(way, true)).await??;
        measured.push(Way { name, look, keep });
    }
    tasks.stop(Duration::from_secs(1)).await;
    Ok(Ways(measured))
}

async fn timed(way: Arc<dyn Echoes>, keeps: bool) -> Result<Histogram<u64>, Failure> {
    let mut times = Histogram::new(3)?;
    for number in 0..WARM + TIMES {
        let call = Call::by_module("lab", Duration::from_secs(5));
        let said = Said { id: "ord_01m84pramje56r83vvkev0131n".to_owned(), amount: i64::from(number) };
        let began = Instant::now();
        black_box(if keeps { way.keep(&call, said).await? } else { way.look(&call, said).await? });
        if number >= WARM {
            times.record(u64::try_from(began.elapsed().as_nanos())?)?;
        }
    }
    Ok(times)
}

fn credentials() -> Result<Credentials, Failure> {
    Ok(Credentials::secret("what only this measurement has to know".parse()?, Clock::system()))
}

/// The module behind an internal listener. Returns its address.
fn served(module: &Arc<dyn Echoes>, tasks: &Tasks) -> Result<String, Failure> {
    let server: Arc<dyn Dispatch> = Arc::new(EchoesServer(Arc::clone(module)));
    let dispatchers = Dispatchers::new([(server, CALLERS)], credentials()?, tasks.clone());
    let dispatchers = Data::new(dispatchers);
    let server = HttpServer::new(move || App::new().app_data(dispatchers.clone()).configure(configure))
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))?;
    let address = server.addrs().first().copied().ok_or("nothing listens")?;
    drop(tokio::task::spawn(server.run()));
    Ok(format!("http://{address}"))
}

impl fmt::Display for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "One contract call after another, {TIMES} times each:\n")?;
        writeln!(f, "| way | reading, p50 | p99 | changing, p50 | p99 |\n|---|---|---|---|---|")?;
        for way in &self.0 {
            let at = |times: &Histogram<u64>, quantile| times.value_at_quantile(quantile) as f64 / 1000.0;
            writeln!(
                f,
                "| {} | {:.1} µs | {:.1} µs | {:.1} µs | {:.1} µs |",
                way.name,
                at(&way.look, 0.5),
                at(&way.look, 0.99),
                at(&way.keep, 0.5),
                at(&way.keep, 0.99),
            )?;
        }
        Ok(())
    }
}
