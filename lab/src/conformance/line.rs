//! Calls as they are on the wire, written down by hand: whoever implements a contract anew reads `docs/contracts.md`,
//! and this is the second reader of it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use kernel::{CallFailure, Clock};
use platform::tls::plain_client;
use reqwest::{Client, Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::Sha256;

use super::Amiss;
use crate::Failure;

/// How long an answer is waited for, whatever the call says.
const PATIENCE: Duration = Duration::from_secs(20);

/// A way to whoever is checked.
pub struct Line {
    client: Client,
    base: String,
    secret: Vec<u8>,
    /// Tells the time and makes identities.
    pub clock: Clock,
}

/// A call, before it is signed.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub path: String,
    pub caller: &'static str,
    pub deadline: String,
    pub principal: String,
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: StatusCode,
    pub body: Value,
}

impl Ask {
    /// A call of a method of `payments.v1`, by whoever may call it.
    pub(super) fn payments(method: &str, request: &Value) -> Self {
        let caller = if method == "payments" { "gateway" } else { "order" };
        Self::of("payments.v1", method, caller, request)
    }

    /// A call of a method of `events.v1`.
    pub(super) fn events(method: &str, request: &Value) -> Self {
        Self::of("events.v1", method, "events", request)
    }

    fn of(contract: &str, method: &str, caller: &'static str, request: &Value) -> Self {
        let principal = json!({ "kind": "module", "name": caller }).to_string();
        Self {
            path: format!("/rpc/{contract}/{method}"),
            caller,
            deadline: "10000".to_owned(),
            principal: URL_SAFE_NO_PAD.encode(principal),
            body: request.to_string().into_bytes(),
        }
    }

    /// The headers that go with it, but for the signature.
    fn head(&self) -> [(&'static str, String); 3] {
        [
            ("cleave-caller", self.caller.to_owned()),
            ("cleave-deadline-ms", self.deadline.clone()),
            ("cleave-principal", self.principal.clone()),
        ]
    }
}

impl Line {
    /// To this address of an internal listener, with the secret of its shop.
    ///
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn new(url: &str, secret: &str) -> Result<Self, Failure> {
        let client = plain_client()?.no_proxy().timeout(PATIENCE).build()?;
        let base = url.trim_end_matches('/').to_owned();
        Ok(Self { client, base, secret: secret.as_bytes().to_vec(), clock: Clock::system() })
    }

    /// Looks whether anybody is there.
    pub(super) async fn reach(&self) -> Result<(), Failure> {
        let found = self.client.get(format!("{}/livez", self.base)).send().await;
        found.map(drop).map_err(|error| format!("nobody answers at {}: {error}", self.base).into())
    }

    /// What it says of a contract.
    pub(super) async fn descriptor(&self, contract: &str) -> Result<Value, Amiss> {
        let response = self.client.get(format!("{}/rpc/{contract}", self.base)).send().await;
        let response = response.map_err(|error| error.to_string())?;
        if response.status() != StatusCode::OK {
            return Err(format!("{contract} is answered with {}", response.status()));
        }
        response.json().await.map_err(|error| error.to_string())
    }

    /// Signs as it should be.
    pub(super) fn sign(&self, ask: &Ask) -> Result<String, Amiss> {
        self.sign_at(ask, self.clock.now().micros(), &self.secret)
    }

    /// Signs at another time, in microseconds since 1970, or with another secret.
    pub(super) fn sign_at(&self, ask: &Ask, micros: i64, secret: &[u8]) -> Result<String, Amiss> {
        let nonce = self.clock.uuid().simple().to_string();
        let Ask { path, caller, deadline, principal, body } = ask;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|error| error.to_string())?;
        mac.update(format!("{caller}\n{micros}\n{nonce}\n{path}\n{deadline}\n{principal}\n").as_bytes());
        mac.update(body);
        Ok(format!("{micros}.{nonce}.{}", hex::encode(mac.finalize().into_bytes())))
    }

    /// The secret of the shop.
    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// Sends a call as it is, with this signature.
    pub(super) async fn send(&self, ask: &Ask, signature: &str) -> Result<Reply, Amiss> {
        self.send_with(ask, &[("cleave-signature", signature.to_owned())], &[]).await
    }

    /// Sends a call with these headers more and without those.
    pub(super) async fn send_with(
        &self,
        ask: &Ask,
        with: &[(&'static str, String)],
        without: &[&str],
    ) -> Result<Reply, Amiss> {
        let mut request = self.client.request(Method::POST, format!("{}{}", self.base, ask.path));
        request = request.header("content-type", "application/json").header("x-request-id", "conformance");
        for (name, value) in ask.head().iter().chain(with).filter(|(name, _)| !without.contains(name)) {
            request = request.header(*name, value);
        }
        let response = request.body(ask.body.clone()).send().await.map_err(|error| error.to_string())?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| error.to_string())?;
        Ok(Reply { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }

    /// Calls as one should.
    pub(super) async fn call(&self, ask: &Ask) -> Result<Reply, Amiss> {
        self.send(ask, &self.sign(ask)?).await
    }
}

impl Reply {
    /// The answer, if it is one.
    pub(super) fn answer<T: DeserializeOwned>(self) -> Result<T, Amiss> {
        if self.status != StatusCode::OK {
            return Err(format!("answered with {} {}", self.status, self.body));
        }
        serde_json::from_value(self.body.clone())
            .map_err(|error| format!("{} is not an answer of the contract: {error}", self.body))
    }

    /// The refusal in the contract's own words, if it is one.
    pub(super) fn refusal<T: DeserializeOwned>(self) -> Result<T, Amiss> {
        if self.status != StatusCode::UNPROCESSABLE_ENTITY {
            return Err(format!("answered with {} {} where a refusal (422) is due", self.status, self.body));
        }
        serde_json::from_value(self.body.clone())
            .map_err(|error| format!("{} is not an error of the contract: {error}", self.body))
    }

    /// Expects that the call failed like this, with one of these statuses.
    pub(super) fn failed(self, statuses: &[u16], failure: &CallFailure) -> Result<(), Amiss> {
        let Self { status, body } = self;
        let said: CallFailure = serde_json::from_value(body.clone())
            .map_err(|_| format!("answered with {status} {body}, which is no failure of a call"))?;
        let alike = said.reason == failure.reason && said.maybe_executed == failure.maybe_executed;
        if statuses.contains(&status.as_u16()) && alike {
            return Ok(());
        }
        Err(format!("answered with {status} {body} where {statuses:?} {failure:?} is due"))
    }
}
