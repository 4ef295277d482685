//! What stands before the modules: who asks, and answers put together of several modules.

pub mod authentication;
pub mod events;
