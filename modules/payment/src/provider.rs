//! Who moves the money: a provider, asked by keys that it recognises when they are repeated.

pub(crate) mod test;
pub(crate) mod webhook;

use std::collections::HashMap;
use std::sync::Arc;

use kernel::{Moment, Money};
use payment_api::CaptureMethod;
use uuid::Uuid;

/// A charge, as it is asked for and asked about.
#[derive(Debug, Clone)]
pub(crate) struct Charge {
    /// Its identity: the attempt's id.
    pub(crate) key: Uuid,
    /// What is due.
    pub(crate) amount: Money,
    /// When it is taken.
    pub(crate) capture: CaptureMethod,
    /// The payer's means of payment.
    pub(crate) token: String,
    /// When it was first sent.
    pub(crate) sent_at: Moment,
}

/// How a charge went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The money is promised.
    Authorized,
    /// The money is taken.
    Captured,
    /// Refused, with a unified code.
    Declined(&'static str),
    /// The payer has to do something there first.
    RequiresAction(String),
    /// It will be told later.
    Pending,
}

/// Why a provider gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProviderError {
    /// No clear answer came; the work may have been done.
    #[error("the provider gave no clear answer")]
    Unknown,
    /// It answered that it will not.
    #[error("the provider refused")]
    Refused,
}

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
