//! A page to read and try the API at, served from the binary itself: it needs no internet.

use actix_web::http::header::ContentType;
use actix_web::web::{self, Bytes};
use actix_web::{HttpResponse, Route};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi, Url};

use super::openapi::Documents;

const STORE: &str = "/openapi/store.json";
const ADMIN: &str = "/openapi/admin.json";

/// The descriptions as they are sent, once for all threads.
#[derive(Clone)]
pub struct Pages {
    store: Bytes,
    admin: Bytes,
}

impl Pages {
    /// Pages of these documents.
    pub fn new(documents: &Documents) -> Self {
        Self { store: written(&documents.store), admin: written(&documents.admin) }
    }

    /// Serves `/docs/`, `/openapi/store.json` and `/openapi/admin.json`.
    pub fn mount(&self, app: &mut web::ServiceConfig) {
        let urls = [Url::with_primary("store", STORE, true), Url::new("admin", ADMIN)];
        let config = Config::new(urls).display_request_duration(true).validator_url("none");
        app.route(STORE, sent(&self.store))
            .route(ADMIN, sent(&self.admin))
            .service(web::redirect("/docs", "/docs/"))
            .service(SwaggerUi::new("/docs/{_:.*}").config(config));
    }
}

/// A description has nothing that JSON could not say.
fn written(document: &OpenApi) -> Bytes {
    serde_json::to_vec(document).unwrap_or_default().into()
}

fn sent(document: &Bytes) -> Route {
    let document = document.clone();
    web::get().to(move || {
        let document = document.clone();
        async move { HttpResponse::Ok().content_type(ContentType::json()).body(document) }
    })
}
