//! What stands before the modules: who asks, requests for modules elsewhere, and answers put together of several.

pub mod authentication;
pub mod events;
pub mod forward;
pub mod routes;
