//! What the broker has brought of one log: the newest events, without a gap.

use std::collections::VecDeque;

use kernel::Event;

/// Events at the most; who is further behind reads the log.
const MOST: usize = 2000;

/// A run of events that follow each other, up to what is expected next.
#[derive(Debug, Default)]
pub(super) struct Brought {
    events: VecDeque<Event>,
    /// The position that comes next; `None` while nobody knows.
    next: Option<i64>,
}

/// What there is after a position.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// The events that follow it.
    Events(Vec<Event>),
    /// Nothing yet: what comes next is awaited.
    Awaited,
    /// What follows it is not here.
    Elsewhere,
}

impl Brought {
    /// Takes what the broker brings. What was known before stays; after a gap a new run begins.
    pub(super) fn take(&mut self, event: Event) {
        let position = event.position;
        match self.next {
            Some(next) if position < next => return,
            Some(next) if position == next => {}
            Some(_) | None => self.events.clear(),
        }
        self.next = Some(position + 1);
        self.events.push_back(event);
        if self.events.len() > MOST {
            self.events.pop_front();
        }
    }

    /// The log was read to its end, which is this position: what comes next is expected after it.
    pub(super) fn ends_at(&mut self, position: i64) {
        if self.next.is_none_or(|next| next <= position) {
            self.events.clear();
            self.next = Some(position + 1);
        }
    }

    /// At most `limit` events after a position.
    pub(super) fn after(&self, position: i64, limit: u32) -> Found {
        let Some(next) = self.next else { return Found::Elsewhere };
        if position + 1 == next {
            return Found::Awaited;
        }
        let first = next - self.events.len() as i64;
        match usize::try_from(position + 1 - first) {
            Ok(skipped) if position + 1 < next => {
                Found::Events(self.events.iter().skip(skipped).take(limit as usize).cloned().collect())
            }
            _ => Found::Elsewhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(position: i64) -> Event {
        let text = format!(
            r#"{{"specversion":"1.0","id":"{}","source":"/order","type":"order.placed","subject":"s",
                "time":"2026-01-31T09:30:00Z","datacontenttype":"application/json","data":{{}},"position":{position}}}"#,
            uuid::Uuid::from_u128(position as u128)
        );
        serde_json::from_str(&text).unwrap()
    }

    fn brought(positions: &[i64]) -> Brought {
        let mut brought = Brought::default();
        for position in positions {
            brought.take(event(*position));
        }
        brought
    }

    fn positions(found: Found) -> Vec<i64> {
        match found {
            Found::Events(events) => events.iter().map(|event| event.position).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_follows_is_given_in_order_and_without_a_gap() {
        let brought = brought(&[7, 8, 9, 10]);
        assert_eq!(positions(brought.after(6, 100)), [7, 8, 9, 10]);
        assert_eq!(positions(brought.after(8, 1)), [9]);
        assert_eq!(brought.after(10, 100), Found::Awaited);
        assert_eq!(brought.after(5, 100), Found::Elsewhere);
        assert_eq!(brought.after(11, 100), Found::Elsewhere);
        assert_eq!(Brought::default().after(0, 100), Found::Elsewhere);
    }

    #[test]
    fn what_is_brought_twice_or_late_is_there_once() {
        let brought = brought(&[7, 8, 7, 8, 9, 6, 9]);
        assert_eq!(positions(brought.after(6, 100)), [7, 8, 9]);
    }

    #[test]
    fn a_gap_is_never_given_away() {
        let brought = brought(&[7, 8, 10, 11]);
        assert_eq!(brought.after(6, 100), Found::Elsewhere);
        assert_eq!(brought.after(8, 100), Found::Elsewhere);
        assert_eq!(positions(brought.after(9, 100)), [10, 11]);
    }

    #[test]
    fn the_end_of_the_log_says_what_is_awaited() {
        let mut brought = brought(&[7]);
        brought.ends_at(9);
        assert_eq!(brought.after(9, 100), Found::Awaited);
        // The broker is late with what the log has told already.
        brought.take(event(8));
        brought.take(event(10));
        assert_eq!(positions(brought.after(9, 100)), [10]);
        brought.ends_at(9);
        assert_eq!(positions(brought.after(9, 100)), [10]);
    }

    #[test]
    fn no_more_is_kept_than_fits() {
        let all: Vec<i64> = (1..=MOST as i64 + 5).collect();
        let brought = brought(&all);
        assert_eq!(brought.events.len(), MOST);
        assert_eq!(brought.after(4, 1), Found::Elsewhere);
        assert_eq!(positions(brought.after(5, 1)), [6]);
    }
}
