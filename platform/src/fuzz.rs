//! What everything that reads bytes from outside has to keep to, whatever the bytes are.
//!
//! Each target takes any bytes, gives them to the reader that the product uses, and panics when what came of it is not
//! so. The programs in `fuzz/` try each by the million; the test suite tries what is kept in `fuzz/seeds`. A module has
//! its own in its own `fuzz.rs`.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a broken rule is told by a panic, which is what a fuzzer looks for"
)]

mod between;
mod head;
mod seeds;
mod text;
mod words;

use kernel::Moment;

pub use between::{call, descriptor, event, frame, sealed};
pub use head::{accept, cursor, etag, head, key, trace};
pub use seeds::run_through;
pub use text::{body, json, parameters, query, refused};
pub use words::{address, id, moment, money};

/// A target: its name, which is that of its program and of its seeds, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// Those of everybody.
pub const TARGETS: &[Target] = &[
    ("accept", accept),
    ("address", address),
    ("call", call),
    ("cursor", cursor),
    ("descriptor", descriptor),
    ("etag", etag),
    ("event", event),
    ("head", head),
    ("id", id),
    ("json", json),
    ("key", key),
    ("moment", moment),
    ("money", money),
    ("query", query),
    ("sealed", sealed),
    ("trace", trace),
];

/// Some moment, always the same.
pub const NOW: Moment = Moment::from_micros(1_800_000_000_000_000);

/// The first line of the bytes, if they are text, and what follows it.
pub fn line(bytes: &[u8]) -> Option<(&str, &str)> {
    let text = str::from_utf8(bytes).ok()?;
    Some(text.split_once('\n').unwrap_or((text, "")))
}

/// One of these, chosen by the first byte, and the bytes after it.
pub fn one_of<'b, T: Copy>(choices: &[T], bytes: &'b [u8]) -> Option<(T, &'b [u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((*choices.get(usize::from(*first) % choices.len().max(1))?, rest))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_seed_is_taken_as_it_must_be() {
        super::run_through("platform", super::TARGETS);
    }
}
