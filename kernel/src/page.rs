//! Pages of lists, by position rather than by number, so that a page does not shift while it is being read.

use serde::{Deserialize, Serialize};

/// Which part of a list is wanted: at most `limit` items after the given position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PageRequest<P> {
    /// Where the previous page ended; `None` for the first.
    pub after: Option<P>,
    /// At most so many items, 1 to 100.
    pub limit: u32,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items, in the list's order.
    pub data: Vec<T>,
    /// Whether there is another page.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// A page made of up to `limit + 1` items that were read: the one too many only says that there are more.
    pub fn cut(mut items: Vec<T>, limit: u32) -> Self {
        let has_more = items.len() > limit as usize;
        items.truncate(limit as usize);
        Self { data: items, has_more }
    }

    /// The same page with every item turned into something else.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U> {
        Page { data: self.data.into_iter().map(turn).collect(), has_more: self.has_more }
    }
}
