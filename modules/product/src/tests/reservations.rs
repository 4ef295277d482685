use std::sync::Arc;
use std::time::Duration;

use kernel::Clock;
use order_api::OrderPlaced;
use product_api::ProductsError;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::Barrier;

use uuid::Uuid;

use super::shop::{Shop, noon};
use crate::reservation::{ReservationStatus, store as reservations_store};
use crate::stock::service::Cause;

fn key() -> Uuid {
    Clock::system().uuid()
}

fn placed(clock: &Clock, reservation_key: Uuid) -> OrderPlaced {
    OrderPlaced { order_id: clock.id(), number: "1".into(), reservation_key }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_race_for_fifty_and_fifty_win() {
    let shop = Arc::new(Shop::open().await);
    let variant = shop.sells("mug", 50).await;
    let start = Arc::new(Barrier::new(200));
    let buyers: Vec<_> = (0..200)
        .map(|_| {
            let (shop, start) = (Arc::clone(&shop), Arc::clone(&start));
            shop.clone().db.tasks().spawn(async move {
                start.wait().await;
                shop.reserve(key(), &[(variant, 1)]).await
            })
        })
        .collect();
    let (mut won, mut lost) = (0, 0);
    for buyer in buyers {
        match buyer.await.unwrap() {
            Ok(_) => won += 1,
            Err(ProductsError::OutOfStock { short }) => {
                assert_eq!(short[0].variant_id, variant);
                lost += 1;
            }
            Err(other) => panic!("neither won nor lost: {other:?}"),
        }
    }
    assert_eq!((won, lost), (50, 150));
    assert_eq!(shop.stock(variant).await, (50, 50));
    assert_eq!(shop.told("stock.out").await, 1);
    shop.books_balance().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_want_the_same_things_in_another_order_do_not_block_each_other() {
    let shop = Arc::new(Shop::open().await);
    let product = shop.sells_all("set", &[400; 8]).await;
    let start = Arc::new(Barrier::new(60));
    let buyers: Vec<_> = (0..60_usize)
        .map(|number| {
            let mut wanted: Vec<_> = product.variants.iter().map(|variant| (variant.id, 1)).collect();
            wanted.rotate_left(number % 8);
            let (shop, start) = (Arc::clone(&shop), Arc::clone(&start));
            shop.clone().db.tasks().spawn(async move {
                start.wait().await;
                shop.reserve(key(), &wanted).await
            })
        })
        .collect();
    for buyer in buyers {
        buyer.await.unwrap().unwrap();
    }
    assert_eq!(shop.stock(product.variants[0].id).await, (400, 60));
    shop.books_balance().await;
}

#[tokio::test]
async fn the_same_key_is_one_reservation_and_prolongs_it() {
    let clock = noon();
    let shop = Shop::open_at(clock.clone()).await;
    let variant = shop.sells("mug", 1).await;
    let key = key();
    let first = shop.reserve(key, &[(variant, 1)]).await.unwrap();
    clock.advance(Duration::from_mins(5));
    let second = shop.reserve(key, &[(variant, 1)]).await.unwrap();
    assert_eq!(second.since(first), Duration::from_mins(5));
    assert_eq!(shop.stock(variant).await, (1, 1));
    shop.books_balance().await;
}

#[tokio::test]
async fn a_reservation_that_ended_does_not_begin_again() {
    let shop = Shop::open().await;
    let variant = shop.sells("mug", 3).await;
    let key = key();
    shop.reserve(key, &[(variant, 2)]).await.unwrap();
    shop.release(key).await;
    shop.release(key).await;
    assert_eq!(shop.stock(variant).await, (3, 0));
    assert_eq!(shop.reserve(key, &[(variant, 2)]).await, Err(ProductsError::ReservationEnded));
    shop.books_balance().await;
}

#[tokio::test]
async fn everything_short_is_named_and_nothing_is_set_aside() {
    let shop = Shop::open().await;
    let product = shop.sells_all("set", &[5, 1, 0]).await;
    let ids: Vec<_> = product.variants.iter().map(|variant| variant.id).collect();
    let unknown = kernel::Id::from_uuid(key());
    let wanted = [(ids[0], 5), (ids[1], 2), (ids[2], 1), (unknown, 1)];
    let Err(ProductsError::OutOfStock { mut short }) = shop.reserve(key(), &wanted).await else {
        panic!("there is not enough")
    };
    short.sort_by_key(|item| item.variant_id);
    let mut expected = vec![(ids[1], 1), (ids[2], 0), (unknown, 0)];
    expected.sort_by_key(|(id, _)| *id);
    assert_eq!(short.into_iter().map(|item| (item.variant_id, item.available)).collect::<Vec<_>>(), expected);
    assert_eq!(shop.stock(ids[0]).await, (5, 0));
    let page = kernel::PageRequest { after: None, limit: 10 };
    let all = reservations_store::list(&shop.db, ReservationStatus::ALL, &page).await.unwrap();
    assert!(all.data.is_empty());
}

#[tokio::test]
async fn one_reservation_can_take_from_several_locations() {
    let shop = Shop::open().await;
    let variant = shop.sells("mug", 2).await;
    let north = shop.module.locations.create(shop.db.clock().id(), "North".into()).await.unwrap().id;
    let cause = Cause { effect_id: key(), who: "test".into(), reason: None };
    shop.module.stock.adjust(variant, Some(north), 3, cause).await.unwrap();

    let key = key();
    shop.reserve(key, &[(variant, 4)]).await.unwrap();
    shop.books_balance().await;
    assert_eq!(shop.stock(variant).await, (5, 4));
    shop.hears(&placed(shop.db.clock(), key)).await.unwrap();

    assert_eq!(shop.stock(variant).await, (1, 0));
    shop.books_balance().await;
}

#[tokio::test]
async fn a_lease_ends_only_when_every_order_before_its_end_was_heard() {
    let clock = noon();
    let shop = Shop::open_at(clock.clone()).await;
    let variant = shop.sells("mug", 1).await;
    let expires_at = shop.reserve(key(), &[(variant, 1)]).await.unwrap();
    clock.advance(Duration::from_hours(1));

    shop.expires(expires_at.plus(Duration::from_secs(59))).await;
    assert_eq!(shop.stock(variant).await, (1, 1), "an order could still be on its way");
    shop.expires(expires_at.plus(Duration::from_secs(61))).await;

    assert_eq!(shop.stock(variant).await, (1, 0));
    assert_eq!((shop.told("reservation.expired").await, shop.told("stock.back").await), (1, 1));
    shop.books_balance().await;
}

#[tokio::test]
async fn reserving_is_two_statements_whatever_the_number_of_lines() {
    let shop = Shop::open().await;
    let product = shop.sells_all("set", &[10; 60]).await;
    let wanted: Vec<_> = product.variants.iter().map(|variant| (variant.id, 1)).collect();
    let key = key();
    let count = || shop.db.stats().counts();
    let before = count();
    shop.reserve(key, &wanted).await.unwrap();
    let reserved = count();
    assert_eq!((reserved.statements - before.statements, reserved.commits - before.commits), (2, 1));
    shop.hears(&placed(shop.db.clock(), key)).await.unwrap();
    assert_eq!(count().statements - reserved.statements, 3);
}

/// Whatever happens in whatever order, no unit appears or is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stock_is_conserved_through_a_long_random_life() {
    for seed in 0..3 {
        let mut chance = StdRng::seed_from_u64(seed);
        let clock = noon();
        let shop = Shop::open_at(clock.clone()).await;
        let product = shop.sells_all("set", &[7, 3, 5]).await;
        let mut keys: Vec<Uuid> = Vec::new();
        for _ in 0..150 {
            let known = keys.get(chance.random_range(0..keys.len().max(1))).copied();
            match (chance.random_range(0..6), known) {
                (0 | 1, _) | (_, None) => {
                    let key = key();
                    let wanted: Vec<_> = product
                        .variants
                        .iter()
                        .map(|variant| (variant.id, chance.random_range(0..4)))
                        .filter(|(_, quantity)| *quantity > 0)
                        .collect();
                    match shop.reserve(key, &wanted).await {
                        Ok(_) => keys.push(key),
                        Err(ProductsError::OutOfStock { .. }) => {}
                        Err(other) => panic!("{other:?}"),
                    }
                }
                (2, Some(key)) => shop.release(key).await,
                (3, Some(key)) => {
                    // Refused when it had ended and was sold to others; the books hold either way.
                    let _ = shop.hears(&placed(&clock, key)).await;
                }
                (4, _) => {
                    clock.advance(Duration::from_mins(chance.random_range(1..20)));
                    shop.expires(clock.now()).await;
                }
                (_, Some(_)) => {
                    let variant = product.variants[chance.random_range(0..3)].id;
                    let cause = Cause { effect_id: key(), who: "test".into(), reason: None };
                    let _ = shop.module.stock.adjust(variant, None, chance.random_range(-3..6), cause).await;
                }
            }
            shop.books_balance().await;
        }
    }
}
