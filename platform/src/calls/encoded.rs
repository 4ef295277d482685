//! A call forced through encoding, dispatch and decoding without leaving the process.

use std::sync::Arc;

use kernel::call::{Call, CallFailure, Channel, Dispatch, FailureReason, Method, Reply};

use super::gate;
use crate::tasks::{self, Tasks};

/// Speaks to a dispatcher in the same process as if it were elsewhere.
pub struct EncodedChannel {
    to: Arc<dyn Dispatch>,
    tasks: Tasks,
}

impl EncodedChannel {
    /// A channel to this dispatcher.
    pub fn new(to: Arc<dyn Dispatch>, tasks: Tasks) -> Self {
        Self { to, tasks }
    }
}

#[kernel::macros::async_trait]
impl Channel for EncodedChannel {
    async fn send(
        &self,
        method: &'static Method,
        call: &Call,
        request: Vec<u8>,
    ) -> Result<Reply, CallFailure> {
        let patience = gate::admit(call)?;
        let (to, call) = (Arc::clone(&self.to), call.clone());
        let work = tasks::traced(call.traceparent.clone(), async move {
            to.dispatch(method.name, &call, &request).await
        });
        match tokio::time::timeout(patience, self.tasks.spawn(work)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_panicked)) => Err(CallFailure::internal()),
            Err(_elapsed) => Err(CallFailure::maybe_executed(FailureReason::DeadlineExceeded)),
        }
    }
}
