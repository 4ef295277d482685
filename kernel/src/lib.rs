//! The words every module shares: ids, money, time, addresses, pages, events, calls and contracts.
//!
//! Nothing here does I/O or knows a runtime, so a contract crate that depends on `kernel` alone can be read,
//! compiled and tested by anybody, including the authors of a module in another language.

#![deny(missing_docs)]

pub mod address;
pub mod call;
pub mod card;
pub mod contract;
pub mod event;
pub mod id;
pub mod money;
pub mod page;
pub mod principal;
pub mod time;

pub use address::{Address, AddressFault};
pub use call::{Call, CallFailure, FailureReason};
pub use event::Event;
pub use id::{Entity, Id, IdError};
pub use money::{Currency, Money, MoneyError};
pub use page::{Page, PageRequest};
pub use principal::Principal;
pub use time::{Clock, Moment};

/// What `contract!` expands to needs these names at a stable path.
#[doc(hidden)]
pub mod macros {
    pub use async_trait::async_trait;
    pub use serde_json;
    pub use utoipa;
}
