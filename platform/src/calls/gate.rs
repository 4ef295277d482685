//! The rules for a call to the module next door. They are those of the network: what would break when split must
//! break here.

use std::time::Instant;

use kernel::call::{BoxFuture, Call, CallFailure, FailureReason, Gate, Method, Retry};
use tracing::Instrument as _;

use crate::metrics;
use crate::tasks::{self, Tasks};

/// Lets calls through within one process.
pub struct LocalGate {
    tasks: Tasks,
}

impl LocalGate {
    /// A gate whose work is supervised by these tasks.
    pub fn new(tasks: Tasks) -> Self {
        Self { tasks }
    }
}

impl Gate for LocalGate {
    fn run<'a>(
        &'a self,
        method: &'static Method,
        call: &'a Call,
        work: BoxFuture<'static, ()>,
    ) -> BoxFuture<'a, Result<(), CallFailure>> {
        let span = tracing::info_span!(
            "contract.call", contract = method.contract, method = method.name, request.id = %call.request_id
        );
        Box::pin(
            async move {
                let patience = admit(call)?;
                let work = tasks::traced(call.traceparent.clone(), work);
                let began = Instant::now();
                let outcome = match method.retry {
                    Retry::Read => tokio::time::timeout(patience, work).await.map(Ok),
                    // What changes something goes on to its end; the deadline ends only the waiting.
                    Retry::Keyed | Retry::Once => {
                        tokio::time::timeout(patience, self.tasks.spawn(work)).await
                    }
                };
                let outcome = match outcome {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(_panicked)) => Err(CallFailure::internal()),
                    Err(_elapsed) => Err(CallFailure::maybe_executed(FailureReason::DeadlineExceeded)),
                };
                metrics::call(method, "here", began, outcome.as_ref().copied());
                outcome
            }
            .instrument(span),
        )
    }
}

/// What holds for every call: no transaction is open, and somebody still waits for the answer.
pub(super) fn admit(call: &Call) -> Result<std::time::Duration, CallFailure> {
    debug_assert!(!tasks::in_transaction(), "another module is called while a transaction is open");
    let remaining = call.remaining();
    if remaining.is_zero() {
        return Err(CallFailure::not_executed(FailureReason::DeadlineExceeded));
    }
    Ok(remaining)
}
