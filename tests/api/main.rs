//! The front door: what shops, customers and staff see, through HTTP, on the store and by the contract mode that the
//! environment asks for (`CLEAVE_TEST_STORE`, `CLEAVE_TEST_CONTRACTS`), in as many processes as it asks for
//! (`CLEAVE_TEST_PLACEMENT`), with events travelling between them as it asks for (`CLEAVE_TEST_TRANSPORT`), and with
//! payment in the language it asks for (`CLEAVE_TEST_PAYMENT`).

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a helper of tests may fail like one"
)]

mod foreign;
mod placement;
mod world;

mod accounts;
mod admission;
mod apart;
mod authorisation;
mod bad_input;
mod broker;
mod catalogue;
mod certified;
mod conformance;
mod cost;
mod documents;
mod events;
mod fulfilling;
mod gateway;
mod metrics;
mod payments;
mod purchase;
mod races;
mod revoked;
