//! A shop's API, as a client uses it.

use std::time::Duration;

use platform::tls::plain_client;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;

use crate::Failure;

/// How often a request is sent again when the shop is too busy.
const TRIES: u32 = 40;

/// A shop to talk to.
#[derive(Clone)]
pub struct Api {
    client: Client,
    base: String,
    bearer: Option<String>,
}

/// What a shop answered.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The body; null when there is none.
    pub body: Value,
    /// The same, byte for byte.
    pub bytes: Vec<u8>,
    /// Where what was made is.
    pub location: Option<String>,
}

impl Api {
    /// The shop at this address, such as `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn new(base: impl Into<String>) -> Result<Self, Failure> {
        let client = plain_client()?.timeout(Duration::from_secs(30)).no_proxy().build()?;
        Ok(Self { client, base: base.into(), bearer: None })
    }

    /// The same shop, for whoever holds this access token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { bearer: Some(token.to_owned()), ..self.clone() }
    }

    /// The same shop, for anybody.
    #[must_use]
    pub fn without_token(&self) -> Self {
        Self { bearer: None, ..self.clone() }
    }

    /// The access token that it is for.
    pub fn token(&self) -> Option<&str> {
        self.bearer.as_deref()
    }

    /// Where it is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The same shop, for whoever the other is for.
    #[must_use]
    pub fn with_token_of(&self, other: &Self) -> Self {
        Self { bearer: other.bearer.clone(), ..self.clone() }
    }

    /// Signs in. Returns the access token.
    ///
    /// # Errors
    /// The shop refuses.
    pub async fn sign_in(&self, email: &str, password: &str) -> Result<String, Failure> {
        let body = serde_json::json!({ "email": email, "password": password });
        let reply = self.post("/v1/auth/login", &body, &[]).await?.expect(StatusCode::OK)?;
        Ok(reply["accessToken"].as_str().unwrap_or_default().to_owned())
    }

    /// Reads.
    ///
    /// # Errors
    /// The shop cannot be reached, or answers other than 200.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(self.request(Method::GET, path)).await?.expect(StatusCode::OK)
    }

    /// Posts, with these extra headers.
    ///
    /// # Errors
    /// The shop cannot be reached.
    pub async fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Result<Reply, Failure> {
        self.send(with(self.request(Method::POST, path).json(body), headers)).await
    }

    /// Posts without a body, with these extra headers.
    ///
    /// # Errors
    /// The shop cannot be reached.
    pub async fn post_nothing(&self, path: &str, headers: &[(&str, &str)]) -> Result<Reply, Failure> {
        self.send(with(self.request(Method::POST, path), headers)).await
    }

    /// Changes, with these extra headers.
    ///
    /// # Errors
    /// The shop cannot be reached.
    pub async fn patch(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Result<Reply, Failure> {
        self.send(with(self.request(Method::PATCH, path).json(body), headers)).await
    }

    /// Reads all pages of a list.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub async fn all(&self, path: &str) -> Result<Vec<Value>, Failure> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}?limit=100{after}")).await?;
            all.extend(page["data"].as_array().cloned().unwrap_or_default());
            match page["nextCursor"].as_str() {
                Some(cursor) => after = format!("&after={cursor}"),
                None => return Ok(all),
            }
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.bearer {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends, and again after a pause when the shop says that it is too busy, as a well-behaved client does.
    async fn send(&self, request: RequestBuilder) -> Result<Reply, Failure> {
        for _ in 1..TRIES {
            let again = request.try_clone().ok_or("the request cannot be repeated")?;
            let response = again.send().await?;
            let busy = response.status() == StatusCode::SERVICE_UNAVAILABLE
                || response.status() == StatusCode::TOO_MANY_REQUESTS;
            if !busy {
                return read(response).await;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        read(request.send().await?).await
    }
}

impl Reply {
    /// The body, if the status is the expected one.
    ///
    /// # Errors
    /// It is another; the error holds what the shop said.
    pub fn expect(self, status: StatusCode) -> Result<Value, Failure> {
        if self.status == status {
            return Ok(self.body);
        }
        Err(format!("expected {status}, got {}: {}", self.status, self.body).into())
    }
}

fn with(request: RequestBuilder, headers: &[(&str, &str)]) -> RequestBuilder {
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

async fn read(response: reqwest::Response) -> Result<Reply, Failure> {
    let status = response.status();
    let location =
        response.headers().get("location").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let bytes = response.bytes().await?.to_vec();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Ok(Reply { status, body, bytes, location })
}
