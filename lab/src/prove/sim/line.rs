//! The line between two modules: what is said on it travels as bytes, and may be lost, or come late.

use std::sync::{Arc, Mutex, PoisonError};

use kernel::call::{Channel, Dispatch, Method, Reply};
use kernel::contract::{Route, Routing};
use kernel::{Call, CallFailure, FailureReason};
use platform::Tasks;
use serde_json::Value;
use uuid::Uuid;

use super::mutant::Mutant;
use super::plan::Kind;
use super::world::{Process, Spot};

/// A module in each of the processes, as others reach it.
#[derive(Clone, Default)]
pub(super) struct Line(Arc<Mutex<Ends>>);

#[derive(Default)]
struct Ends {
    modules: Vec<Option<Arc<dyn Dispatch>>>,
    tasks: Option<Tasks>,
}

impl Line {
    /// From now on this module answers in this process.
    pub(super) fn connect(&self, process: usize, module: Arc<dyn Dispatch>, tasks: &Tasks) {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ends.modules.len() <= process {
            ends.modules.resize_with(process + 1, || None);
        }
        ends.modules[process] = Some(module);
        ends.tasks = Some(tasks.clone());
    }

    fn end(&self, process: usize) -> Option<(Arc<dyn Dispatch>, Tasks)> {
        let ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some((ends.modules.get(process)?.clone()?, ends.tasks.clone()?))
    }
}

impl<M: ?Sized + Send + Sync> Routing<M> for Line {
    fn route(&self) -> Route<M> {
        Route::Through(Arc::new(self.clone()))
    }
}

#[kernel::macros::async_trait]
impl Channel for Line {
    async fn send(
        &self,
        method: &'static Method,
        call: &Call,
        request: Vec<u8>,
    ) -> Result<Reply, CallFailure> {
        let unreachable = CallFailure::not_executed(FailureReason::Unreachable);
        let process = Process::here().ok_or(unreachable.clone())?;
        let (module, tasks) = self.end(process.place).ok_or(unreachable.clone())?;
        let mutant = process.world.mutant;
        if let Some(reply) = instead(mutant, method.name) {
            return Ok(reply);
        }
        let request = changed(mutant, method.name, request, &process);
        let trouble = process.turn_at(Spot::Call, method.name).await;
        let lost = CallFailure::maybe_executed(FailureReason::DeadlineExceeded);
        match trouble {
            Some(Kind::NotSent) => return Err(unreachable),
            Some(Kind::Late) => {
                // The caller goes on at once; whoever is called begins when its turn comes.
                let (call, process) = (call.clone(), Arc::clone(&process));
                drop(tasks.spawn(async move {
                    process.turn_at(Spot::Answer, "late").await;
                    module.dispatch(method.name, &call, &request).await
                }));
                return Err(lost);
            }
            _ => {}
        }
        let reply = module.dispatch(method.name, call, &request).await;
        process.turn_at(Spot::Answer, method.name).await;
        if trouble == Some(Kind::AnswerLost) { Err(lost) } else { reply }
    }
}

/// What is answered without anybody being asked.
fn instead(mutant: Option<Mutant>, method: &str) -> Option<Reply> {
    let nothing_given_back = mutant == Some(Mutant::NothingGivenBack) && method == "cancel";
    nothing_given_back.then(|| {
        let payment = payment_api::Payment {
            intent_id: kernel::Id::from_uuid(Uuid::nil()),
            outcome: payment_api::PaymentOutcome::Canceled,
        };
        Reply::Answer(serde_json::to_vec(&payment).unwrap_or_default())
    })
}

/// What is asked instead.
fn changed(mutant: Option<Mutant>, method: &str, request: Vec<u8>, process: &Process) -> Vec<u8> {
    if mutant != Some(Mutant::NewChargeKey) || method != "pay" {
        return request;
    }
    let Ok(mut body) = serde_json::from_slice::<Value>(&request) else { return request };
    body["key"] = process.world.clock.uuid().to_string().into();
    serde_json::to_vec(&body).unwrap_or(request)
}
