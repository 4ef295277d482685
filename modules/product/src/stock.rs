//! Stock: how much of a variant lies where, how much of it is promised, and why that changed.

pub(crate) mod change;
pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;

use std::collections::BTreeMap;

use kernel::Moment;
use product_api::{LocationId, MovementId, ProductId, ReservedItem, ShortItem, VariantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::location::MAIN;

/// How much of a variant lies at a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The variant.
    pub variant_id: VariantId,
    /// The location.
    pub location_id: LocationId,
    /// The variant's product.
    pub product_id: ProductId,
    /// How many are there.
    pub on_hand: i64,
    /// How many of them are set aside.
    pub reserved: i64,
}

impl Level {
    /// How many can be bought.
    pub const fn available(&self) -> i64 {
        self.on_hand - self.reserved
    }
}

/// What is to be added to a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LevelChange {
    /// The variant.
    pub variant_id: VariantId,
    /// The location.
    pub location_id: LocationId,
    /// To what is there.
    pub on_hand: i64,
    /// To what is set aside.
    pub reserved: i64,
}

impl LevelChange {
    const fn available(&self) -> i64 {
        self.on_hand - self.reserved
    }
}

/// So many of a variant at a location: a part of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line {
    /// The variant.
    pub variant_id: VariantId,
    /// Where it lies.
    pub location_id: LocationId,
    /// How many.
    pub quantity: i64,
}

/// Why goods came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum MovementKind {
    /// They were there when the variant was made, or came in.
    Received,
    /// Somebody corrected the level.
    Adjusted,
    /// Somebody counted.
    Counted,
    /// A file said how many there are.
    Imported,
    /// They went from one location to another.
    Transferred,
    /// They were sold.
    Sold,
    /// They were sold and came back.
    Restocked,
}

impl MovementKind {
    const ALL: [Self; 7] = [
        Self::Received,
        Self::Adjusted,
        Self::Counted,
        Self::Imported,
        Self::Transferred,
        Self::Sold,
        Self::Restocked,
    ];

    /// As it is stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Adjusted => "adjusted",
            Self::Counted => "counted",
            Self::Imported => "imported",
            Self::Transferred => "transferred",
            Self::Sold => "sold",
            Self::Restocked => "restocked",
        }
    }
}

impl TryFrom<String> for MovementKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.ok_or_else(|| format!("`{text}` is no kind of movement"))
    }
}

/// Goods that came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Movement {
    /// Its id.
    pub id: MovementId,
    /// The identity of what caused it; one effect moves a variant at a location once.
    pub effect_id: Uuid,
    /// The variant.
    pub variant_id: VariantId,
    /// The location.
    pub location_id: LocationId,
    /// Why.
    pub kind: MovementKind,
    /// How many came; negative when they went.
    pub delta: i64,
    /// Who or what: `ord_…`, `imp_…`, `staff:…`.
    pub cause: String,
    /// In somebody's words.
    pub reason: Option<String>,
    /// When.
    pub created_at: Moment,
}

/// Takes what is wanted from what there is, the main location first and then the others in their order.
///
/// # Errors
/// What falls short.
pub(crate) fn allocate(wanted: &[ReservedItem], levels: &[Level]) -> Result<Vec<Line>, Vec<ShortItem>> {
    let mut by_variant: BTreeMap<VariantId, Vec<&Level>> = BTreeMap::new();
    for level in levels {
        by_variant.entry(level.variant_id).or_default().push(level);
    }
    let (mut lines, mut short) = (Vec::with_capacity(wanted.len()), Vec::new());
    for item in wanted {
        let mut places = by_variant.remove(&item.variant_id).unwrap_or_default();
        places.sort_by_key(|level| (level.location_id != MAIN, level.location_id));
        let available: i64 = places.iter().map(|level| level.available()).sum();
        if available < item.quantity {
            short.push(ShortItem { variant_id: item.variant_id, available });
            continue;
        }
        let mut rest = item.quantity;
        for level in places {
            let quantity = rest.min(level.available());
            if quantity > 0 {
                lines.push(Line { variant_id: item.variant_id, location_id: level.location_id, quantity });
                rest -= quantity;
            }
        }
    }
    if short.is_empty() { Ok(lines) } else { Err(short) }
}

/// Puts what comes back where it was taken from: never more than was sold there and did not come back before.
/// `sold` says how many are still out, by location.
pub(crate) fn put_back(returned: &[ReservedItem], sold: &[Line]) -> Vec<Line> {
    let mut lines = Vec::with_capacity(returned.len());
    for item in returned {
        let mut rest = item.quantity;
        for out in sold.iter().filter(|out| out.variant_id == item.variant_id) {
            let quantity = rest.min(out.quantity);
            if quantity > 0 {
                lines.push(Line { quantity, ..*out });
                rest -= quantity;
            }
        }
    }
    lines
}

/// The changes of many lines, each level once: an `UPDATE` that meets a row twice changes it once.
pub(crate) fn gather(lines: &[Line], on_hand: i64, reserved: i64) -> Vec<LevelChange> {
    let mut levels: BTreeMap<(VariantId, LocationId), i64> = BTreeMap::new();
    for line in lines {
        *levels.entry((line.variant_id, line.location_id)).or_default() += line.quantity;
    }
    levels
        .into_iter()
        .map(|((variant_id, location_id), quantity)| LevelChange {
            variant_id,
            location_id,
            on_hand: on_hand * quantity,
            reserved: reserved * quantity,
        })
        .collect()
}

/// By how much what can be bought of each variant changes.
pub(crate) fn net(changes: &[LevelChange]) -> BTreeMap<VariantId, i64> {
    let mut net: BTreeMap<VariantId, i64> = BTreeMap::new();
    for change in changes {
        *net.entry(change.variant_id).or_default() += change.available();
    }
    net
}

/// The variants that may have run out or come back: a level of theirs is at nothing now, or was before.
/// Nearly always none, and then nobody has to add up locations.
pub(crate) fn at_the_edge(changes: &[LevelChange], after: &[Level]) -> Vec<VariantId> {
    let net = net(changes);
    let mut variants: Vec<VariantId> = changes
        .iter()
        .zip(changes.iter().map(|change| level_of(change, after)))
        .filter(|(change, level)| match net.get(&change.variant_id).copied().unwrap_or(0) {
            0 => false,
            change_of_all if change_of_all < 0 => level.is_some_and(|level| level.available() == 0),
            _ => level.is_some_and(|level| level.available() == change.available()),
        })
        .map(|(change, _)| change.variant_id)
        .collect();
    variants.dedup();
    variants
}

fn level_of<'a>(change: &LevelChange, levels: &'a [Level]) -> Option<&'a Level> {
    levels
        .iter()
        .find(|level| level.variant_id == change.variant_id && level.location_id == change.location_id)
}

#[cfg(test)]
mod tests;
