//! A module behind its frame, as a client meets it, without a network.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::{self, TestRequest};
use actix_web::{App, Error};
use kernel::Clock;
use serde_json::Value;

use crate::Mount;
use crate::http::{Authenticate, Frame, Routes};

/// Mounts a module and lets whoever is authenticated in.
pub async fn front(
    mount: Mount,
    routes: fn(&mut Routes<'_>),
    authenticate: Arc<dyn Authenticate>,
    clock: Clock,
) -> impl Service<actix_http::Request, Response = ServiceResponse<impl MessageBody>, Error = Error> {
    let services = mount.services;
    let app = App::new().configure(|app| {
        services(app);
        routes(&mut Routes::of(app));
    });
    test::init_service(app.wrap(Frame::new(clock, authenticate, &Routes::described(routes)))).await
}

/// Sends a request. Returns the status and the body, which is null if it is no JSON.
pub async fn ask<S, B>(app: &S, request: TestRequest) -> (u16, Value)
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let response = test::call_service(app, request.to_request()).await;
    let status = response.status().as_u16();
    let body = test::read_body(response).await;
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}
