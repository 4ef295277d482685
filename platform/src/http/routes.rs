//! Where handlers are mounted, and where they say what they are.

use actix_web::dev::HttpServiceFactory;
use actix_web::web::ServiceConfig;
use utoipa::openapi::path::Paths;
use utoipa::openapi::{Components, OpenApi, OpenApiBuilder};
use utoipa_actix_web::OpenApiFactory;

/// Takes handlers into an app, or only their descriptions.
///
/// Every thread of the server mounts all routes, and only one of them needs their descriptions, which take megabytes.
pub struct Routes<'a>(Taking<'a>);

enum Taking<'a> {
    Handlers(&'a mut ServiceConfig),
    Descriptions(Box<OpenApi>),
}

impl<'a> Routes<'a> {
    /// Mounts the handlers in this app.
    pub fn of(app: &'a mut ServiceConfig) -> Self {
        Self(Taking::Handlers(app))
    }

    /// What the handlers of these routes say of themselves.
    pub fn described(routes: impl FnOnce(&mut Routes<'_>)) -> OpenApi {
        let api = OpenApiBuilder::new().paths(Paths::new()).components(Some(Components::new())).build();
        let mut taking = Routes(Taking::Descriptions(Box::new(api)));
        routes(&mut taking);
        match taking.0 {
            Taking::Descriptions(api) => *api,
            Taking::Handlers(_) => OpenApi::default(),
        }
    }

    /// Takes one handler, or a scope of them.
    pub fn service(&mut self, factory: impl HttpServiceFactory + OpenApiFactory + 'static) -> &mut Self {
        match &mut self.0 {
            Taking::Handlers(app) => {
                app.service(factory);
            }
            Taking::Descriptions(api) => {
                let mut schemas = Vec::new();
                factory.schemas(&mut schemas);
                api.paths.merge(factory.paths());
                api.components.get_or_insert_default().schemas.extend(schemas);
            }
        }
        self
    }
}
