//! Reservations: stock set aside for a checkout, on a lease that ends by itself.

pub(crate) mod expiry;
pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;

use std::collections::HashSet;

use kernel::Moment;
use product_api::{BATCH, ReservedItem, VariantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::stock::Line;

/// Stock that is or was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// The key it was asked for with.
    pub key: Uuid,
    /// Where it is in its life.
    pub status: ReservationStatus,
    /// What, and where it lies.
    pub lines: Vec<Line>,
    /// When the lease ends.
    pub expires_at: Moment,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
}

/// Where a reservation is in its life. Only a held one still changes, and then for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ReservationStatus {
    /// Its stock is set aside.
    Held,
    /// Its stock was sold.
    Consumed,
    /// Its stock was given back.
    Released,
    /// Its lease ended and its stock was given back.
    Expired,
}

impl ReservationStatus {
    /// All of them.
    pub(crate) const ALL: &[Self] = &[Self::Held, Self::Consumed, Self::Released, Self::Expired];

    /// As it is stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Consumed => "consumed",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }
}

impl TryFrom<String> for ReservationStatus {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = Self::ALL.iter().copied().find(|status| status.as_str() == text);
        known.ok_or_else(|| format!("`{text}` is no status of a reservation"))
    }
}

/// Why nothing can be set aside for these items, whatever the stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreservable {
    /// More than a batch.
    TooMany,
    /// A quantity below 1, or a variant twice.
    Invalid,
}

/// Checks what is asked for.
///
/// # Errors
/// It makes no sense.
pub(crate) fn check(items: &[ReservedItem]) -> Result<(), Unreservable> {
    if items.len() > BATCH {
        return Err(Unreservable::TooMany);
    }
    let mut seen: HashSet<VariantId> = HashSet::with_capacity(items.len());
    let sensible = items.iter().all(|item| item.quantity >= 1 && seen.insert(item.variant_id));
    if sensible { Ok(()) } else { Err(Unreservable::Invalid) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Id;

    #[test]
    fn each_variant_is_asked_for_once_and_at_least_one_of_it() {
        let item =
            |number, quantity| ReservedItem { variant_id: Id::from_uuid(Uuid::from_u128(number)), quantity };
        assert_eq!(check(&[item(1, 1), item(2, i64::MAX)]), Ok(()));
        assert_eq!(check(&[item(1, 1), item(1, 1)]), Err(Unreservable::Invalid));
        for quantity in [0, -1, i64::MIN] {
            assert_eq!(check(&[item(1, quantity)]), Err(Unreservable::Invalid));
        }
        let many: Vec<_> = (0..=BATCH as u128).map(|number| item(number, 1)).collect();
        assert_eq!(check(&many), Err(Unreservable::TooMany));
    }
}
