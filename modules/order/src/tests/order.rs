use kernel::{Page, PageRequest};
use order_api::OrderId;
use platform::DbError;
use uuid::Uuid;

use super::shop::{Shop, as_placed, nobody, shop};
use crate::order::store::{self, OrderFilter};
use crate::order::{FulfillmentStatus, Order, OrderItem, OrderStatus, Paid, PaymentStatus, item};

const ALL: PageRequest<Uuid> = PageRequest { after: None, limit: 100 };

async fn listed(shop: &Shop, filter: &OrderFilter, page: &PageRequest<Uuid>) -> Page<OrderId> {
    store::list(shop, filter, page).await.unwrap().map(|order| order.id)
}

#[tokio::test]
async fn an_order_comes_back_as_it_was_stored_with_its_lines_in_their_order() {
    let shop = shop().await;
    let order = shop.order(&[3, 1, 2]).await;
    let other = shop.order(&[1]).await;

    assert_eq!(shop.order_now(order.id).await, order);
    assert_eq!(store::find(&shop, shop.clock().id()).await.unwrap(), None);
    let unknown = shop.clock().id();
    assert_eq!(store::find_all(&shop, &[other.id, unknown, order.id]).await.unwrap(), [order, other]);
    assert_eq!(store::find_all(&shop, &[]).await.unwrap(), []);
}

#[tokio::test]
async fn lines_come_with_the_order_they_are_of() {
    let shop = shop().await;
    let (one, two) = (shop.order(&[3, 1]).await, shop.order(&[2]).await);

    let lines = item::store::list(&shop, [two.id, one.id]).await.unwrap();

    let expected: Vec<(OrderId, OrderItem)> = [&one, &two]
        .into_iter()
        .flat_map(|order| order.items.iter().map(|line| (order.id, line.clone())))
        .collect();
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_cart_becomes_one_order_unless_the_first_came_to_nothing() {
    let shop = shop().await;
    let first = shop.order(&[1]).await;
    let second = Order { cart_id: first.cart_id, ..shop.unstored_order(&[1]) };
    let insert = async || shop.commits(|tx| store::insert(tx, &second)).await;

    assert!(matches!(insert().await, Err(DbError::Unique(_))));
    cancel(&shop, &first).await;
    insert().await.unwrap();
}

#[tokio::test]
async fn an_order_is_placed_once() {
    let shop = shop().await;
    let order = shop.order(&[2]).await;
    shop.wait(5);
    let paid = as_placed(&shop, &order, "1001");
    let place = async || shop.commits(|tx| store::place(tx, &paid)).await.unwrap();

    assert!(place().await);
    assert!(!place().await);
    let expected =
        Order { status: OrderStatus::Placed, version: 2, updated_at: shop.clock().now(), ..paid.clone() };
    assert_eq!(shop.order_now(order.id).await, expected);
}

#[tokio::test]
async fn no_two_orders_have_one_number() {
    let shop = shop().await;
    shop.placed(&[1], "1001").await;
    let order = shop.order(&[1]).await;

    let paid = as_placed(&shop, &order, "1001");
    let taken = shop.commits(|tx| store::place(tx, &paid)).await;

    assert!(matches!(taken, Err(DbError::Unique(_))));
    assert_eq!(shop.order_now(order.id).await, order);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_order_is_either_placed_or_canceled_whoever_comes_first() {
    let shop = shop().await;
    let order = shop.order(&[1]).await;
    let paid = as_placed(&shop, &order, "1001");
    let turns = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));

    let won = shop
        .race(16, move |mut tx| {
            let paid = paid.clone();
            let places = turns.fetch_add(1, std::sync::atomic::Ordering::SeqCst).is_multiple_of(2);
            async move {
                if places {
                    store::place(&mut tx, &paid);
                    return Ok((tx, true));
                }
                let (from, none) = (OrderStatus::PendingPayment, PaymentStatus::None);
                let canceled =
                    store::cancel(&mut tx, paid.id, from, none, "out_of_stock", paid.updated_at).await?;
                Ok((tx, canceled))
            }
        })
        .await;

    assert_eq!(won, 1);
    assert_eq!(shop.order_now(order.id).await.version, 2);
}

async fn cancel(shop: &Shop, order: &Order) -> bool {
    let now = shop.clock().now();
    let (from, payment) = (order.status, PaymentStatus::Voided);
    shop.write(async |tx| store::cancel(tx, order.id, from, payment, "changed their mind", now).await)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_order_is_canceled_from_the_status_it_was_read_in() {
    let shop = shop().await;
    let waiting = shop.order(&[1]).await;
    let stale = waiting.clone();
    let placed = as_placed(&shop, &waiting, "1001");
    shop.commits(|tx| store::place(tx, &placed)).await.unwrap();

    assert!(!cancel(&shop, &stale).await, "it was placed in the meantime");
    let now = shop.order_now(waiting.id).await;
    assert!(cancel(&shop, &now).await);
    assert!(!cancel(&shop, &now).await);

    let canceled = shop.order_now(waiting.id).await;
    assert_eq!(
        (canceled.status, canceled.payment_status, canceled.fulfillment_status),
        (OrderStatus::Canceled, PaymentStatus::Voided, FulfillmentStatus::Canceled)
    );
    assert_eq!(canceled.cancel_reason.as_deref(), Some("changed their mind"));
    assert_eq!((canceled.canceled_at, canceled.version), (Some(shop.clock().now()), 3));
}

#[tokio::test]
async fn no_more_of_a_line_is_canceled_or_shipped_than_is_open() {
    let shop = shop().await;
    let order = shop.order(&[5, 5]).await;
    let (line, other) = (order.items[0].id, shop.clock().id());
    let cancel = async |order, count| {
        shop.write(async |tx| item::store::cancel(tx, order, line, count).await).await.unwrap()
    };
    let send = async |order, count| {
        shop.write(async |tx| item::store::ship(tx, order, line, count).await).await.unwrap()
    };

    assert!(send(order.id, 3).await);
    assert!(!cancel(order.id, 3).await && !send(order.id, 3).await);
    assert!(!cancel(other, 1).await && !send(other, 1).await, "it is no line of that order");
    assert!(cancel(order.id, 1).await && send(order.id, 1).await);
    assert!(!cancel(order.id, 1).await && !send(order.id, 1).await);

    let now = shop.order_now(order.id).await;
    assert_eq!((now.items[0].fulfilled, now.items[0].canceled, now.items[1].open()), (4, 1, 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_cancel_and_those_who_ship_share_what_is_open() {
    let shop = shop().await;
    let order = shop.order(&[10]).await;
    let (id, line) = (order.id, order.items[0].id);
    let turns = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));

    let won = shop
        .race(24, move |mut tx| {
            let ships = turns.fetch_add(1, std::sync::atomic::Ordering::SeqCst).is_multiple_of(2);
            async move {
                let done = if ships {
                    item::store::ship(&mut tx, id, line, 1).await?
                } else {
                    item::store::cancel(&mut tx, id, line, 1).await?
                };
                Ok((tx, done))
            }
        })
        .await;

    assert_eq!(won, 10);
    assert_eq!(shop.order_now(id).await.items[0].open(), 0);
}

#[tokio::test]
async fn shipping_is_noted_once_for_each_version() {
    let shop = shop().await;
    let order = shop.placed(&[1], "1001").await;
    shop.wait(9);
    let now = shop.clock().now();
    let (done, all) = (OrderStatus::Completed, FulfillmentStatus::Fulfilled);
    let note = async || {
        shop.write(async |tx| store::update_shipping(tx, &order, done, all, now).await).await.unwrap()
    };

    assert!(note().await);
    assert!(!note().await, "somebody was faster");
    let expected =
        Order { status: done, fulfillment_status: all, updated_at: now, version: 3, ..order.clone() };
    assert_eq!(shop.order_now(order.id).await, expected);
}

#[tokio::test]
async fn the_money_of_an_order_is_found_by_its_payment_and_the_last_word_counts() {
    let shop = shop().await;
    let order = shop.placed(&[2], "1001").await;
    shop.wait(9);
    let now = shop.clock().now();
    let total = order.totals.total.amount;
    let paid = Paid { authorized: 0, captured: total, refunded: total };

    for _ in 0..2 {
        let status = PaymentStatus::Refunded;
        shop.write(async |tx| store::update_paid(tx, order.id, paid, status, now).await).await.unwrap();
    }

    let standing =
        shop.write(async |tx| store::standing(tx, order.payment_key).await).await.unwrap().unwrap();
    assert_eq!(
        (standing.id, standing.status, standing.total),
        (order.id, OrderStatus::Placed, order.totals.total)
    );
    assert_eq!(standing.paid, paid);
    assert_eq!(shop.order_now(order.id).await.payment_status, PaymentStatus::Refunded);
    assert!(shop.write(async |tx| store::standing(tx, nobody()).await).await.unwrap().is_none());
}

#[tokio::test]
async fn no_more_goes_back_than_was_taken() {
    let shop = shop().await;
    let order = shop.placed(&[2], "1001").await;
    let paid = Paid { refunded: order.paid.captured + 1, ..order.paid };

    let status = PaymentStatus::Refunded;
    let refused =
        shop.write(async |tx| store::update_paid(tx, order.id, paid, status, order.updated_at).await).await;

    assert!(matches!(refused, Err(DbError::Refused(_))), "{refused:?}");
    assert_eq!(shop.order_now(order.id).await.paid, order.paid);
}

#[tokio::test]
async fn a_list_shows_what_its_filter_asks_for_newest_first_and_page_by_page() {
    let shop = shop().await;
    let waiting = shop.order(&[1]).await;
    let placed = shop.placed(&[1], "1001").await;
    let canceled = shop.order(&[1]).await;
    cancel(&shop, &canceled).await;
    let all = OrderFilter::default();

    assert_eq!(listed(&shop, &all, &ALL).await.data, [canceled.id, placed.id, waiting.id]);
    let first = listed(&shop, &all, &PageRequest { after: None, limit: 2 }).await;
    assert_eq!((first.data, first.has_more), (vec![canceled.id, placed.id], true));
    let rest = listed(&shop, &all, &PageRequest { after: Some(placed.id.uuid()), limit: 2 }).await;
    assert_eq!((rest.data, rest.has_more), (vec![waiting.id], false));

    let filters = [
        (OrderFilter { customer_id: placed.customer_id, ..all.clone() }, vec![placed.id]),
        (OrderFilter { customer_id: Some(nobody()), ..all.clone() }, vec![]),
        (OrderFilter { payment_statuses: vec![PaymentStatus::Paid], ..all.clone() }, vec![placed.id]),
        (
            OrderFilter { statuses: vec![OrderStatus::Canceled, OrderStatus::PendingPayment], ..all.clone() },
            vec![canceled.id, waiting.id],
        ),
        (
            OrderFilter { fulfillment_statuses: vec![FulfillmentStatus::Unfulfilled], ..all.clone() },
            vec![placed.id, waiting.id],
        ),
    ];
    for (filter, expected) in filters {
        assert_eq!(listed(&shop, &filter, &ALL).await.data, expected, "{filter:?}");
    }
}
