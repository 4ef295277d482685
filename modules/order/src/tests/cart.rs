use super::shop::{address, shop};
use crate::cart::{Cart, CartStatus, store};

#[tokio::test]
async fn a_cart_comes_back_as_it_was_stored() {
    let shop = shop().await;
    let cart = shop.cart().await;

    assert_eq!(shop.cart_now(&cart).await, cart);
    assert_eq!(store::find(&shop, shop.clock().id()).await.unwrap(), None);
}

#[tokio::test]
async fn a_cart_that_nobody_was_told_of_is_stored_anew_and_any_other_is_kept() {
    let shop = shop().await;
    let first = shop.cart().await;
    let again = Cart { token_hash: vec![8; 32], items: Vec::new(), ..first.clone() };
    let insert = async |cart: &Cart| shop.commits(|tx| store::insert(tx, cart)).await.unwrap();

    insert(&again).await;
    assert_eq!(shop.cart_now(&first).await, again);

    shop.write(async |tx| store::update(tx, &again).await).await.unwrap();
    insert(&first).await;
    assert_eq!(shop.cart_now(&first).await, Cart { version: 2, ..again });
}

#[tokio::test]
async fn a_change_is_stored_once_for_each_version() {
    let shop = shop().await;
    let cart = shop.cart().await;
    shop.wait(60);
    let changed = Cart {
        email: None,
        billing_address: Some(address()),
        items: Vec::new(),
        customer_id: Some(shop.clock().uuid()),
        updated_at: shop.clock().now(),
        ..cart.clone()
    };
    let update = async || shop.write(async |tx| store::update(tx, &changed).await).await.unwrap();

    assert!(update().await);
    assert!(!update().await, "somebody was faster");
    assert_eq!(shop.cart_now(&cart).await, Cart { version: 2, ..changed.clone() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_orders_one_gets_the_cart() {
    let shop = shop().await;
    let cart = shop.cart().await;
    let (clock, wanted) = (shop.clock().clone(), cart.clone());

    let won = shop
        .race(16, move |mut tx| {
            let (wanted, order, now) = (wanted.clone(), clock.id(), clock.now());
            async move {
                store::lock(&mut tx, &wanted, order, now);
                Ok((tx, true))
            }
        })
        .await;

    assert_eq!(won, 1);
    let locked = shop.cart_now(&cart).await;
    assert_eq!((locked.status, locked.version), (CartStatus::Completing, cart.version));
    assert!(locked.order_id.is_some());
}

#[tokio::test]
async fn a_cart_that_changed_since_it_was_priced_is_not_locked_and_a_locked_one_is_not_changed() {
    let shop = shop().await;
    let (old, order, now) = (shop.cart().await, shop.clock().id(), shop.clock().now());
    shop.write(async |tx| store::update(tx, &old).await).await.unwrap();
    let current = shop.cart_now(&old).await;
    let lock = async |cart: &Cart| shop.commits(|tx| store::lock(tx, cart, order, now)).await.unwrap();

    assert!(!lock(&old).await);
    assert!(lock(&current).await);
    assert!(!lock(&current).await);
    assert!(!shop.write(async |tx| store::update(tx, &current).await).await.unwrap());
}

#[tokio::test]
async fn a_cart_follows_its_own_order_and_no_other() {
    let shop = shop().await;
    let (cart, order, other) = (shop.cart().await, shop.clock().id(), shop.clock().id());
    let now = shop.clock().now();
    let status = async || shop.cart_now(&cart).await.status;
    shop.commits(|tx| store::lock(tx, &cart, order, now)).await.unwrap();

    shop.commits(|tx| store::complete(tx, cart.id, other, now)).await.unwrap();
    shop.commits(|tx| store::reopen(tx, cart.id, other, now)).await.unwrap();
    assert_eq!(status().await, CartStatus::Completing);

    shop.commits(|tx| store::reopen(tx, cart.id, order, now)).await.unwrap();
    let open = shop.cart_now(&cart).await;
    assert_eq!((open.status, open.order_id, open.version), (CartStatus::Open, None, 2));

    shop.commits(|tx| store::lock(tx, &open, order, now)).await.unwrap();
    shop.commits(|tx| store::complete(tx, cart.id, order, now)).await.unwrap();
    shop.commits(|tx| store::reopen(tx, cart.id, order, now)).await.unwrap();
    assert_eq!(status().await, CartStatus::Completed, "what became an order stays one");
}
