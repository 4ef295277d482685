//! Sends a request once, just as it is, and keeps what was said. Nothing is sent again: a refusal is what is asked for.

use std::time::Duration;

use platform::tls::plain_client;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use crate::Failure;

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A shop's front door.
#[derive(Clone)]
pub(crate) struct Door {
    client: Client,
    base: String,
}

/// What was said at it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) media: String,
    pub(crate) body: Value,
}

impl Door {
    pub(crate) fn at(base: &str) -> Result<Self, Failure> {
        let client = plain_client()?.timeout(PATIENCE).no_proxy().build()?;
        Ok(Self { client, base: base.to_owned() })
    }

    pub(crate) fn ask(&self, method: &Method, path: &str) -> RequestBuilder {
        self.client.request(method.clone(), format!("{}{path}", self.base))
    }
}

impl Answer {
    pub(crate) async fn to(request: RequestBuilder) -> Result<Self, Failure> {
        let response = request.send().await?;
        let (status, header) = (response.status().as_u16(), response.headers().get("content-type"));
        let media = header.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or(Value::Null);
        Ok(Self { status, media, body })
    }

    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Why this is no refusal as they all are, if it is a refusal and is not.
    pub(crate) fn malformed(&self) -> Option<String> {
        if self.status < 400 {
            return None;
        }
        if self.media != "application/problem+json" {
            return Some(format!("{} comes as `{}`", self.status, self.media));
        }
        let missing = ["type", "title", "status", "detail", "code", "instance", "requestId", "retryable"];
        if let Some(missing) = missing.into_iter().find(|member| self.body[member].is_null()) {
            return Some(format!("`{missing}` is missing in {}", self.body));
        }
        let told = self.body["status"] == self.status;
        (!told).then(|| format!("it says {} and is {}", self.body["status"], self.status))
    }

    /// What a stranger can tell apart: everything but what every answer has of its own.
    pub(crate) fn told(&self) -> (u16, Value) {
        let mut body = self.body.clone();
        if let Some(members) = body.as_object_mut() {
            members.remove("requestId");
            members.remove("instance");
        }
        (self.status, body)
    }
}
