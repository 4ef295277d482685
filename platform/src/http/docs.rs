//! A page to read and try the API at, served from the binary itself: it needs no internet.

use actix_web::web;
use utoipa_swagger_ui::{Config, SwaggerUi, Url};

use super::openapi::Documents;

/// Serves `/docs/`, `/openapi/store.json` and `/openapi/admin.json`.
pub fn docs(documents: Documents) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        let page = SwaggerUi::new("/docs/{_:.*}")
            .config(Config::default().display_request_duration(true).validator_url("none"))
            .urls(vec![
                (Url::with_primary("store", "/openapi/store.json", true), documents.store),
                (Url::new("admin", "/openapi/admin.json"), documents.admin),
            ]);
        config.service(web::redirect("/docs", "/docs/")).service(page);
    }
}
