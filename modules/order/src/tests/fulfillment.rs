use order_api::OrderId;

use super::shop::{Shop, shop};
use crate::fulfillment::{FulfilledItem, Fulfillment, store};
use crate::order::Order;

fn parcel(shop: &Shop, order: &Order) -> Fulfillment {
    Fulfillment {
        id: shop.clock().id(),
        order_id: order.id,
        tracking_number: Some("1Z999".into()),
        tracking_url: Some("https://carrier.example/1Z999".into()),
        items: vec![FulfilledItem { order_item_id: order.items[0].id, quantity: 1 }],
        created_at: shop.clock().now(),
    }
}

async fn insert(shop: &Shop, parcel: &Fulfillment) -> bool {
    shop.write(async |tx| store::insert(tx, parcel).await).await.unwrap()
}

#[tokio::test]
async fn parcels_come_back_oldest_first_and_with_their_own_order_only() {
    let shop = shop().await;
    let (order, other) = (shop.order(&[2]).await, shop.order(&[2]).await);
    let (first, second) = (parcel(&shop, &order), parcel(&shop, &order));
    let elsewhere = Fulfillment { tracking_number: None, tracking_url: None, ..parcel(&shop, &other) };
    for parcel in [&second, &elsewhere, &first] {
        assert!(insert(&shop, parcel).await);
    }
    let of = async |order: OrderId| store::list(&shop, order).await.unwrap();

    assert_eq!(of(order.id).await, [first, second]);
    assert_eq!(of(other.id).await, [elsewhere]);
}

#[tokio::test]
async fn the_same_parcel_again_changes_nothing() {
    let shop = shop().await;
    let order = shop.order(&[2]).await;
    let first = parcel(&shop, &order);
    assert!(insert(&shop, &first).await);

    assert!(!insert(&shop, &Fulfillment { tracking_number: None, ..first.clone() }).await);

    assert_eq!(store::list(&shop, order.id).await.unwrap(), [first]);
}
