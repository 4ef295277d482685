//! Cleave, put together: the settings, and later everything that is built from them.

pub mod config;
