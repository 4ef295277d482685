//! A module elsewhere: the addresses it has, and the policy for calls to it.

mod breaker;
mod budget;
mod endpoint;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use kernel::call::{Call, CallFailure, Channel, FailureReason, Method, Reply, Retry};
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::credentials::Credentials;
use super::{gate, wire};
use crate::fault;
use crate::tasks::Tasks;
use crate::tls::Tls;
use budget::Budget;

pub use endpoint::Endpoint;

/// How often names are resolved again.
const RESOLVE: Duration = Duration::from_secs(5);
/// Calls under way to one module; more would only fill its queues.
const PLACES: usize = 512;
/// How long a call waits for a place among them.
const PLACE_WAIT: Duration = Duration::from_millis(250);
/// Repetitions of a call of which nothing is known.
const RETRIES: u32 = 2;
/// Repetitions of a call that provably was not taken: a module that restarts is back within these pauses.
const RETRIES_UNTAKEN: u32 = 6;
/// All calls, in the measure of a [`Peer`]'s share.
pub const ALL: u32 = 1000;

/// The HTTP client cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Not even without TLS.
    #[error("the HTTP client cannot be set up")]
    Http(#[from] reqwest::Error),
    /// Not with TLS.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// A module as this process reaches it when it is not, or not only, here.
pub struct Peer {
    module: &'static str,
    urls: ArcSwap<Vec<String>>,
    endpoints: ArcSwap<Vec<Arc<Endpoint>>>,
    turn: AtomicUsize,
    share: AtomicU32,
    dealt: AtomicU32,
    places: Semaphore,
    budget: Budget,
    credentials: Credentials,
    refused: AtomicBool,
}

impl Peer {
    /// A module at these addresses of internal listeners, such as `http://payment:9080`; there may be none yet.
    ///
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn new(module: &'static str, urls: Vec<String>, credentials: Credentials) -> Result<Self, PeerError> {
        let peer = Self {
            module,
            urls: ArcSwap::from_pointee(Vec::new()),
            endpoints: ArcSwap::from_pointee(Vec::new()),
            turn: AtomicUsize::new(0),
            share: AtomicU32::new(0),
            dealt: AtomicU32::new(0),
            places: Semaphore::new(PLACES),
            budget: Budget::full(),
            credentials,
            refused: AtomicBool::new(false),
        };
        peer.move_to(urls)?;
        Ok(peer)
    }

    /// A process of this machine that has the certificate of this one, if it has any: this one itself, or the one that
    /// a command is for. Its certificate need not cover the address.
    ///
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn next_door(
        name: &'static str,
        address: SocketAddr,
        credentials: Credentials,
    ) -> Result<Self, PeerError> {
        let scheme = if credentials.tls.is_some() { "https" } else { "http" };
        let Some(host) = credentials.tls.as_ref().and_then(Tls::host) else {
            return Self::new(name, vec![format!("{scheme}://{address}")], credentials);
        };
        let endpoint = Endpoint::new(
            &format!("{scheme}://{host}:{}", address.port()),
            Some((&host, address)),
            &credentials,
        )?;
        let peer = Self::new(name, Vec::new(), credentials)?;
        peer.endpoints.store(Arc::new(vec![Arc::new(endpoint)]));
        Ok(peer)
    }

    /// The module.
    pub fn module(&self) -> &'static str {
        self.module
    }

    /// Where it is.
    pub fn urls(&self) -> Arc<Vec<String>> {
        self.urls.load_full()
    }

    /// From now on it is at these addresses. Calls under way end where they are.
    ///
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn move_to(&self, urls: Vec<String>) -> Result<(), PeerError> {
        let endpoints: Result<Vec<_>, _> =
            urls.iter().map(|url| Endpoint::new(url, None, &self.credentials).map(Arc::new)).collect();
        self.endpoints.store(Arc::new(endpoints?));
        self.urls.store(Arc::new(urls));
        Ok(())
    }

    /// How many of a thousand calls go elsewhere.
    pub fn share(&self) -> u32 {
        self.share.load(Ordering::Relaxed)
    }

    /// From now on so many of a thousand calls go elsewhere, [`ALL`] at most.
    pub fn set_share(&self, share: u32) {
        self.share.store(share.min(ALL), Ordering::Relaxed);
    }

    /// Whether the next call goes elsewhere. Over a thousand calls it deals out exactly the share.
    pub fn is_next_elsewhere(&self) -> bool {
        match self.share() {
            0 => false,
            ALL => true,
            // 617 has no factor in common with 1000, so each thousand turns meet every number once, well mixed.
            share => self.dealt.fetch_add(617, Ordering::Relaxed) % ALL < share,
        }
    }

    /// Whether nothing may be asked of it, because it speaks another version of its contract.
    pub fn refuse(&self, refused: bool) {
        self.refused.store(refused, Ordering::Relaxed);
    }

    /// Its own description of this contract; `Null` when it does not serve it.
    ///
    /// # Errors
    /// It gives no answer in time.
    pub async fn descriptor(&self, contract: &str, patience: Duration) -> Result<Value, CallFailure> {
        let endpoint = self.endpoint()?;
        let request = wire::describe(endpoint.base(), contract, patience)?;
        let response = endpoint.send(request).await.map_err(|error| wire::failure(&error))?;
        if response.status() != reqwest::StatusCode::OK {
            return Ok(Value::Null);
        }
        response.json().await.map_err(|error| wire::failure(&error))
    }

    /// The way of this caller's calls to it.
    pub fn channel(self: &Arc<Self>, caller: &'static str) -> PeerChannel {
        PeerChannel { peer: Arc::clone(self), caller }
    }

    /// The next address in turn that is not known to be away.
    ///
    /// # Errors
    /// None is there; nothing was sent.
    pub fn endpoint(&self) -> Result<Arc<Endpoint>, CallFailure> {
        let endpoints = self.endpoints.load();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut closed = None;
        for offset in 0..endpoints.len() {
            let Some(endpoint) = endpoints.get((turn.wrapping_add(offset)) % endpoints.len()) else {
                continue;
            };
            match endpoint.admit() {
                Ok(()) => return Ok(Arc::clone(endpoint)),
                Err(pause) => closed = Some(closed.map_or(pause, |other: Duration| other.min(pause))),
            }
        }
        let retry_after_ms = closed.map(|pause| pause.as_millis() as u64);
        Err(CallFailure { retry_after_ms, ..CallFailure::not_executed(FailureReason::Unreachable) })
    }

    async fn place(&self, patience: Duration) -> Result<SemaphorePermit<'_>, CallFailure> {
        let full = CallFailure::not_executed(FailureReason::Overloaded);
        match tokio::time::timeout(patience.min(PLACE_WAIT), self.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(full),
        }
    }

    async fn once(&self, caller: &str, path: &str, call: &Call, body: &[u8]) -> Result<Reply, CallFailure> {
        let patience = gate::admit(call)?;
        if self.refused.load(Ordering::Relaxed) {
            return Err(CallFailure::not_executed(FailureReason::Incompatible));
        }
        let endpoint = self.endpoint()?;
        let request =
            wire::request(endpoint.base(), path, caller, call, patience, body.to_vec(), &self.credentials)?;
        fault!("call.before_send");
        let response = endpoint.send(request).await.map_err(|error| wire::failure(&error))?;
        fault!("call.after_answer");
        wire::reply(response).await
    }

    /// Looks up the names in the addresses again and again, so that every machine behind a name gets its part.
    pub async fn resolve(self: Arc<Self>, tasks: Tasks) {
        loop {
            if let Err(error) = self.resolve_once().await {
                tracing::warn!(module = self.module, error = %error, "an address cannot be looked up");
            }
            if !tasks.pause(RESOLVE).await {
                return;
            }
        }
    }

    async fn resolve_once(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let (urls, known) = (self.urls(), self.endpoints.load_full());
        let mut endpoints = Vec::new();
        for base in urls.iter() {
            let url = reqwest::Url::parse(base)?;
            let (host, port) =
                (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
            let mut addresses: Vec<Option<SocketAddr>> = match url.domain() {
                None => vec![None],
                Some(_) => tokio::net::lookup_host((host, port)).await?.map(Some).collect(),
            };
            addresses.sort_unstable();
            addresses.dedup();
            for address in addresses {
                let resolved = address.map(|address| (host, address));
                let endpoint = match known.iter().find(|endpoint| endpoint.is(base, address)) {
                    Some(endpoint) => Arc::clone(endpoint),
                    None => Arc::new(Endpoint::new(base, resolved, &self.credentials)?),
                };
                endpoints.push(endpoint);
            }
        }
        let changed = endpoints.len() != known.len()
            || endpoints.iter().zip(known.iter()).any(|(new, old)| !Arc::ptr_eq(new, old));
        // Who moved it meanwhile knows better.
        if changed && Arc::ptr_eq(&urls, &self.urls()) {
            self.endpoints.store(Arc::new(endpoints));
        }
        Ok(())
    }
}

/// One caller's way to a module elsewhere.
pub struct PeerChannel {
    peer: Arc<Peer>,
    caller: &'static str,
}

#[kernel::macros::async_trait]
impl Channel for PeerChannel {
    async fn send(
        &self,
        method: &'static Method,
        call: &Call,
        request: Vec<u8>,
    ) -> Result<Reply, CallFailure> {
        let peer = &self.peer;
        let _place = peer.place(gate::admit(call)?).await?;
        peer.budget.earn();
        let path = wire::path(method);
        let mut tried = 0;
        loop {
            let failure = match peer.once(self.caller, &path, call, &request).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            let pause = Duration::from_millis(failure.retry_after_ms.unwrap_or(20 << tried));
            if !may_repeat(method.retry, &failure, tried) || call.remaining() <= pause || !peer.budget.spend()
            {
                return Err(failure);
            }
            tracing::debug!(module = peer.module, method = method.name, reason = ?failure.reason, "a call is repeated");
            tokio::time::sleep(pause).await;
            tried += 1;
        }
    }
}

/// Whether a call that failed so is made again. What was not taken may be repeated whatever it is.
fn may_repeat(retry: Retry, failure: &CallFailure, tried: u32) -> bool {
    let passing = matches!(failure.reason, FailureReason::Unreachable | FailureReason::Overloaded);
    match (failure.maybe_executed, retry) {
        (false, _) => passing && tried < RETRIES_UNTAKEN,
        (true, Retry::Read | Retry::Keyed) => passing && tried < RETRIES,
        (true, Retry::Once) => false,
    }
}
