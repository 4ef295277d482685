//! What remains of a body that nobody read to its end.
//!
//! actix-http reads the rest of a dropped chunked body for as long as the client cares to send, without any deadline:
//! a refused upload would hold its connection for ever. A body that is still held when the answer is written closes
//! the connection instead. So a chunked body stays with the answer.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header::TRANSFER_ENCODING;
use actix_web::web::Bytes;
use futures::StreamExt;
use futures::stream::poll_fn;

/// A chunked body, shared between the handler that may read it and the answer that keeps it.
pub(super) struct Leftover(Option<Rc<RefCell<Payload>>>);

impl Leftover {
    /// Shares the body of a chunked request; any other body is left alone.
    pub(super) fn of(request: &mut ServiceRequest) -> Self {
        if !request.headers().contains_key(TRANSFER_ENCODING) {
            return Self(None);
        }
        let shared = Rc::new(RefCell::new(request.parts_mut().1.take()));
        let reader = Rc::clone(&shared);
        let stream = poll_fn(move |context| reader.borrow_mut().poll_next_unpin(context));
        request.set_payload(Payload::Stream { payload: Box::pin(stream) });
        Self(Some(shared))
    }

    /// Lets the answer keep what is left.
    pub(super) fn stay_with(self, body: BoxBody) -> BoxBody {
        match self.0 {
            None => body,
            Some(payload) => BoxBody::new(Keeping { body, _payload: payload }),
        }
    }
}

struct Keeping {
    body: BoxBody,
    _payload: Rc<RefCell<Payload>>,
}

impl MessageBody for Keeping {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
