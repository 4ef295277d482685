//! What a provider can do, and the ones that are switched on.

use std::collections::HashMap;
use std::sync::Arc;

use kernel::Money;
use uuid::Uuid;

use super::{Charge, Outcome, ProviderError};

/// A payment provider. Every call that moves money carries a key and may be repeated under it.
#[kernel::macros::async_trait]
pub(crate) trait Provider: Send + Sync {
    /// Its name in the API: `test`.
    fn name(&self) -> &'static str;

    /// Whether a token is one of its own.
    fn knows(&self, token: &str) -> bool;

    /// Asks for a charge.
    async fn authorize(&self, charge: &Charge) -> Result<Outcome, ProviderError>;

    /// Asks how a charge went; `None` when it never arrived.
    async fn query(&self, charge: &Charge) -> Result<Option<Outcome>, ProviderError>;

    /// Takes authorised money.
    async fn capture(&self, key: Uuid, charge: Uuid, amount: Money) -> Result<(), ProviderError>;

    /// Gives up what is authorised.
    async fn void(&self, charge: Uuid) -> Result<(), ProviderError>;

    /// Gives captured money back.
    async fn refund(&self, key: Uuid, charge: &Charge, amount: Money) -> Result<(), ProviderError>;
}

/// The providers that are switched on.
#[derive(Clone, Default)]
pub(crate) struct Providers(HashMap<&'static str, Arc<dyn Provider>>);

impl Providers {
    /// These providers.
    pub(crate) fn new(providers: impl IntoIterator<Item = Arc<dyn Provider>>) -> Self {
        Self(providers.into_iter().map(|provider| (provider.name(), provider)).collect())
    }

    /// The provider of this name.
    pub(crate) fn find(&self, name: &str) -> Option<&dyn Provider> {
        self.0.get(name).map(Arc::as_ref)
    }
}
