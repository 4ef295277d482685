//! A problem as it appears on the wire and in the API's description.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{Parts, Problem};
use crate::http::origin::Origin;

/// One place in the request that is at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// A JSON pointer into the body, or `/name` of a query parameter.
    pub pointer: String,
    /// What is wrong with it, as a code.
    #[schema(value_type = String)]
    pub code: &'static str,
    /// What is wrong with it, as a sentence.
    pub detail: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProblemView<'a> {
    /// A reference that identifies the kind of problem.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem in words; the same for every occurrence.
    title: String,
    /// The HTTP status.
    status: u16,
    /// This occurrence in words.
    detail: &'a str,
    /// The path that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    instance: Option<Arc<str>>,
    /// The kind of problem as a stable code.
    code: &'a str,
    /// The places in the request that are at fault.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    #[schema(value_type = Vec<FieldError>, required = false)]
    errors: &'a [FieldError],
    /// As in `X-Request-Id`; name it when asking for help.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    request_id: Option<Arc<str>>,
    /// Whether the very same request may succeed later.
    retryable: bool,
    #[serde(flatten)]
    #[schema(ignore)]
    extensions: &'a Map<String, Value>,
}

pub(super) fn view(parts: &Parts) -> ProblemView<'_> {
    let origin = Origin::current();
    ProblemView {
        kind: format!("/problems#{}", parts.code),
        title: title(parts.code),
        status: parts.status.as_u16(),
        detail: &parts.detail,
        instance: origin.as_ref().map(|origin| Arc::clone(&origin.path)),
        code: parts.code,
        errors: &parts.errors,
        request_id: origin.map(|origin| origin.request_id),
        retryable: parts.retryable,
        extensions: &parts.extensions,
    }
}

/// `cart_changed` reads `Cart changed`. Made from the code, so that the two can never disagree.
fn title(code: &str) -> String {
    let mut title = code.replace('_', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

impl PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        ProblemView::schema()
    }
}

impl ToSchema for Problem {
    fn name() -> Cow<'static, str> {
        "Problem".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ProblemView::schemas(schemas);
    }
}
