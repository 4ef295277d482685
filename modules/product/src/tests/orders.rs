use std::sync::Arc;
use std::time::Duration;

use kernel::{Event, Id};
use order_api::{OrderCanceled, OrderId, OrderItemsCanceled, OrderPlaced, RestockedItem};

use platform::events::ListenerError;
use platform::testing;
use product_api::{ReserveStock, ReservedItem, VariantId};
use uuid::Uuid;

use super::shop::{Shop, call};
use crate::reservation::expiry::Expiry;

struct Sold {
    shop: Shop,
    variant: VariantId,
    order: OrderId,
    event: Event,
}

/// A shop that has sold 3 of 10.
async fn sold() -> Sold {
    let shop = Shop::open().await;
    let variant = shop.sells("mug", 10).await;
    let (key, order) = (shop.db.clock().uuid(), shop.db.clock().id());
    shop.reserve(key, &[(variant, 3)]).await.unwrap();
    let placed = OrderPlaced { order_id: order, number: "1".into(), reservation_key: key };
    let event = shop.hears(&placed).await.unwrap();
    Sold { shop, variant, order, event }
}

fn canceled(order_id: OrderId, variant: VariantId, quantity: i64) -> OrderCanceled {
    let restock = vec![RestockedItem { variant_id: variant.to_string(), quantity }];
    OrderCanceled { order_id, payment_key: None, refund: true, restock, reason: "test".into() }
}

#[tokio::test]
async fn an_order_that_is_placed_takes_its_goods_off_the_shelf_once() {
    let Sold { shop, variant, event, .. } = sold().await;
    assert_eq!(shop.stock(variant).await, (7, 0));
    shop.hears_again(&event).await.unwrap();
    assert_eq!(shop.stock(variant).await, (7, 0));
    shop.books_balance().await;
}

#[tokio::test]
async fn an_order_that_is_canceled_brings_them_back_once() {
    let Sold { shop, variant, order, .. } = sold().await;
    let event = shop.hears(&canceled(order, variant, 3)).await.unwrap();
    assert_eq!(shop.stock(variant).await, (10, 0));
    shop.hears_again(&event).await.unwrap();
    shop.hears(&canceled(order, variant, 3)).await.unwrap();
    assert_eq!(shop.stock(variant).await, (10, 0));
    shop.books_balance().await;
}

#[tokio::test]
async fn a_part_of_an_order_that_is_canceled_brings_that_part_back_once() {
    let Sold { shop, variant, order, .. } = sold().await;
    let part = OrderItemsCanceled {
        order_id: order,
        cancellation_id: shop.db.clock().uuid(),
        payment_key: shop.db.clock().uuid(),
        refund: None,
        restock: vec![RestockedItem { variant_id: variant.to_string(), quantity: 1 }],
        reason: "test".into(),
    };
    let event = shop.hears(&part).await.unwrap();
    shop.hears_again(&event).await.unwrap();
    assert_eq!(shop.stock(variant).await, (8, 0));
    shop.books_balance().await;
}

#[tokio::test]
async fn an_order_that_took_nothing_brings_nothing_back() {
    let Sold { shop, variant, .. } = sold().await;
    shop.hears(&canceled(shop.db.clock().id(), variant, 3)).await.unwrap();
    assert_eq!(shop.stock(variant).await, (7, 0));
}

#[tokio::test]
async fn an_order_whose_lease_had_ended_is_still_sold_while_there_is_stock() {
    let shop = Shop::open().await;
    let variant = shop.sells("mug", 1).await;
    let key = shop.db.clock().uuid();
    shop.reserve(key, &[(variant, 1)]).await.unwrap();
    shop.release(key).await;
    let placed = OrderPlaced { order_id: shop.db.clock().id(), number: "1".into(), reservation_key: key };
    let event = shop.hears(&placed).await.unwrap();
    shop.hears_again(&event).await.unwrap();
    assert_eq!(shop.stock(variant).await, (0, 0));
    shop.books_balance().await;
}

#[tokio::test]
async fn goods_that_were_sold_to_others_are_not_sold_again() {
    let shop = Shop::open().await;
    let variant = shop.sells("mug", 1).await;
    let (late, other) = (shop.db.clock().uuid(), shop.db.clock().uuid());
    shop.reserve(late, &[(variant, 1)]).await.unwrap();
    shop.release(late).await;
    shop.reserve(other, &[(variant, 1)]).await.unwrap();
    let placed = OrderPlaced { order_id: shop.db.clock().id(), number: "1".into(), reservation_key: late };
    assert!(matches!(shop.hears(&placed).await, Err(ListenerError::Refused(_))));
    assert_eq!(shop.stock(variant).await, (1, 1));
    shop.books_balance().await;
}

#[tokio::test]
async fn orders_that_are_heard_together_are_each_sold_once() {
    let shop = Shop::open().await;
    let (mug, cup) = (shop.sells("mug", 10).await, shop.sells("cup", 10).await);
    let placed = async |items: &[(VariantId, i64)]| {
        let (order_id, reservation_key) = (shop.db.clock().id(), shop.db.clock().uuid());
        shop.reserve(reservation_key, items).await.unwrap();
        OrderPlaced { order_id, number: "1".into(), reservation_key }
    };
    let (both, one, late) =
        (placed(&[(mug, 1), (cup, 2)]).await, placed(&[(mug, 3)]).await, placed(&[(mug, 2)]).await);
    shop.release(late.reservation_key).await;
    let events = [
        shop.said(&both),
        shop.said(&one),
        shop.said(&canceled(one.order_id, mug, 3)),
        shop.said(&late),
        shop.said(&both),
    ];

    for _ in 0..2 {
        shop.hears_together(&events.iter().collect::<Vec<_>>()).await.unwrap();
        assert_eq!(shop.stock(mug).await, (10 - 1 - 2, 0));
        assert_eq!(shop.stock(cup).await, (8, 0));
    }
    shop.books_balance().await;
}

#[tokio::test]
async fn an_unknown_reservation_harms_nobody() {
    let shop = Shop::open().await;
    let placed = OrderPlaced {
        order_id: Id::from_uuid(Uuid::max()),
        number: "1".into(),
        reservation_key: Uuid::max(),
    };
    shop.hears(&placed).await.unwrap();
    shop.books_balance().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_the_order_module_says_is_heard_and_leases_end_by_themselves() {
    let shop = Shop::open().await;
    let product = shop.sells_all("set", &[5, 5]).await;
    let (bought, left) = (product.variants[0].id, product.variants[1].id);
    let orders = testing::db("order", &[]).await;
    let tasks = platform::Tasks::new();
    let logs = Arc::new(platform::events::Logs::new([(*orders).clone()], orders.tasks()));
    let listener = Arc::new(shop.listener());
    tasks.spawn(platform::events::sequence((*orders).clone(), tasks.clone()));
    tasks.spawn(platform::events::listen(listener, (*shop.db).clone(), logs, 100, tasks.clone()));

    let (sold, abandoned) = (shop.db.clock().uuid(), shop.db.clock().uuid());
    for (key, variant) in [(sold, bought), (abandoned, left)] {
        let items = vec![ReservedItem { variant_id: variant, quantity: 2 }];
        shop.contract.reserve(&call(), ReserveStock { key, items, lease_seconds: 0 }).await.unwrap();
    }
    let mut tx = orders.begin().await.unwrap();
    let order_id = orders.clock().id();
    tx.publish(&OrderPlaced { order_id, number: "1".into(), reservation_key: sold }).await.unwrap();
    tx.commit().await.unwrap();

    let (kept, heard) = (shop.module.kept.clone(), shop.module.heard.clone());
    let expiry = Expiry::new((*shop.db).clone(), kept, heard, Duration::ZERO);
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    while shop.stock(bought).await != (3, 0) || shop.stock(left).await != (5, 0) {
        assert!(tokio::time::Instant::now() < patience, "nothing was heard");
        expiry.sweep().await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    shop.books_balance().await;
    tasks.stop(Duration::from_secs(5)).await;
}
