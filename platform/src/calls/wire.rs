//! A call on the wire: `POST /rpc/products.v1/reserve`, JSON both ways, what travels with it in headers.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::call::{Call, CallFailure, FailureReason, Method, Reply};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Request, StatusCode, Url};

use super::credentials::{Claim, Credentials};

pub(super) const CALLER: &str = "cleave-caller";
pub(super) const DEADLINE: &str = "cleave-deadline-ms";
pub(super) const PRINCIPAL: &str = "cleave-principal";
pub(super) const SIGNATURE: &str = "cleave-signature";
pub(super) const REQUEST_ID: &str = "x-request-id";
pub(super) const TRACEPARENT: &str = "traceparent";
/// The status of a typed refusal: the call worked and the answer is the contract's error.
pub(super) const REFUSED: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

/// The path of a method.
pub(super) fn path(method: &Method) -> String {
    format!("/rpc/{}/{}", method.contract, method.name)
}

/// Writes a call down. In the clear it is signed; over TLS the connection says who calls.
pub(super) fn request(
    base: &str,
    path: &str,
    caller: &str,
    call: &Call,
    patience: Duration,
    body: Vec<u8>,
    credentials: &Credentials,
) -> Result<Request, CallFailure> {
    let unsayable = || CallFailure::not_executed(FailureReason::Incompatible);
    let url = Url::parse(&format!("{base}{path}")).map_err(|_| unsayable())?;
    let principal = serde_json::to_vec(&call.principal).map_err(|_| unsayable())?;
    let principal = URL_SAFE_NO_PAD.encode(principal);
    let deadline = patience.as_millis().to_string();
    let claim = Claim { caller, path, deadline: &deadline, principal: &principal };
    let signature = (url.scheme() == "http").then(|| credentials.sign(&claim, &body));

    let mut request = Request::new(reqwest::Method::POST, url);
    *request.timeout_mut() = Some(patience);
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut said = vec![
        (CALLER, caller),
        (DEADLINE, &deadline),
        (PRINCIPAL, &principal),
        (REQUEST_ID, &call.request_id),
    ];
    said.extend(signature.as_deref().map(|signature| (SIGNATURE, signature)));
    said.extend(call.traceparent.as_deref().map(|trace| (TRACEPARENT, trace)));
    for (name, value) in said {
        let value = HeaderValue::from_str(value).map_err(|_| unsayable())?;
        headers.insert(HeaderName::from_static(name), value);
    }
    *request.body_mut() = Some(body.into());
    Ok(request)
}

/// Asks for a contract's description.
pub(super) fn describe(base: &str, contract: &str, patience: Duration) -> Result<Request, CallFailure> {
    let url = Url::parse(&format!("{base}/rpc/{contract}"))
        .map_err(|_| CallFailure::not_executed(FailureReason::Incompatible))?;
    let mut request = Request::new(reqwest::Method::GET, url);
    *request.timeout_mut() = Some(patience);
    Ok(request)
}

/// Reads what came back.
pub(super) async fn reply(response: reqwest::Response) -> Result<Reply, CallFailure> {
    let status = response.status();
    let body = response.bytes().await.map_err(|error| failure(&error))?;
    match status {
        StatusCode::OK => Ok(Reply::Answer(body.into())),
        REFUSED => Ok(Reply::Refusal(body.into())),
        // What is between us may answer in its own words: then nothing is known.
        _ => Err(serde_json::from_slice(&body).unwrap_or_else(|_| CallFailure::internal())),
    }
}

/// Whether nobody was there to answer.
pub(super) fn is_absence(error: &reqwest::Error) -> bool {
    error.is_connect() || error.is_timeout() || error.is_request()
}

pub(super) fn failure(error: &reqwest::Error) -> CallFailure {
    if is_refused(error) {
        CallFailure::not_executed(FailureReason::Incompatible)
    } else if error.is_connect() {
        CallFailure::not_executed(FailureReason::Unreachable)
    } else if error.is_timeout() {
        CallFailure::maybe_executed(FailureReason::DeadlineExceeded)
    } else {
        CallFailure::maybe_executed(FailureReason::Unreachable)
    }
}

/// Whether one side would not speak with the other. Whoever is called looks at the caller's certificate before it reads
/// a request, so nothing was done.
fn is_refused(error: &reqwest::Error) -> bool {
    use rustls::AlertDescription as Alert;
    match cause::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(_)) => true,
        Some(rustls::Error::AlertReceived(alert)) => matches!(
            alert,
            Alert::AccessDenied
                | Alert::BadCertificate
                | Alert::CertificateExpired
                | Alert::CertificateRequired
                | Alert::CertificateUnknown
                | Alert::DecryptError
                | Alert::HandshakeFailure
                | Alert::ProtocolVersion
                | Alert::UnknownCA
                | Alert::UnsupportedCertificate
        ),
        _ => false,
    }
}

/// What somebody has to put right before this address can be spoken to, if it is that.
pub(super) fn misfit(error: &reqwest::Error) -> Option<String> {
    let tls = cause::<rustls::Error>(error);
    if let Some(why) = tls.filter(|_| is_refused(error)) {
        return Some(why.to_string());
    }
    if error.is_connect() && matches!(tls, Some(rustls::Error::InvalidMessage(_))) {
        return Some(
            "it does not speak TLS; write its address with http://, or give it `contracts.tls`".into(),
        );
    }
    if cause::<hyper::Error>(error).is_some_and(hyper::Error::is_parse) {
        return Some(
            "it does not speak HTTP; if it has `contracts.tls`, write its address with https://".into(),
        );
    }
    None
}

/// The first of its causes that is of this kind.
fn cause<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        // What is inside an error of the system is not named as its source.
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        source = inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| cause.source());
    }
    None
}

/// What travelled with a call, as the callee reads it.
pub(super) struct Head<'h> {
    pub caller: &'h str,
    pub deadline: &'h str,
    pub principal: &'h str,
    pub signature: Option<&'h str>,
    request_id: &'h str,
    traceparent: Option<&'h str>,
}

impl<'h> Head<'h> {
    /// `None`: something that every call carries is missing.
    pub(super) fn read(headers: &'h actix_web::http::header::HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        Some(Self {
            caller: text(CALLER)?,
            deadline: text(DEADLINE)?,
            principal: text(PRINCIPAL)?,
            signature: text(SIGNATURE),
            request_id: text(REQUEST_ID).unwrap_or("call"),
            traceparent: text(TRACEPARENT),
        })
    }

    /// The context of the call; its deadline counts from now.
    pub(super) fn call(&self) -> Option<Call> {
        let remaining = Duration::from_millis(self.deadline.parse().ok()?);
        let principal = URL_SAFE_NO_PAD.decode(self.principal).ok()?;
        Some(Call {
            deadline: Instant::now().checked_add(remaining)?,
            principal: serde_json::from_slice(&principal).ok()?,
            request_id: self.request_id.into(),
            traceparent: self.traceparent.map(Arc::from),
        })
    }
}
