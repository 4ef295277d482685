//! What is in `deploy/`, held against the schemas of those who read it and against the binary itself.
//!
//! Schemas find a word that is mistyped. What breaks an installation more often is a port, a path or a name that two files
//! say differently, so most of this compares files with each other and with what the shop serves.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the files should stop")]

mod deploy {
    mod compose;
    mod kubernetes;
    mod manifest;
    mod mesh;
    mod pipelines;
    mod routes;
    mod settings;
    mod shop;
    mod systemd;
    mod tree;
}
