//! What a provider can do, and the ones that are switched on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Charge, Instruction, Outcome, ProviderError};

/// A payment provider. Every call that moves money carries a key and may be repeated under it: the repetition does
/// nothing and brings the answer of the first.
#[kernel::macros::async_trait]
pub(crate) trait Provider: Send + Sync {
    /// Its name in the API: `test`.
    fn name(&self) -> &str;

    /// Whether a token is one of its own.
    fn knows(&self, token: &str) -> bool;

    /// Asks for a charge.
    async fn authorize(&self, charge: &Charge) -> Result<Outcome, ProviderError>;

    /// Asks how a charge went; `None` when it never arrived.
    async fn query(&self, charge: &Charge) -> Result<Option<Outcome>, ProviderError>;

    /// Asks for promised money to be taken or given up, or for taken money to be given back.
    async fn carry_out(&self, instruction: &Instruction) -> Result<(), ProviderError>;
}

/// The providers that are switched on.
#[derive(Clone)]
pub(crate) struct Providers {
    known: HashMap<String, Arc<dyn Provider>>,
    limit: Duration,
}

/// A provider whose every call ends in time. One that does not answer has an outcome that is not known.
#[derive(Clone, Copy)]
pub(crate) struct Patient<'p> {
    provider: &'p dyn Provider,
    limit: Duration,
}

/// Time for what a process does around a call: while a caller may still be about to store the answer, nobody else
/// asks.
const MARGIN: Duration = Duration::from_secs(2);

impl Providers {
    /// These providers, each given so much time for a call.
    pub(crate) fn new(providers: impl IntoIterator<Item = Arc<dyn Provider>>, limit: Duration) -> Self {
        let known = providers.into_iter().map(|provider| (provider.name().to_owned(), provider)).collect();
        Self { known, limit }
    }

    /// The provider of this name.
    pub(crate) fn find(&self, name: &str) -> Option<Patient<'_>> {
        self.known.get(name).map(|provider| Patient { provider: provider.as_ref(), limit: self.limit })
    }

    /// After this time whoever asked has an answer or is gone, and somebody else may ask.
    pub(crate) fn patience(&self) -> Duration {
        self.limit + MARGIN
    }
}

impl Patient<'_> {
    /// Whether a token is one of its own.
    pub(crate) fn knows(self, token: &str) -> bool {
        self.provider.knows(token)
    }

    /// Asks for a charge.
    pub(crate) async fn authorize(self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.within(self.provider.authorize(charge)).await
    }

    /// Asks how a charge went; `None` when it never arrived.
    pub(crate) async fn query(self, charge: &Charge) -> Result<Option<Outcome>, ProviderError> {
        self.within(self.provider.query(charge)).await
    }

    /// Asks for money to be moved.
    pub(crate) async fn carry_out(self, instruction: &Instruction) -> Result<(), ProviderError> {
        self.within(self.provider.carry_out(instruction)).await
    }

    async fn within<T>(
        self,
        answer: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        tokio::time::timeout(self.limit, answer).await.unwrap_or(Err(ProviderError::Unknown))
    }
}
