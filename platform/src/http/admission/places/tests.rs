use super::*;
use proptest::prelude::*;

/// Places of which so many are taken, in the order of priorities.
fn taken(counts: [u32; 4]) -> Taken {
    let lanes = Priority::ALL.into_iter().zip(counts);
    Taken(lanes.map(|(priority, count)| Taken::one(priority) * u64::from(count)).sum())
}

fn share(priority: Priority, limit: u32) -> u32 {
    (limit * SHARES[priority as usize] / 100).max(1)
}

/// Fills the places with one priority until it gets no more.
fn fill(places: &Places, priority: Priority) -> usize {
    std::iter::repeat_with(|| places.take(priority)).take_while(|taken| *taken).count()
}

fn priorities() -> impl Strategy<Value = Priority> {
    prop::sample::select(Priority::ALL.to_vec())
}

proptest! {
    #[test]
    fn who_is_below_its_share_is_let_in_whatever_the_others_hold(
        priority in priorities(), others in prop::array::uniform4(0_u32..16_000), limit in 8_u32..4096, part in 0.0..1.0,
    ) {
        let mut counts = others;
        counts[priority as usize] = (f64::from(share(priority, limit)) * part) as u32;
        prop_assert!(taken(counts).admits(priority, limit));
    }

    #[test]
    fn what_others_leave_can_be_borrowed_up_to_its_reach(priority in priorities(), limit in 8_u32..2048) {
        let most = fill(&Places::new(limit), priority);
        prop_assert_eq!(most as u32, limit * REACHES[priority as usize] / 100);
    }

    #[test]
    fn beyond_their_shares_the_least_urgent_are_turned_away_first(
        counts in prop::array::uniform4(0_u32..3000), limit in 8_u32..2048,
    ) {
        let taken = taken(counts);
        for pair in Priority::ALL.windows(2) {
            let borrows = taken.of(pair[1]) >= share(pair[1], limit);
            if borrows && taken.admits(pair[1], limit) {
                prop_assert!(taken.admits(pair[0], limit), "{:?} before {:?}", pair[1], pair[0]);
            }
        }
    }

    #[test]
    fn however_requests_come_and_go_the_limit_is_not_exceeded_by_itself(
        steps in prop::collection::vec((priorities(), any::<bool>()), 0..2000), limit in 8_u32..200,
    ) {
        let places = Places::new(limit);
        let mut held = [0_u32; 4];
        for (priority, comes) in steps {
            if comes {
                held[priority as usize] += u32::from(places.take(priority));
            } else if held[priority as usize] > 0 {
                places.give_back(priority);
                held[priority as usize] -= 1;
            }
            prop_assert_eq!(places.taken(), taken(held));
            prop_assert!(places.taken().all() < 2 * limit, "{:?} of {}", held, limit);
        }
    }
}

#[test]
fn full_of_browsing_there_is_still_room_for_all_who_are_more_urgent() {
    let places = Places::new(100);
    assert_eq!(fill(&places, Priority::Browsing), 80);
    assert_eq!(fill(&places, Priority::Staff), 10, "its share");
    assert_eq!(fill(&places, Priority::Checkout), 30, "its share");
    assert_eq!(fill(&places, Priority::Payment), 30, "its share");
    assert!(!places.take(Priority::Browsing));
}

#[test]
fn places_are_counted_right_from_all_threads() {
    let places = Places::new(64);
    std::thread::scope(|threads| {
        for priority in Priority::ALL {
            let places = &places;
            threads.spawn(move || {
                for _ in 0..20_000 {
                    if places.take(priority) {
                        assert!(places.taken().all() < 128);
                        places.give_back(priority);
                    }
                }
            });
        }
    });
    assert_eq!(places.taken(), Taken::default());
}
