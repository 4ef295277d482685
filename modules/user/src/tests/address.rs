use std::sync::Arc;

use futures::future::join_all;
use tokio::sync::Barrier;
use user_api::{AccountId, AddressId};

use super::shop::{Shop, shop};
use crate::address::service::AddressError;
use crate::address::tests::address;
use crate::address::{AddressChange, Defaults, Entry, MOST};

async fn book() -> (Shop, AccountId) {
    let shop = shop().await;
    let account = shop.register("ada@example.com").await.id;
    (shop, account)
}

async fn add(shop: &Shop, account: AccountId, defaults: Defaults) -> Entry {
    shop.module.addresses.add(account, shop.db.clock().id(), address(), defaults).await.unwrap()
}

/// The ids of the default for parcels and of that for invoices, of which there must be one each.
async fn defaults(shop: &Shop, account: AccountId) -> (AddressId, AddressId) {
    let entries = shop.module.addresses.list(account).await.unwrap().data;
    let only = |ids: Vec<AddressId>| match ids[..] {
        [id] => id,
        _ => panic!("{ids:?}"),
    };
    (
        only(entries.iter().filter(|entry| entry.default_shipping).map(|entry| entry.id).collect()),
        only(entries.iter().filter(|entry| entry.default_billing).map(|entry| entry.id).collect()),
    )
}

const NEITHER: Defaults = Defaults { shipping: Some(false), billing: Some(false) };
const SHIPPING: Defaults = Defaults { shipping: Some(true), billing: None };

#[tokio::test]
async fn a_book_has_one_default_of_each() {
    let (shop, account) = book().await;
    let first = add(&shop, account, NEITHER).await;
    assert_eq!(defaults(&shop, account).await, (first.id, first.id), "the first is both, whatever was asked");

    let second = add(&shop, account, SHIPPING).await;
    let third = add(&shop, account, NEITHER).await;
    assert_eq!(defaults(&shop, account).await, (second.id, first.id));

    let change = AddressChange { city: Some("Paris".into()), ..AddressChange::default() };
    let both = Defaults { shipping: Some(true), billing: Some(true) };
    let changed = shop.module.addresses.update(account, third.id, change, both).await.unwrap();
    assert_eq!(
        (changed.address.city.as_str(), defaults(&shop, account).await),
        ("Paris", (third.id, third.id))
    );
}

#[tokio::test]
async fn a_default_is_given_up_by_making_another_the_default() {
    let (shop, account) = book().await;
    let first = add(&shop, account, NEITHER).await;
    let second = add(&shop, account, NEITHER).await;
    let update = async |id, defaults| {
        shop.module.addresses.update(account, id, AddressChange::default(), defaults).await
    };

    assert!(matches!(
        update(first.id, NEITHER).await,
        Err(AddressError::DefaultNeeded { field: "defaultShipping" })
    ));
    assert!(update(second.id, NEITHER).await.is_ok());
    assert_eq!(defaults(&shop, account).await, (first.id, first.id));
}

#[tokio::test]
async fn what_a_deleted_address_was_the_default_for_the_oldest_becomes() {
    let (shop, account) = book().await;
    let first = add(&shop, account, NEITHER).await;
    let second = add(&shop, account, SHIPPING).await;
    let third = add(&shop, account, SHIPPING).await;
    let remove = async |id| shop.module.addresses.remove(account, id).await;

    remove(first.id).await.unwrap();
    assert_eq!(defaults(&shop, account).await, (third.id, second.id));
    remove(third.id).await.unwrap();
    assert_eq!(defaults(&shop, account).await, (second.id, second.id));
    remove(second.id).await.unwrap();
    assert!(shop.module.addresses.list(account).await.unwrap().data.is_empty());
    assert!(matches!(remove(second.id).await, Err(AddressError::NotFound)));
    let again = add(&shop, account, NEITHER).await;
    assert_eq!(defaults(&shop, account).await, (again.id, again.id));
}

#[tokio::test]
async fn nobody_sees_or_touches_the_book_of_another() {
    let (shop, ada) = book().await;
    let grace = shop.register("grace@example.com").await.id;
    let entry = add(&shop, ada, NEITHER).await;
    let books = &shop.module.addresses;

    assert!(matches!(books.find(grace, entry.id).await, Err(AddressError::NotFound)));
    let update = books.update(grace, entry.id, AddressChange::default(), SHIPPING).await;
    assert!(matches!(update, Err(AddressError::NotFound)));
    assert!(matches!(books.remove(grace, entry.id).await, Err(AddressError::NotFound)));
    assert!(books.list(grace).await.unwrap().data.is_empty());
    assert_eq!(books.find(ada, entry.id).await.unwrap(), entry);
}

#[tokio::test]
async fn the_same_id_again_is_the_same_address() {
    let (shop, account) = book().await;
    let entry = add(&shop, account, NEITHER).await;

    let again = shop.module.addresses.add(account, entry.id, address(), SHIPPING).await.unwrap();
    assert_eq!(again, entry);
    assert_eq!(shop.count("SELECT addresses FROM accounts").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_stays_within_its_bounds_whoever_writes_at_once() {
    let (shop, account) = book().await;
    let barrier = Arc::new(Barrier::new(32));
    for _ in 0..MOST - 16 {
        add(&shop, account, NEITHER).await;
    }
    let tasks = (0..32).map(|_| {
        let (books, barrier, id) =
            (shop.module.addresses.clone(), Arc::clone(&barrier), shop.db.clock().id());
        shop.db.tasks().spawn(async move {
            barrier.wait().await;
            books.add(account, id, address(), SHIPPING).await
        })
    });
    let outcomes: Vec<_> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();

    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 16);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(AddressError::TooMany))));
    assert_eq!(shop.count("SELECT COUNT(*) FROM addresses").await, MOST);
    defaults(&shop, account).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_first_addresses_added_at_once_one_becomes_the_default() {
    let (shop, account) = book().await;
    let barrier = Arc::new(Barrier::new(16));
    let tasks = (0..16).map(|_| {
        let (books, barrier, id) =
            (shop.module.addresses.clone(), Arc::clone(&barrier), shop.db.clock().id());
        shop.db.tasks().spawn(async move {
            barrier.wait().await;
            books.add(account, id, address(), NEITHER).await.unwrap()
        })
    });
    join_all(tasks).await;
    defaults(&shop, account).await;
}
