//! How the world asks: strict bodies in, problem details out.
//!
//! A handler takes a [`Caller`] or a [`Command`], and gives `Result<Answer, Problem>`. Everything that holds for all
//! of them (request ids, limits, who is asking, the shape of a refusal) is in the [`Frame`] around them.

pub mod admission;
mod answer;
mod body;
mod caller;
mod command;
mod docs;
mod etag;
mod frame;
mod gateway;
mod json;
mod openapi;
mod origin;
mod page;
mod params;
mod problem;
mod routes;

#[cfg(test)]
mod tests;

/// Readers that nobody but the routes calls, for who tries them with anything.
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use {
    command::key_of,
    frame::tried::{accepts, door_opens, trace_of},
    params::read as parameters_of,
};

pub use answer::{Answer, StoredAnswer};
pub use body::{BodyLimit, LargeBody, RawBody};
pub use caller::{Authenticate, Caller};
pub use command::{Command, IdempotencyKey, RequiredKey};
pub use docs::Pages;
pub use etag::{IfMatch, etag, if_none_match};
pub use frame::Frame;
pub use gateway::{Answering, Forwarded, Gateway, Inside, Quota, Verdict};
pub use json::{parse, patch};
pub use openapi::{Documents, documents};
pub use origin::Origin;
pub use page::{PageParams, PageView, page_request};
pub use params::{Params, PathId, PathIds, invalid_parameter};
pub use problem::{CODES, FieldError, Problem};
pub use routes::Routes;
