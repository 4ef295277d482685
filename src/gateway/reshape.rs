//! Requests and answers in another shape than the module's: of an older version, with only some of
//! the members, or with things of other modules in it.
//!
//! All of it happens here and nowhere else: a module has one shape, and what is forwarded to it is in that shape
//! already. What does not ask for another one is not looked at.

use std::sync::Arc;

use actix_web::body::{BoxBody, to_bytes_limited};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue, TRANSFER_ENCODING};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{FromRequest as _, HttpMessage as _, HttpRequest, HttpResponse, ResponseError as _};
use kernel::call::FailureReason;
use kernel::{Call, CallFailure};
use platform::http::{Caller, Inside, Problem, RawBody, if_none_match, parse};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use utoipa::openapi::OpenApi;

use super::expand::{Expander, Offer};
use super::fields::Fields;
use super::query;
use super::shapes::{Route, Shapes};
use super::versions::{API_VERSION, Asked};

/// The largest answer that is put into another shape: a page of a hundred things fits well.
const LARGEST: usize = 1024 * 1024;

/// Puts requests and answers into other shapes.
pub struct Reshaper {
    shapes: Shapes,
    expander: Expander,
}

/// What a request asks for.
#[derive(Default)]
struct Wish {
    version: Option<Asked>,
    fields: Option<Fields>,
    /// Things of other modules, and for whom they are asked for.
    expand: Option<(Vec<&'static Offer>, Call)>,
}

/// Whether a request asks for anything of this.
pub fn concerns(request: &ServiceRequest) -> bool {
    request.headers().contains_key(&API_VERSION)
        || (query::concerns(request.query_string()) && reads(request))
}

/// Whether it asks for a thing. `TRACE` is as safe as that, and no method of ours: what else is wrong with it is not said.
fn reads(request: &ServiceRequest) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

impl Reshaper {
    /// A reshaper of what this description describes.
    pub fn new(api: &OpenApi, expander: Expander) -> Self {
        Self { shapes: Shapes::new(api), expander }
    }

    /// Answers a request with what `inside` gives, in the shape that was asked for.
    ///
    /// # Errors
    /// The handler inside broke down.
    pub async fn answer(
        self: Arc<Self>,
        mut request: ServiceRequest,
        inside: Inside,
    ) -> Result<ServiceResponse<BoxBody>, Problem> {
        let wish = match self.wish(&mut request) {
            Ok(wish) => wish,
            Err(problem) => return Ok(request.into_response(problem.error_response())),
        };
        if request.method() == Method::HEAD {
            // The length of an answer is known when it has its shape. The encoder leaves the body out.
            request.head_mut().method = Method::GET;
        }
        if let Err(problem) = wish.prepare(&mut request).await {
            return Ok(request.into_response(problem.error_response()));
        }
        let response = inside(request).await?;
        Ok(self.shape(&wish, response).await)
    }

    fn wish(&self, request: &mut ServiceRequest) -> Result<Wish, Problem> {
        let route = self.shapes.route(request.match_info().as_str());
        let version = Asked::of(request.headers(), route.map(|route| route.pattern.as_str()))?;
        let mut wish = Wish { version, ..Wish::default() };
        let Some(route) = route.filter(|route| route.has_answer() && reads(request)) else {
            return Ok(wish);
        };
        let ([fields, expand], rest) = query::split(request.query_string())?;
        if let Some(names) = expand {
            let caller = request.extensions().get::<Caller>().cloned().ok_or_else(Problem::internal)?;
            let offers = Offer::wanted(&route.pattern, &names, &caller)?;
            wish.expand = Some((offers, caller.call().clone()));
        }
        let offers = wish.expand.as_ref().map_or(&[][..], |(offers, _)| offers);
        wish.fields = fields.map(|names| self.fields(route, offers, &names)).transpose()?;
        query::replace(request, &rest);
        Ok(wish)
    }

    fn fields(&self, route: &Route, offers: &[&Offer], names: &str) -> Result<Fields, Problem> {
        let thing = self.shapes.thing(route);
        Fields::read(names, |name| {
            let (first, rest) =
                name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
            let shown = offers.iter().find(|offer| offer.name == first);
            match shown {
                Some(offer) => rest.is_none_or(|rest| self.shapes.has(&offer.shape(), rest.split('.'))),
                None => thing.is_some_and(|thing| self.shapes.has(thing, name.split('.'))),
            }
        })
    }

    async fn shape(&self, wish: &Wish, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        let mut response = if wish.changes_answers() && is_json(&response) {
            let (request, response) = response.into_parts();
            let (mut response, body) = response.into_parts();
            let response = match self.reshaped(wish, body).await {
                Ok((body, tag)) => {
                    if let Some(tag) = tag {
                        set_tag(&mut response, &tag);
                    }
                    if is_known(&request, &response) {
                        not_modified(response)
                    } else {
                        response.set_body(BoxBody::new(body))
                    }
                }
                Err(problem) => problem.error_response(),
            };
            ServiceResponse::new(request, response)
        } else {
            response
        };
        if let Some(version) = &wish.version {
            version.mark(response.headers_mut());
        }
        response
    }

    /// The answer in its other shape, and the entity tag it then has if it is another than the module's: empty for none.
    async fn reshaped(&self, wish: &Wish, body: BoxBody) -> Result<(Bytes, Option<String>), Problem> {
        let mut answer = read(body).await?;
        let mut warnings = Vec::new();
        if let Some((offers, call)) = &wish.expand {
            let mut things: Vec<&mut Value> = match things(&mut answer) {
                Value::Array(list) => list.iter_mut().collect(),
                one => vec![one],
            };
            warnings = self.expander.expand(offers, call, &mut things).await;
        }
        if let Some(fields) = &wish.fields {
            fields.keep(things(&mut answer));
        }
        // Fields have the names of the newest version, so an older one is made of what is left.
        if let Some(version) = &wish.version {
            version.age(&mut answer);
        }
        let whole = warnings.is_empty();
        if !whole {
            answer["warnings"] = Value::Array(warnings);
        }
        let bytes = serde_json::to_vec(&answer).map_err(|error| Problem::caused_by(&error))?;
        // The module's tag is of its own part alone. One is made of the whole, and none of what lacks a part.
        let tag = wish.expand.as_ref().map(|_| if whole { tag_of(&bytes) } else { String::new() });
        Ok((bytes.into(), tag))
    }
}

impl Wish {
    /// Brings the request into the module's shape.
    async fn prepare(&self, request: &mut ServiceRequest) -> Result<(), Problem> {
        let Some(version) = self.version.as_ref().filter(|version| !version.is_current()) else {
            return Ok(());
        };
        version.unmark(request.headers_mut());
        if request.method().is_safe() {
            return Ok(());
        }
        let (parts, payload) = request.parts_mut();
        let RawBody(body) = RawBody::from_request(parts, payload).await?;
        // What is no body at all is for the module to refuse, in its own words.
        let body = match parse::<Value>(&body) {
            Ok(mut value) => {
                version.renew(&mut value);
                Bytes::from(serde_json::to_vec(&value).map_err(|error| Problem::caused_by(&error))?)
            }
            Err(_) => body,
        };
        request.headers_mut().remove(TRANSFER_ENCODING);
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        request.set_payload(Payload::Stream { payload: Box::pin(futures::stream::once(async { Ok(body) })) });
        Ok(())
    }

    fn changes_answers(&self) -> bool {
        self.fields.is_some()
            || self.expand.is_some()
            || self.version.as_ref().is_some_and(|version| !version.is_current())
    }
}

/// What a list is of, or else the one thing there is.
fn things(answer: &mut Value) -> &mut Value {
    if answer["data"].is_array() { &mut answer["data"] } else { answer }
}

fn is_json(response: &ServiceResponse<BoxBody>) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    response.status().is_success() && kind.is_some_and(|kind| kind.starts_with(b"application/json"))
}

/// Whether the client has this answer. Not every module says so itself, and of what is put together here none can.
fn is_known(request: &HttpRequest, response: &HttpResponse<()>) -> bool {
    let tag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
    request.method() == Method::GET && tag.is_some_and(|tag| if_none_match(request, tag))
}

fn not_modified(mut response: HttpResponse<()>) -> HttpResponse<BoxBody> {
    response.headers_mut().remove(CONTENT_TYPE);
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response.set_body(BoxBody::new(()))
}

fn set_tag(response: &mut HttpResponse<()>, tag: &str) {
    response.headers_mut().remove(ETAG);
    if let Some(tag) = HeaderValue::from_str(tag).ok().filter(|tag| !tag.is_empty()) {
        response.headers_mut().insert(ETAG, tag);
    }
}

/// Weak, because nothing can be changed by it: what it stands for has several versions, one in each module.
fn tag_of(bytes: &[u8]) -> String {
    format!("W/\"{}\"", hex::encode(&Sha256::digest(bytes)[..12]))
}

async fn read(body: BoxBody) -> Result<Value, Problem> {
    let broken = |_| Problem::from(CallFailure::maybe_executed(FailureReason::Unreachable));
    let bytes = to_bytes_limited(body, LARGEST).await.map_err(|_| too_large())?.map_err(broken)?;
    serde_json::from_slice(&bytes).map_err(|error| Problem::caused_by(&error))
}

fn too_large() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "answer_too_large",
        "The answer is too large to be put into this shape; ask for fewer at once, or for it as it is",
    )
}
