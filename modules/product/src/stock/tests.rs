use kernel::Id;

use super::*;

fn id<T>(number: u128) -> Id<T> {
    Id::from_uuid(Uuid::from_u128(number))
}

fn level(variant: u128, location: LocationId, on_hand: i64, reserved: i64) -> Level {
    Level { variant_id: id(variant), location_id: location, product_id: id(0), on_hand, reserved }
}

fn wanted(variant: u128, quantity: i64) -> ReservedItem {
    ReservedItem { variant_id: id(variant), quantity }
}

#[test]
fn the_main_location_is_emptied_first() {
    let levels = [level(1, id(5), 4, 0), level(1, MAIN, 3, 1)];
    let lines = allocate(&[wanted(1, 5)], &levels).unwrap();
    assert_eq!(
        lines,
        [
            Line { variant_id: id(1), location_id: MAIN, quantity: 2 },
            Line { variant_id: id(1), location_id: id(5), quantity: 3 },
        ]
    );
}

#[test]
fn everything_that_falls_short_is_named() {
    let levels = [level(1, MAIN, 3, 1), level(2, MAIN, 9, 0)];
    let short = allocate(&[wanted(1, 3), wanted(2, 9), wanted(3, 1)], &levels).unwrap_err();
    let short: Vec<_> = short.into_iter().map(|item| (item.variant_id, item.available)).collect();
    assert_eq!(short, [(id(1), 2), (id(3), 0)]);
}

#[test]
fn goods_go_back_to_where_they_came_from() {
    let sold = [
        Line { variant_id: id(1), location_id: MAIN, quantity: 2 },
        Line { variant_id: id(1), location_id: id(5), quantity: 3 },
    ];
    assert_eq!(
        put_back(&[wanted(1, 4)], &sold),
        [
            Line { variant_id: id(1), location_id: MAIN, quantity: 2 },
            Line { variant_id: id(1), location_id: id(5), quantity: 2 },
        ]
    );
    let whole: i64 = put_back(&[wanted(1, 99)], &sold).iter().map(|line| line.quantity).sum();
    assert_eq!(whole, 5, "never more than was sold");
}

#[test]
fn a_level_is_changed_once_however_many_lines_speak_of_it() {
    let line = Line { variant_id: id(1), location_id: MAIN, quantity: 2 };
    let changes = gather(&[line, line], -1, -1);
    assert_eq!(changes, [LevelChange { variant_id: id(1), location_id: MAIN, on_hand: -4, reserved: -4 }]);
}

#[test]
fn only_the_edges_are_looked_at_more_closely() {
    let change = |on_hand, reserved| LevelChange { variant_id: id(1), location_id: MAIN, on_hand, reserved };
    let edge = |change, after| !at_the_edge(&[change], &[after]).is_empty();
    assert!(edge(change(0, 2), level(1, MAIN, 5, 5)), "the last ones are taken");
    assert!(!edge(change(0, 2), level(1, MAIN, 5, 4)), "some are left");
    assert!(edge(change(3, 0), level(1, MAIN, 3, 0)), "there was none");
    assert!(!edge(change(3, 0), level(1, MAIN, 4, 0)), "there was one");
    assert!(!edge(change(-2, -2), level(1, MAIN, 0, 0)), "sold out of what was set aside");
}
