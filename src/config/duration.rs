//! Durations are whole numbers in a file and [`Duration`]s past the door. The unit stands in the key.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

pub(super) fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    count(deserializer).map(Duration::from_millis)
}

pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    count(deserializer).map(Duration::from_secs)
}

pub(super) fn minutes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    count(deserializer).map(|minutes| Duration::from_secs(minutes * 60))
}

pub(super) fn hours<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    count(deserializer).map(|hours| Duration::from_secs(hours * 60 * 60))
}

pub(super) fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    count(deserializer).map(|days| Duration::from_secs(days * 24 * 60 * 60))
}

/// Zero is refused: none of these durations means "for ever" or "not at all". 32 bits keep the products in range.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    NonZeroU32::deserialize(deserializer).map(|count| u64::from(count.get()))
}
