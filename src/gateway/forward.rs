//! Hands requests on to the process that runs the module they are for, and its answers back, piece by piece.
//!
//! What is a matter between two neighbours on a connection stays between them (RFC 9110, 7.6.1), and of the request's
//! headers only those pass that the API knows: nobody outside can speak as the gateway does.

use std::collections::HashMap;
use std::future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BodyStream, BoxBody, MessageBody as _, SizedStream};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::web::Bytes;
use actix_web::{FromRequest as _, HttpMessage as _, HttpRequest, HttpResponse, ResponseError as _};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kernel::CallFailure;
use kernel::call::FailureReason;
use platform::calls::{Endpoint, Peer};
use platform::http::{Caller, Forwarded, Problem, RawBody};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Request, Response, Url};
use tokio::sync::mpsc;

/// The headers of a request that a module gets to see.
const PASSED: [&str; 11] = [
    "accept",
    "accept-language",
    "authorization",
    "content-encoding",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "range",
    "user-agent",
    "x-cart-token",
];
/// Providers sign their callbacks in headers of their own naming, so those keep all they have.
const CALLBACKS: &str = "/v1/webhooks/";
/// What never crosses a proxy: RFC 9110, 7.6.1.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// How long a module may take to begin its answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// A body of so many bytes is read first, so that it can be sent again to a process that was not there.
const SMALL: u64 = 64 * 1024;
/// Pieces of a large body that wait to be sent on.
const PIECES: usize = 4;
/// How often a request that provably was not taken is sent again: who restarts is back within these pauses.
const REPEATS: u32 = 6;

/// Knows by the path whose a request is.
pub struct Forwarder {
    by_prefix: HashMap<String, Arc<Peer>>,
}

impl Forwarder {
    /// A forwarder to these modules, each with the prefixes that belong to it.
    pub fn new(modules: impl IntoIterator<Item = (Arc<Peer>, Vec<String>)>) -> Self {
        let prefixes = modules
            .into_iter()
            .flat_map(|(peer, prefixes)| prefixes.into_iter().map(move |prefix| (prefix, Arc::clone(&peer))));
        Self { by_prefix: prefixes.collect() }
    }

    /// Hands a request on, or gives it back because its module is here.
    ///
    /// # Errors
    /// The request, unchanged.
    pub fn forward(&self, request: ServiceRequest) -> Result<Forwarded, Box<ServiceRequest>> {
        let peer = prefix(request.path()).and_then(|prefix| self.by_prefix.get(prefix));
        let Some(peer) = peer.filter(|peer| peer.is_next_elsewhere()) else { return Err(Box::new(request)) };
        let peer = Arc::clone(peer);
        Ok(Box::pin(async move {
            let (request, payload) = request.into_parts();
            let answered = async { answer(&request, send(&peer, &request, payload).await?).await };
            let response = answered.await.unwrap_or_else(|problem| problem.error_response());
            ServiceResponse::new(request, response)
        }))
    }
}

/// The part of a path that says whose it is: `carts` in `/v1/carts/…` and in `/v1/admin/carts/…`.
pub fn prefix(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/v1/")?;
    rest.strip_prefix("admin/").unwrap_or(rest).split('/').next().filter(|prefix| !prefix.is_empty())
}

async fn send(peer: &Peer, request: &HttpRequest, payload: Payload) -> Result<Response, Problem> {
    let headers = passed(request)?;
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    if !chunked && length.unwrap_or(0) <= SMALL {
        let mut payload = payload;
        let RawBody(body) = RawBody::from_request(request, &mut payload).await?;
        return send_again(peer, request, &headers, &body).await;
    }
    let endpoint = peer.endpoint()?;
    let (pieces, receiver) = mpsc::channel(PIECES);
    let receiving = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    let mut outgoing = outgoing(&endpoint, request, &headers)?;
    if let (false, Some(length)) = (chunked, length) {
        outgoing.headers_mut().insert(header_name(&header::CONTENT_LENGTH)?, HeaderValue::from(length));
    }
    *outgoing.body_mut() = Some(Body::wrap_stream(receiving));
    tokio::select! {
        // First, so that a body which breaks off is blamed on who sent it.
        biased;
        problem = feed(payload, pieces) => Err(problem),
        sent = endpoint.send(outgoing) => sent.map_err(|error| amiss(&error)),
    }
}

/// Passes a body on, and ends only with what is wrong with it.
///
/// The client's connection belongs to this thread; the pieces cross over one by one.
async fn feed(mut payload: Payload, pieces: mpsc::Sender<io::Result<Bytes>>) -> Problem {
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|error| io::Error::other(error.to_string()));
        let broken = piece.is_err();
        // Who no longer receives has an answer, or none to wait for.
        if pieces.send(piece).await.is_err() {
            break;
        }
        if broken {
            return RawBody::broke_off();
        }
    }
    drop(pieces);
    future::pending().await
}

async fn send_again(
    peer: &Peer,
    request: &HttpRequest,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, Problem> {
    let mut tried = 0;
    loop {
        let failure = match once(peer, request, headers, body).await? {
            Ok(response) => return Ok(response),
            Err(failure) => failure,
        };
        if failure.maybe_executed || failure.reason != FailureReason::Unreachable || tried == REPEATS {
            return Err(failure.into());
        }
        let pause = failure.retry_after_ms.unwrap_or(20 << tried).min(1000);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        tried += 1;
    }
}

async fn once(
    peer: &Peer,
    request: &HttpRequest,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Result<Response, CallFailure>, Problem> {
    let endpoint = match peer.endpoint() {
        Ok(endpoint) => endpoint,
        Err(failure) => return Ok(Err(failure)),
    };
    let mut outgoing = outgoing(&endpoint, request, headers)?;
    if !body.is_empty() {
        *outgoing.body_mut() = Some(body.clone().into());
    }
    match endpoint.send(outgoing).await {
        Ok(response) => Ok(Ok(response)),
        Err(error) if error.is_connect() => Ok(Err(CallFailure::not_executed(FailureReason::Unreachable))),
        Err(error) => Err(amiss(&error)),
    }
}

/// Why no answer came, to whom it may concern: what was asked may have been done.
fn amiss(error: &reqwest::Error) -> Problem {
    if error.is_connect() {
        return CallFailure::not_executed(FailureReason::Unreachable).into();
    }
    Problem::new(
        StatusCode::GATEWAY_TIMEOUT,
        "module_timeout",
        "A part of the shop did not answer in time. What was asked may have been done: ask again with the same \
         Idempotency-Key",
    )
    .because(error.to_string())
}

fn outgoing(endpoint: &Endpoint, request: &HttpRequest, headers: &HeaderMap) -> Result<Request, Problem> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let url =
        Url::parse(&format!("{}{target}", endpoint.base())).map_err(|error| Problem::caused_by(&error))?;
    let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes());
    let mut outgoing = Request::new(method.map_err(|error| Problem::caused_by(&error))?, url);
    outgoing.headers_mut().clone_from(headers);
    *outgoing.timeout_mut() = Some(PATIENCE);
    Ok(outgoing)
}

/// The headers that go on to the module, with the names the frame has given this request.
fn passed(request: &HttpRequest) -> Result<HeaderMap, Problem> {
    let all = request.path().starts_with(CALLBACKS);
    let kept = |name: &str| {
        let known = if all { name != "host" && !name.starts_with("cleave-") } else { PASSED.contains(&name) };
        known && !HOP_BY_HOP.contains(&name) && name != "content-length"
    };
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers() {
        if kept(name.as_str()) {
            headers.append(header_name(name)?, header_value(value.as_bytes())?);
        }
    }
    if let Some(caller) = request.extensions().get::<Caller>() {
        headers.insert("x-request-id", header_value(caller.request_id().as_bytes())?);
        if let Some(traceparent) = caller.traceparent() {
            headers.insert("traceparent", header_value(traceparent.as_bytes())?);
        }
    }
    Ok(headers)
}

fn header_name(name: &header::HeaderName) -> Result<HeaderName, Problem> {
    HeaderName::from_bytes(name.as_str().as_bytes()).map_err(|error| Problem::caused_by(&error))
}

fn header_value(value: &[u8]) -> Result<HeaderValue, Problem> {
    HeaderValue::from_bytes(value).map_err(|error| Problem::caused_by(&error))
}

/// The module's answer: a small one in one piece, a large one as it comes.
async fn answer(request: &HttpRequest, response: Response) -> Result<HttpResponse<BoxBody>, Problem> {
    let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut answer = HttpResponse::build(status);
    for (name, value) in response.headers() {
        let name = name.as_str();
        if HOP_BY_HOP.contains(&name) || name == "content-length" || name == "date" {
            continue;
        }
        answer.append_header((name, value.as_bytes()));
    }
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return Ok(answer.finish());
    }
    // Of an answer to HEAD only the header knows the length.
    let length =
        response.headers().get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    if request.method() != Method::HEAD && length.is_some_and(|length: u64| length <= SMALL) {
        let body = response.bytes().await.map_err(|error| amiss(&error))?;
        return Ok(answer.body(body));
    }
    let pieces = response.bytes_stream().map_err(io::Error::other);
    Ok(match length {
        Some(length) => answer.body(SizedStream::new(length, pieces).boxed()),
        None => answer.body(BodyStream::new(pieces).boxed()),
    })
}
