//! Places where stock lies. There is one from the start.

pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;

use kernel::{Id, Moment};
use product_api::LocationId;
use uuid::Uuid;

use crate::refusal::{Fault, Place, Refusal, line};

/// The location that every shop has. Its migration knows this id, so that no sale has to look it up.
pub(crate) const MAIN: LocationId = Id::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));

const LONGEST_NAME: usize = 100;

/// A location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    /// Its id.
    pub id: LocationId,
    /// What staff call it; no other is called so.
    pub name: String,
    /// Since when.
    pub created_at: Moment,
}

impl Location {
    /// A location, if it can be called so.
    ///
    /// # Errors
    /// The name is blank or too long.
    pub(crate) fn new(id: LocationId, name: String, created_at: Moment) -> Result<Self, Refusal> {
        line(&name, LONGEST_NAME).map_err(|fault: Fault| fault.at(Place::Field("name")))?;
        Ok(Self { id, name, created_at })
    }
}
