//! The client's side of a call over HTTP: `POST /rpc/products.v1/reserve`, JSON both ways.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::call::{Call, CallFailure, Channel, FailureReason, Method, Reply, Retry};
use reqwest::StatusCode;

use super::gate;
use super::serve::{DEADLINE, PRINCIPAL, REFUSED, TOKEN, Token};

const RETRIES: u32 = 2;

/// Speaks to a module's internal listener.
pub struct HttpChannel {
    client: reqwest::Client,
    base: String,
    token: Token,
}

impl HttpChannel {
    /// A channel to the listener at `base`, such as `http://127.0.0.1:9080`.
    ///
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn new(base: impl Into<String>, token: Token) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(1))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(64)
            .build()?;
        Ok(Self { client, base: base.into(), token })
    }

    async fn once(&self, method: &Method, call: &Call, request: &[u8]) -> Result<Reply, CallFailure> {
        let patience = gate::admit(call)?;
        let principal = serde_json::to_vec(&call.principal).map_err(|_| CallFailure::internal())?;
        let mut sending = self
            .client
            .post(format!("{}/rpc/{}/{}", self.base, method.contract, method.name))
            .timeout(patience)
            .header("content-type", "application/json")
            .header(DEADLINE, patience.as_millis().to_string())
            .header(PRINCIPAL, URL_SAFE_NO_PAD.encode(principal))
            .header(TOKEN, self.token.reveal())
            .header("x-request-id", call.request_id.as_ref())
            .body(request.to_vec());
        if let Some(traceparent) = &call.traceparent {
            sending = sending.header("traceparent", traceparent.as_ref());
        }
        let response = sending.send().await.map_err(|error| failure(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| failure(&error))?;
        match status {
            StatusCode::OK => Ok(Reply::Answer(body.into())),
            status if status.as_u16() == REFUSED => Ok(Reply::Refusal(body.into())),
            _ => Err(serde_json::from_slice(&body).unwrap_or_else(|_| CallFailure::internal())),
        }
    }
}

#[kernel::macros::async_trait]
impl Channel for HttpChannel {
    async fn send(
        &self,
        method: &'static Method,
        call: &Call,
        request: Vec<u8>,
    ) -> Result<Reply, CallFailure> {
        let mut tried = 0;
        loop {
            let failure = match self.once(method, call, &request).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            let pause = Duration::from_millis(failure.retry_after_ms.unwrap_or(20 << tried));
            let may_repeat = method.retry != Retry::Once || !failure.maybe_executed;
            let passing = matches!(failure.reason, FailureReason::Unreachable | FailureReason::Overloaded);
            if tried == RETRIES || !may_repeat || !passing || call.remaining() <= pause {
                return Err(failure);
            }
            tokio::time::sleep(pause).await;
            tried += 1;
        }
    }
}

fn failure(error: &reqwest::Error) -> CallFailure {
    if error.is_connect() {
        CallFailure::not_executed(FailureReason::Unreachable)
    } else if error.is_timeout() {
        CallFailure::maybe_executed(FailureReason::DeadlineExceeded)
    } else {
        CallFailure::maybe_executed(FailureReason::Unreachable)
    }
}
