//! A provider that is a process of its own and speaks the small protocol of `docs/payment-providers.md` over HTTP.
//!
//! Whatever it answers that is not exactly what the protocol says is no answer: the outcome is unknown then, and it is
//! asked about under the same key.

pub(crate) mod wire;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use payment_api::AttemptId;
use platform::tls;
use reqwest::{Client, Method, StatusCode};

use super::webhook::WebhookSecret;
use super::{Charge, Instruction, Outcome, Provider, ProviderError};
use wire::{ChargeAnswer, ChargeBody, Fate, MovementAnswer, MovementBody, Unbelievable};

/// How long a connection to it may take to come about.
const CONNECT: Duration = Duration::from_secs(1);
/// The longest answer that is read.
const LONGEST_ANSWER: usize = 64 * 1024;
/// The longest token of a payer's means of payment.
const LONGEST_TOKEN: usize = 500;

/// Where such a provider is.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// Its name in the API, and where its webhooks arrive: `/v1/webhooks/{name}`.
    pub name: String,
    /// What its paths are added to: `https://pay.example/v1`.
    pub url: String,
    /// What it is shown with every call.
    pub key: ProviderKey,
    /// What its webhooks are signed with.
    pub webhook_secret: WebhookSecret,
}

/// What a provider is shown by the shop. Never printed.
#[derive(Clone)]
pub struct ProviderKey(String);

/// The text is no key of a provider. It is not repeated here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key of a payment provider is 16 to 500 visible ASCII characters without spaces")]
pub struct MalformedKey;

impl FromStr for ProviderKey {
    type Err = MalformedKey;

    fn from_str(text: &str) -> Result<Self, MalformedKey> {
        let fits = (16..=500).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(MalformedKey) }
    }
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderKey(…)")
    }
}

/// A provider elsewhere.
pub(crate) struct HttpProvider {
    name: String,
    url: String,
    key: ProviderKey,
    client: Client,
}

/// Why there is no answer. For the log; whoever asked hears that the outcome is unknown.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("it could not be asked, or its answer broke off")]
    Http(#[from] reqwest::Error),
    #[error("its answer is longer than {LONGEST_ANSWER} bytes")]
    TooLong,
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error(transparent)]
    Unbelievable(#[from] Unbelievable),
}

impl HttpProvider {
    /// The provider at this place.
    ///
    /// # Errors
    /// No connection could be secured on this machine.
    pub(crate) fn new(settings: &ProviderSettings) -> Result<Self, tls::OutsideError> {
        let secured = settings.url.starts_with("https://");
        let builder = if secured { tls::outside_client()? } else { tls::plain_client()? };
        let builder = builder.connect_timeout(CONNECT).redirect(reqwest::redirect::Policy::none()).no_proxy();
        Ok(Self {
            name: settings.name.clone(),
            url: settings.url.trim_end_matches('/').to_owned(),
            key: settings.key.clone(),
            client: builder.build()?,
        })
    }

    fn path(&self, charge: &Charge) -> String {
        format!("{}/charges/{}", self.url, AttemptId::from_uuid(charge.key))
    }

    /// Sends a request and reads its answer whole.
    async fn call(
        &self,
        method: Method,
        url: String,
        body: Option<Vec<u8>>,
    ) -> Result<(StatusCode, Vec<u8>), CallError> {
        let mut request = self.client.request(method, url).bearer_auth(&self.key.0);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let mut response = request.send().await?;
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if answer.len() + chunk.len() > LONGEST_ANSWER {
                return Err(CallError::TooLong);
            }
            answer.extend_from_slice(&chunk);
        }
        Ok((response.status(), answer))
    }

    async fn ask_for(&self, charge: &Charge) -> Result<Outcome, CallError> {
        let body = ChargeBody::of(charge).to_bytes();
        let (status, answer) = self.call(Method::PUT, self.path(charge), Some(body)).await?;
        match status {
            StatusCode::OK => Ok(ChargeAnswer::read(&answer)?.believe(charge)?),
            other => Err(CallError::Status(other)),
        }
    }

    async fn ask_about(&self, charge: &Charge) -> Result<Option<Outcome>, CallError> {
        let (status, answer) = self.call(Method::GET, self.path(charge), None).await?;
        match status {
            StatusCode::OK => Ok(Some(ChargeAnswer::read(&answer)?.believe(charge)?)),
            // Only in these words: a proxy that has lost its way says 404, too, and the money may be gone.
            StatusCode::NOT_FOUND if wire::never_heard_of(charge, &answer) => Ok(None),
            other => Err(CallError::Status(other)),
        }
    }

    async fn move_money(&self, instruction: &Instruction) -> Result<Fate, CallError> {
        let url = format!("{}/movements/{}", self.path(&instruction.charge), instruction.key);
        let body = MovementBody::of(instruction).to_bytes();
        match self.call(Method::PUT, url, Some(body)).await? {
            (StatusCode::OK, answer) => Ok(MovementAnswer::read(&answer)?.believe(instruction)?),
            (other, _) => Err(CallError::Status(other)),
        }
    }

    /// That a call brought no answer that can be believed.
    fn unknown(&self, charge: &Charge, error: &CallError) -> ProviderError {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::warn!(
            provider = self.name, attempt.id = %AttemptId::from_uuid(charge.key), error = %error, cause,
            "a payment provider gave no clear answer; it is asked again under the same key"
        );
        ProviderError::Unknown
    }
}

#[kernel::macros::async_trait]
impl Provider for HttpProvider {
    fn name(&self) -> &str {
        &self.name
    }

    /// Whether it could be one. Which ones there are only it can say: it declines the others.
    fn knows(&self, token: &str) -> bool {
        (1..=LONGEST_TOKEN).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
    }

    async fn authorize(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.ask_for(charge).await.map_err(|error| self.unknown(charge, &error))
    }

    async fn query(&self, charge: &Charge) -> Result<Option<Outcome>, ProviderError> {
        self.ask_about(charge).await.map_err(|error| self.unknown(charge, &error))
    }

    async fn carry_out(&self, instruction: &Instruction) -> Result<(), ProviderError> {
        let fate = self.move_money(instruction).await;
        match fate.map_err(|error| self.unknown(&instruction.charge, &error))? {
            Fate::Succeeded => Ok(()),
            Fate::Refused => Err(ProviderError::Refused),
            Fate::Pending => Err(ProviderError::Unknown),
        }
    }
}
