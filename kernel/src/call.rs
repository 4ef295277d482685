//! What travels with every contract call, and how a call can fail.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::principal::Principal;

/// A boxed future, as `dyn` traits hand them around.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The context of a call: until when, for whom, and as part of what.
#[derive(Debug, Clone)]
pub struct Call {
    /// After this nobody waits for the answer any more. Crosses a process as remaining milliseconds.
    pub deadline: Instant,
    /// On whose behalf.
    pub principal: Principal,
    /// The request this is part of, as in logs and answers.
    pub request_id: Arc<str>,
    /// W3C trace context.
    pub traceparent: Option<Arc<str>>,
}

impl Call {
    /// A call by a module on its own account: a job, a sweep, a recovery worker.
    pub fn by_module(name: &str, patience: Duration) -> Self {
        Self {
            deadline: Instant::now() + patience,
            principal: Principal::Module { name: name.to_owned() },
            request_id: Arc::from(name),
            traceparent: None,
        }
    }

    /// How long the answer is still wanted; zero when it no longer is.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Why a call brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The deadline passed first.
    DeadlineExceeded,
    /// The module cannot be reached.
    Unreachable,
    /// The module is there and turned the call away: too busy, draining or starting.
    Overloaded,
    /// The module does not know the method or could not read the request.
    Incompatible,
    /// The module failed in a way that is its own affair; its log says how.
    Internal,
}

/// A call that brought no answer. The same whether the module is here or elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, utoipa::ToSchema)]
#[error("the call brought no answer: {reason:?}")]
#[serde(rename_all = "camelCase")]
pub struct CallFailure {
    /// Why.
    pub reason: FailureReason,
    /// `false` only when the callee provably did nothing.
    pub maybe_executed: bool,
    /// When it is worth asking again, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl CallFailure {
    /// A failure of which nothing is known but that the work may have been done.
    pub fn maybe_executed(reason: FailureReason) -> Self {
        Self { reason, maybe_executed: true, retry_after_ms: None }
    }

    /// A failure before anything was done.
    pub fn not_executed(reason: FailureReason) -> Self {
        Self { reason, maybe_executed: false, retry_after_ms: None }
    }

    /// The module broke inside. Its own log holds the cause; the caller learns only that.
    pub fn internal() -> Self {
        Self::maybe_executed(FailureReason::Internal)
    }
}

/// How often a method may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// Changes nothing; retry freely.
    Read,
    /// The callee recognises a repetition by a key in the request; retry with the same request.
    Keyed,
    /// Never retried by us.
    Once,
}

/// A method of a contract, as both sides know it.
#[derive(Debug, PartialEq, Eq)]
pub struct Method {
    /// `products.v1`.
    pub contract: &'static str,
    /// `reserve`.
    pub name: &'static str,
    /// Whether it may be repeated.
    pub retry: Retry,
}

/// What comes back over a wall: the answer, or the typed refusal, both in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The method's answer.
    Answer(Vec<u8>),
    /// The contract's error.
    Refusal(Vec<u8>),
}

/// The way to a module that is spoken to in bytes: over HTTP, or through the codec in one process.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Sends one request and waits for its reply, at most until the call's deadline.
    ///
    /// # Errors
    /// No reply came; see [`CallFailure::maybe_executed`] for what that means.
    async fn send(
        &self,
        method: &'static Method,
        call: &Call,
        request: Vec<u8>,
    ) -> Result<Reply, CallFailure>;
}

/// The rules that hold for a call to a module in the same process: deadline, span, no open transaction.
pub trait Gate: Send + Sync {
    /// Runs the work under the rules. Work that changes something goes on to its end even when nobody waits.
    fn run<'a>(
        &'a self,
        method: &'static Method,
        call: &'a Call,
        work: BoxFuture<'static, ()>,
    ) -> BoxFuture<'a, Result<(), CallFailure>>;
}

/// A module's contract, served: turns a method's name and bytes into a call of the trait and back.
#[async_trait]
pub trait Dispatch: Send + Sync {
    /// `products.v1`.
    fn contract(&self) -> &'static str;

    /// Everything that another implementation has to match, as JSON.
    fn descriptor(&self) -> serde_json::Value;

    /// Serves one request.
    ///
    /// # Errors
    /// The method is unknown or the request does not fit its schema; nothing was done.
    async fn dispatch(&self, method: &str, call: &Call, request: &[u8]) -> Result<Reply, CallFailure>;
}
